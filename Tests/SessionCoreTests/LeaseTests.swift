import FleetModel
import SessionCore
import Testing

@Suite struct LeaseTests {
    private let start = MonotonicTime.seconds(100)

    @Test func isOverExactlyFromItsDeadlineOn() {
        let lease = Lease(from: start, timeToLive: .seconds(5))
        #expect(!lease.isOver(at: start + .nanoseconds(4_999_999_999)))
        #expect(lease.isOver(at: start + .seconds(5)))
    }

    @Test func renewalMovesTheDeadlineForwardOnly() {
        var lease = Lease(from: start, timeToLive: .seconds(5))
        let renewed = lease.renew(at: start + .seconds(1), timeToLive: .seconds(1))
        #expect(renewed)
        #expect(lease.deadline == start + .seconds(5))
        lease.renew(at: start + .seconds(4), timeToLive: .seconds(5))
        #expect(lease.deadline == start + .seconds(9))
    }

    @Test func aRenewalThatComesLateChangesNothing() {
        var lease = Lease(from: start, timeToLive: .seconds(5))
        let renewed = lease.renew(at: start + .seconds(5), timeToLive: .seconds(5))
        #expect(!renewed)
        #expect(lease.isOver(at: start + .seconds(5)))
    }
}

@Suite struct EpochFenceTests {
    @Test func anOlderEpochIsRefusedNamingTheNewest() {
        var fence = EpochFence(durableBound: Epoch(term: 9, counter: 0))
        let newest = Epoch(term: 2, counter: 7)
        var open = EpochFence(durableBound: .zero)
        _ = open.commandReceived(newest)
        let older = open.commandReceived(Epoch(term: 2, counter: 6))
        #expect(older == .refuse(seen: newest))
        let olderTerm = fence.commandReceived(Epoch(term: 8, counter: 1_000_000))
        #expect(olderTerm == .refuse(seen: Epoch(term: 9, counter: 0)))
    }

    @Test func obeyingWaitsForADurableBoundOncePerStride() {
        var fence = EpochFence(durableBound: .zero)
        let first = fence.commandReceived(Epoch(term: 1, counter: 1))
        let bound = Epoch(term: 1, counter: EpochFence.stride - 1)
        #expect(first == .obeyOnceDurable(bound: bound))
        fence.bound(made: bound)
        let second = fence.commandReceived(Epoch(term: 1, counter: 2))
        #expect(second == .obey)
        let beyond = fence.commandReceived(Epoch(term: 1, counter: EpochFence.stride))
        #expect(beyond == .obeyOnceDurable(bound: Epoch(term: 1, counter: 2 * EpochFence.stride - 1)))
    }

    @Test func aNewTermIsAssuredOnlyOnceItIsDurable() {
        var fence = EpochFence(durableBound: Epoch(term: 1, counter: 1_023))
        let bound = fence.termBegan(2)
        #expect(bound == Epoch(term: 2, counter: EpochFence.stride - 1))
        #expect(fence.assured == Epoch(term: 1, counter: 1_023))
        let stale = fence.commandReceived(Epoch(term: 1, counter: 2_000))
        #expect(stale == .refuse(seen: Epoch(term: 2, counter: 0)))
        fence.bound(made: Epoch(term: 2, counter: EpochFence.stride - 1))
        #expect(fence.assured == Epoch(term: 2, counter: 0))
        let again = fence.termBegan(2)
        #expect(again == nil)
        let older = fence.termBegan(1)
        #expect(older == nil)
    }

    @Test func aRepeatIsObeyedAgain() {
        var fence = EpochFence(durableBound: .zero)
        fence.bound(made: Epoch(term: 1, counter: 1_023))
        _ = fence.commandReceived(Epoch(term: 1, counter: 5))
        let again = fence.commandReceived(Epoch(term: 1, counter: 5))
        #expect(again == .obey)
    }

    @Test func aRestartedFenceRefusesWhatWasRefusedBefore() {
        var fence = EpochFence(durableBound: .zero)
        guard case .obeyOnceDurable(let bound) = fence.commandReceived(Epoch(term: 3, counter: 40)) else {
            Issue.record("the first epoch of a term must be made durable")
            return
        }
        var restarted = EpochFence(durableBound: bound)
        let stale = restarted.commandReceived(Epoch(term: 3, counter: 39))
        #expect(stale == .refuse(seen: bound))
    }
}
