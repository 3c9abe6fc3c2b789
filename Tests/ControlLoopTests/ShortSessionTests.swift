import ControlLoop
import FleetModel
import Testing

/// A session that is over before the period is: what it used must be heard of all the same.
@Suite struct ShortSessionTests {
    @Test func whatAWorkerUsedLastIsReportedBeforeItsGrantEnds() {
        var (server, grant) = GPUServerMachine.withOneWorker(inUse: true)
        let status = WorkerStatus(
            attached: true, connected: true, peakMemory: .mebibytes(48), busy: .milliseconds(300), traffic: true,
            processorTime: .milliseconds(150))
        #expect(server.handle(.workerReported(grant, status), now: .seconds(10.9)).isEmpty)
        let effects = server.handle(.workerExited(grant, .closed), now: .seconds(11))
        guard effects.count == 3, case .send(.heartbeat(let heartbeat)) = effects[0] else {
            Issue.record("\(effects)")
            return
        }
        #expect(heartbeat.held.map(\.usedMemory) == [.mebibytes(48)])
        #expect(heartbeat.held.map(\.usedCompute) == [MilliShare(300)])
        #expect(
            heartbeat.held.map(\.commandTime)
                == [CommandTime(busy: .milliseconds(300), processors: .milliseconds(150))])
        #expect(
            effects[1] == .send(.grantEnded(GrantEnd(grant, .sessionEnded, worker: .closed, wasInUse: true))))
    }

    /// What the processors do for a command is told with the command, which counts once it has ended; what they do without any
    /// is not.
    @Test func processorTimeWaitsForTheCommandThatItIsFor() throws {
        var (server, grant) = GPUServerMachine.withOneWorker(inUse: true)
        var now = MonotonicTime.seconds(10)
        func told(busy: Duration, processors: Duration) -> CommandTime? {
            let status = WorkerStatus(
                attached: true, connected: true, peakMemory: .mebibytes(48), busy: busy, traffic: true,
                processorTime: processors)
            _ = server.handle(.workerReported(grant, status), now: now)
            now = now + .seconds(1)
            for case .send(.heartbeat(let heartbeat)) in server.handle(.periodEnded, now: now) {
                return heartbeat.held.first?.commandTime
            }
            return nil
        }
        // A kernel of three seconds, and one of a tenth.
        #expect(told(busy: .zero, processors: .seconds(1)) == CommandTime())
        #expect(told(busy: .zero, processors: .seconds(1)) == CommandTime())
        #expect(
            told(busy: .seconds(3), processors: .seconds(1)) == CommandTime(busy: .seconds(3), processors: .seconds(3)))
        #expect(
            told(busy: .milliseconds(100), processors: .milliseconds(20))
                == CommandTime(busy: .milliseconds(100), processors: .milliseconds(20)))
        // Uploads for longer than anything is waited for.
        for _ in 0..<100 { #expect(told(busy: .zero, processors: .seconds(1)) == CommandTime()) }
        #expect(
            told(busy: .seconds(1), processors: .zero) == CommandTime(busy: .seconds(1), processors: .seconds(60)))
    }
}
