import ControlLoop
import FleetModel
import Testing

/// A session that is over before the period is: what it used must be heard of all the same.
@Suite struct ShortSessionTests {
    @Test func whatAWorkerUsedLastIsReportedBeforeItsGrantEnds() {
        let device = ManagerHarness.device("s1")
        let endpoint = SessionEndpoint(host: "s1", port: 1)
        let worker = RecoveredWorker(
            grant: GrantID(rawValue: 1), instance: ManagerHarness.instance.id, device: device.id,
            epoch: Epoch(term: 1, counter: 1), slice: Slice(memory: .mebibytes(64), compute: MilliShare(100)),
            endpoint: endpoint, attached: true)
        var server = GPUServerMachine(
            configuration: GPUServerMachineConfiguration(
                server: device.id.server, softwareVersion: "test", devices: [device]),
            recovered: [worker], installed: [ManagerHarness.version], now: .seconds(10))
        _ = server.handle(.linkOpened, now: .seconds(10))
        let status = WorkerStatus(
            attached: true, connected: true, peakMemory: .mebibytes(48), busy: .milliseconds(300), traffic: true,
            processorTime: .milliseconds(150))
        #expect(server.handle(.workerReported(worker.grant, status), now: .seconds(10.9)).isEmpty)
        let effects = server.handle(.workerExited(worker.grant, .closed), now: .seconds(11))
        guard effects.count == 3, case .send(.heartbeat(let heartbeat)) = effects[0] else {
            Issue.record("\(effects)")
            return
        }
        #expect(heartbeat.held.map(\.usedMemory) == [.mebibytes(48)])
        #expect(heartbeat.held.map(\.usedCompute) == [MilliShare(300)])
        #expect(heartbeat.held.map(\.workerProcessors) == [0.15])
        #expect(
            effects[1] == .send(.grantEnded(GrantEnd(worker.grant, .sessionEnded, worker: .closed, wasInUse: true))))
    }

    /// A heartbeat soon after another: the device cannot have been busy for longer than there was, and what the host's
    /// processors did for it is cut with that.
    @Test func whatIsToldOfProcessorsFitsWhatIsToldOfTheDevice() throws {
        let device = ManagerHarness.device("s1")
        let worker = RecoveredWorker(
            grant: GrantID(rawValue: 1), instance: ManagerHarness.instance.id, device: device.id,
            epoch: Epoch(term: 1, counter: 1), slice: Slice(memory: .mebibytes(64), compute: MilliShare(100)),
            endpoint: SessionEndpoint(host: "s1", port: 1), attached: true)
        var server = GPUServerMachine(
            configuration: GPUServerMachineConfiguration(
                server: device.id.server, softwareVersion: "test", devices: [device]),
            recovered: [worker], installed: [ManagerHarness.version], now: .seconds(10))
        _ = server.handle(.linkOpened, now: .seconds(10))
        let status = WorkerStatus(
            attached: true, connected: true, peakMemory: .mebibytes(48), busy: .milliseconds(800), traffic: true,
            processorTime: .milliseconds(400))
        _ = server.handle(.workerReported(worker.grant, status), now: .seconds(10.1))
        guard
            case .send(.heartbeat(let told)) = server.handle(.workerExited(worker.grant, .closed), now: .seconds(10.1))
                .first
        else {
            Issue.record("no heartbeat")
            return
        }
        #expect(told.held.map(\.usedCompute) == [.wholeDevice])
        #expect(abs(try #require(told.held.first?.workerProcessors) - 0.5) < 1e-9)
    }
}
