import AllocationCore
import FleetModel
import Testing

@Suite struct LadderMeasurementsTests {
    private let prior = LadderCosts()
    private let slow = GPUServerID(unchecked: "slow")
    private func version(_ minor: UInt32) -> InterfaceVersion {
        InterfaceVersion(kind: "opencl", version: SemanticVersion(1, minor, 0), digest: .zero)
    }

    @Test func untilSomethingIsMeasuredThePriorIsTheEstimate() {
        let ladder = LadderMeasurements(prior: prior)
        #expect(ladder.costs() == prior)
        #expect(ladder.costs(version: version(1), model: "m", server: slow) == prior)
    }

    @Test func thePriorCountsAsFourObservations() {
        var ladder = LadderMeasurements(prior: prior)
        for _ in 0..<4 { ladder.observe(.open, milliseconds: 137, version: version(1), model: "m", server: slow) }
        let costs = ladder.costs()
        #expect(costs.openMs > prior.openMs && costs.openMs < 137)
        #expect(abs(costs.openMs - 87) < 1e-9 && costs.reserveMs == prior.reserveMs)
    }

    @Test func aServerThatIsSlowIsKnownByItselfAndItsLikeByTheirs() {
        var ladder = LadderMeasurements(prior: prior)
        for _ in 0..<200 {
            ladder.observe(.reserve, milliseconds: 3, version: version(1), model: "m", server: slow)
            for name in ["a", "b", "c"] {
                ladder.observe(
                    .reserve, milliseconds: 1, version: version(1), model: "m", server: GPUServerID(unchecked: name))
            }
        }
        let (one, like) = (
            ladder.costs(version: version(1), model: "m", server: slow), ladder.costs(version: version(1), model: "m")
        )
        #expect(one.reserveMs > 2 && like.reserveMs < one.reserveMs)
        #expect(ladder.costs(version: version(1), model: "m", server: GPUServerID(unchecked: "new")) == like)
        #expect(ladder.costs(version: version(2)) == ladder.costs(), "of an unseen version the fleet's is the prior")
    }

    @Test func oneStepThatTookARetryMovesTheAverageLittle() {
        var ladder = LadderMeasurements(prior: prior)
        for _ in 0..<64 { ladder.observe(.reserve, milliseconds: 4, version: version(1), model: nil, server: nil) }
        ladder.observe(.reserve, milliseconds: 2_004, version: version(1), model: nil, server: nil)
        #expect(ladder.costs().reserveMs < 5)
    }

    @Test func whereReservingIsSlowDecisionsCountItAsThePrior() {
        var ladder = LadderMeasurements(prior: prior)
        for _ in 0..<200 { ladder.observe(.reserve, milliseconds: 900, version: version(1), model: nil, server: nil) }
        #expect(ladder.costs(version: version(1)).reserveMs == prior.reserveMs)
    }

    @Test func theTableIsBounded() {
        var ladder = LadderMeasurements(prior: prior)
        for index in 0..<20_000 {
            ladder.observe(
                .open, milliseconds: 50, version: version(1), model: "m", server: GPUServerID(unchecked: "s\(index)"))
        }
        #expect(ladder.placeCount <= LadderMeasurements.limit)
        #expect(ladder.count == 20_000 && ladder.costs().openMs > 49)
    }

    @Test func whatAWarmSessionHoldsIsAveraged() {
        var ladder = LadderMeasurements(prior: prior)
        #expect(ladder.warmHostMemory == nil)
        for _ in 0..<500 { ladder.observeWarmSession(memory: .mebibytes(81), share: 0.01) }
        #expect(ladder.warmHostMemory == .mebibytes(81))
        #expect(abs(ladder.costs().warmShare - 0.01) < 1e-4)
    }
}
