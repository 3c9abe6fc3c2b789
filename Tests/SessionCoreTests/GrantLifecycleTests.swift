import FleetModel
import SessionCore
import Testing

@Suite struct GrantLifecycleTests {
    private let now = MonotonicTime.seconds(10)
    private let place = SessionEndpoint(host: "127.0.0.1", port: 9)
    private let everyone = GrantLifecycle.Reach(server: true, agent: true, agentLapsed: false)

    private func steps(
        _ lifecycle: inout GrantLifecycle, after: Duration = .zero, _ reach: GrantLifecycle.Reach? = nil
    ) -> [GrantLifecycle.Step] {
        lifecycle.nextSteps(at: now + after, reach: reach ?? everyone)
    }

    private func reserved() -> GrantLifecycle {
        var lifecycle = GrantLifecycle(goal: .reserved)
        lifecycle.committed()
        lifecycle.serverHolds(.reserved, endpoint: place)
        lifecycle.agentReady(.reserved)
        return lifecycle
    }

    @Test func nobodyHearsOfAGrantBeforeItIsDurable() {
        var lifecycle = GrantLifecycle(goal: .reserved)
        #expect(steps(&lifecycle) == [])
        lifecycle.committed()
        #expect(steps(&lifecycle) == [.commandServer(.reserved)])
    }

    @Test func onTheWayUpTheServerComesBeforeTheAgent() {
        var lifecycle = GrantLifecycle(goal: .reserved)
        lifecycle.committed()
        #expect(steps(&lifecycle) == [.commandServer(.reserved)])
        lifecycle.serverHolds(.reserved, endpoint: place)
        #expect(steps(&lifecycle) == [.notifyAgent(.reserved)])
        lifecycle.agentReady(.reserved)
        #expect(steps(&lifecycle) == [])
        #expect(lifecycle.isSettled)
        #expect(lifecycle.readiness == .reserved)
    }

    @Test func onTheWayDownTheAgentComesBeforeTheServer() {
        var lifecycle = reserved()
        lifecycle.want(.warm)
        #expect(steps(&lifecycle) == [.notifyAgent(.warm)])
        lifecycle.agentReady(.warm)
        #expect(steps(&lifecycle) == [.commandServer(.warm)])
        lifecycle.serverHolds(.warm, endpoint: place)
        #expect(steps(&lifecycle) == [])
        #expect(lifecycle.isSettled)
    }

    @Test func aReleaseAsksTheAgentThenTheServerThenForgets() {
        var lifecycle = reserved()
        lifecycle.want(.released(.graceEnded))
        #expect(steps(&lifecycle) == [.withdrawFromAgent(.graceEnded)])
        lifecycle.agentReleased()
        #expect(steps(&lifecycle) == [.commandServer(.released)])
        lifecycle.serverReleased()
        #expect(steps(&lifecycle) == [.forget(.graceEnded)])
    }

    @Test(arguments: [GrantLifecycle.Goal.warm, .released(.preempted)])
    func aProgramThatGetsTheSessionCancelsWhatWouldTakeIt(goal: GrantLifecycle.Goal) {
        var lifecycle = reserved()
        lifecycle.want(goal)
        _ = steps(&lifecycle)
        lifecycle.attached()
        #expect(steps(&lifecycle, after: .seconds(60)) == [])
        #expect(lifecycle.goal == .reserved)
        #expect(lifecycle.readiness == .attached)
    }

    @Test func whatIsAttachedCannotBeReleased() {
        var lifecycle = reserved()
        lifecycle.attached()
        let accepted = lifecycle.want(.released(.graceEnded))
        #expect(!accepted)
    }

    @Test func whatIsNotAnsweredIsSaidAgainAfterTheRetryInterval() {
        var lifecycle = GrantLifecycle(goal: .warm)
        lifecycle.committed()
        #expect(steps(&lifecycle) == [.commandServer(.warm)])
        #expect(steps(&lifecycle, after: .milliseconds(1_999)) == [])
        #expect(steps(&lifecycle, after: .seconds(2)) == [.commandServer(.warm)])
    }

    @Test func aReconnectedPeerIsToldAtOnce() {
        var lifecycle = GrantLifecycle(goal: .warm)
        lifecycle.committed()
        _ = steps(&lifecycle)
        lifecycle.serverReconnected()
        #expect(steps(&lifecycle) == [.commandServer(.warm)])
    }

    @Test func anAgentThatIsAwayIsWaitedForUntilItsLeaseIsOver() {
        var lifecycle = reserved()
        lifecycle.want(.released(.leaseExpired))
        let away = GrantLifecycle.Reach(server: true, agent: false, agentLapsed: false)
        #expect(steps(&lifecycle, away) == [])
        let lapsed = GrantLifecycle.Reach(server: true, agent: false, agentLapsed: true)
        #expect(steps(&lifecycle, lapsed) == [.commandServer(.released)])
    }

    @Test func aSessionThatEndedIsWithdrawnAndForgotten() {
        var lifecycle = reserved()
        lifecycle.attached()
        lifecycle.ended(.sessionEnded)
        #expect(steps(&lifecycle) == [.withdrawFromAgent(.sessionEnded)])
        lifecycle.agentReleased()
        #expect(steps(&lifecycle) == [.forget(.sessionEnded)])
    }

    @Test func aRecoveredGrantWaitsUntilItsServerHasSpoken() {
        var lifecycle = GrantLifecycle(recovered: .reserved)
        #expect(steps(&lifecycle) == [])
        lifecycle.serverHolds(.reserved, endpoint: place)
        #expect(steps(&lifecycle) == [.notifyAgent(.reserved)])
    }

    @Test func aRaiseIsCommittedBeforeTheServerHearsOfIt() {
        var lifecycle = GrantLifecycle(goal: .warm)
        lifecycle.committed()
        lifecycle.serverHolds(.warm, endpoint: place)
        lifecycle.agentReady(.warm)
        lifecycle.want(.reserved, needsCommit: true)
        #expect(steps(&lifecycle) == [])
        lifecycle.committed()
        #expect(steps(&lifecycle) == [.commandServer(.reserved)])
    }
}
