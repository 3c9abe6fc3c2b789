import FleetModel
import InterfaceCore
import Testing

@testable import ControlLoop

/// How a worker's process ended, and what is made of it: by the GPU server, and by the gate of a rollout.
@Suite struct WorkerEndTests {
    /// What the GPU server says of the end of a worker that it had not asked to end.
    struct Told: Sendable {
        var end: WorkerEnd
        var inUse: Bool
        var reason: ReclaimReason
        var words: String
        var isCrash: Bool
    }

    static let ends = [
        Told(end: .closed, inUse: true, reason: .sessionEnded, words: "the session ended", isCrash: false),
        Told(
            end: .closed, inUse: false, reason: .leaseExpired, words: "the session was closed unused", isCrash: false),
        Told(
            end: .killed(signal: 11), inUse: true, reason: .serverFailed,
            words: "the worker was ended by signal 11, in use", isCrash: true),
        Told(
            end: .killed(signal: 9), inUse: false, reason: .serverFailed, words: "the worker was ended by signal 9",
            isCrash: true),
        Told(
            end: .failed(status: 1), inUse: true, reason: .serverFailed,
            words: "the worker ended with status 1, in use", isCrash: true),
        Told(end: .vanished, inUse: false, reason: .serverFailed, words: "the worker vanished", isCrash: true),
        Told(
            end: .overran, inUse: true, reason: .sessionEnded,
            words: "the worker was ended because a command ran for too long, in use", isCrash: false),
    ]

    @Test(arguments: ends)
    func aGPUServerTellsHowAWorkerEndedAndWhetherItWasUsed(_ told: Told) {
        var (server, worker) = GPUServerMachine.withOneWorker(inUse: told.inUse)
        let effects = server.handle(.workerExited(worker, told.end), now: .seconds(11))
        let device = ManagerHarness.device("s1")
        #expect(
            effects == [
                .send(.grantEnded(GrantEnd(worker, told.reason, worker: told.end, wasInUse: told.inUse))),
                .record(
                    FleetEvent(
                        at: .seconds(11), kind: told.isCrash ? .failure : .reclaimed,
                        instance: ManagerHarness.instance.id, grant: worker, device: device.id, detail: told.words)),
            ])
    }

    @Test(arguments: [(WorkerEnd.ordered, false), (.closed, false), (.killed(signal: 11), true)])
    func ofAWorkerThatIsToldToEndOnlyACrashIsTold(end: WorkerEnd, isTold: Bool) {
        var (server, worker) = GPUServerMachine.withOneWorker(inUse: false)
        let command = GrantCommand(
            grant: worker, instance: ManagerHarness.instance.id, device: ManagerHarness.device("s1").id,
            epoch: Epoch(term: 1, counter: 2), goal: .released, slice: .zero, ticket: SessionTicket(high: 1, low: 1),
            version: ManagerHarness.version, timeToLive: .seconds(10))
        _ = server.handle(.managerMessageReceived(.command(command)), now: .seconds(11))
        _ = server.handle(.epochPersisted(command.device, Epoch(term: 1, counter: 1_000_000)), now: .seconds(11))
        let effects = server.handle(.workerExited(worker, end), now: .seconds(12))
        let told = GPUServerEffect.send(.grantEnded(GrantEnd(worker, .serverFailed, worker: end)))
        let answer = GrantCommandAnswer(grant: worker, epoch: command.epoch, outcome: .inForce(endpoint: nil))
        #expect(effects == (isTold ? [told] : []) + [.send(.commandAnswered(answer))])
    }

    @Test(arguments: ends)
    func theCrashGateCountsCrashesAndNothingElse(_ told: Told) throws {
        var fleet = ManagerRolloutTests.fleet()
        try fleet.orders(.start(ManagerRolloutTests.plan(soak: .seconds(600))))
        fleet.passes(2)
        let canary = try #require(fleet.harness.manager.rollouts.active?.members.instances.keys.sorted().first)
        if told.inUse {
            fleet.asks(1, canary)
        } else {
            fleet.harness.script.onset[canary] = 1
            fleet.passes()
        }
        #expect(fleet.versions(of: canary) == [ManagerRolloutTests.new])
        fleet.workerEnds(of: canary, told.end, told.reason, inUse: told.inUse)
        #expect(fleet.harness.manager.rollouts.target.crashed == (told.isCrash ? 1 : 0))
        #expect(fleet.harness.manager.rollouts.baseline.crashed == 0)
    }

    /// The agent closes its connection first, and the worker ends with it: older GPU servers take that for a failure.
    @Test func aSessionOnItsWayBackIsNoCrashWhateverAnOlderGPUServerSays() throws {
        var fleet = ManagerRolloutTests.fleet()
        try fleet.orders(.start(ManagerRolloutTests.plan(soak: .seconds(600))))
        fleet.passes(2)
        let canary = try #require(fleet.harness.manager.rollouts.active?.members.instances.keys.sorted().first)
        fleet.harness.script.onset[canary] = 1
        fleet.passes()
        let grant = try #require(fleet.harness.manager.heldGrants.last { $0.instance.id == canary })
        _ = fleet.harness.manager.release(grant.grant, .graceEnded, now: fleet.harness.now)
        fleet.workerEnds(of: canary, nil, .serverFailed, inUse: false)
        #expect(fleet.harness.manager.rollouts.target.crashed == 0)
    }

    /// Why it was lost its GPU server tells: what its agent says of the connection is not counted beside that.
    @Test func aPreparedSessionThatIsLostWasOpenedAllTheSame() throws {
        var fleet = ManagerRolloutTests.fleet()
        try fleet.orders(.start(ManagerRolloutTests.plan(soak: .seconds(600))))
        fleet.passes(2)
        let canary = try #require(fleet.harness.manager.rollouts.active?.members.instances.keys.sorted().first)
        fleet.harness.script.onset[canary] = 1
        fleet.passes()
        fleet.harness.script.onset[canary] = 0
        let grant = try #require(fleet.harness.manager.heldGrants.last { $0.instance.id == canary }?.grant)
        let epoch = try #require(fleet.harness.manager.grants[grant]?.notified?.epoch)
        let lost = NotificationAcknowledgement(
            grant: grant, epoch: epoch, outcome: .failed("the worker closed the session"))
        fleet.happens(.agentMessageReceived(.acknowledged(lost), AnsweringFleet.agentLink))
        #expect(fleet.harness.manager.grants[grant] == nil)
        #expect(fleet.harness.manager.rollouts.target.opened.total == 1)
        #expect(fleet.harness.manager.rollouts.target.failedToOpen == 0)
    }
}

extension GPUServerMachine {
    /// A linked GPU server with one worker that it found at its start.
    static func withOneWorker(inUse: Bool) -> (GPUServerMachine, GrantID) {
        let device = ManagerHarness.device("s1")
        let worker = RecoveredWorker(
            grant: GrantID(rawValue: 1), instance: ManagerHarness.instance.id, device: device.id,
            epoch: Epoch(term: 1, counter: 1), slice: Slice(memory: .mebibytes(64), compute: MilliShare(100)),
            endpoint: SessionEndpoint(host: "s1", port: 1), attached: inUse)
        var server = GPUServerMachine(
            configuration: GPUServerMachineConfiguration(
                server: device.id.server, softwareVersion: "test", devices: [device]),
            recovered: [worker], installed: [ManagerHarness.version], now: .seconds(10))
        _ = server.handle(.linkOpened, now: .seconds(10))
        return (server, worker.grant)
    }
}
