import AllocationCore
import FleetModel
import ForecastCore
import Testing

@testable import Simulation

@Suite struct PolicyComparisonTests {
    private func compare(
        _ trace: DemandTrace, _ policies: [PolicyName], devices: Int? = 1, memory: Bytes = .gibibytes(8),
        sweeps: Bool = false
    ) -> [PolicyResult] {
        PolicyComparison(trace, devices: devices, deviceMemory: memory, costs: LadderCosts())
            .run(policies, sweeps: sweeps, forecaster: FleetForecaster()).results
    }

    @Test func everyPolicySeesTheSameStarts() {
        let results = compare(.periodic(4, every: 20, length: 400), PolicyName.allCases)
        #expect(Set(results.map(\.tally.starts)) == [80])
        #expect(results.map(\.policy) == PolicyName.allCases)
    }

    @Test func theReactivePolicyMissesAllAndIdlesNothing() throws {
        let result = try #require(compare(.periodic(4, every: 20, length: 400), [.reactive]).first)
        #expect(result.tally.reserved == 0 && result.tally.staged == 80)
        #expect(result.idleCost == 0)
        #expect(result.tally.wait(share: 0.5).map { abs($0 - 42.9) < 0.01 } == true)
    }

    @Test func theOracleMissesNothingAndIdlesASecondForEachStart() throws {
        let result = try #require(compare(.busy([[10, 50, 51], [30]], length: 60), [.oracle]).first)
        #expect(result.tally.starts == 3 && result.tally.reserved == 3)
        // A tenth of the compute is held, less than the eighth of the memory.
        #expect(abs(result.tally.reservedIdleSeconds - 3 * 0.125) < 1e-9)
    }

    /// Gaps of 8 and 38 s beyond the program's end: at 0.125 devices the first costs a second of a device, the second 4.75.
    @Test(arguments: [(0.5, 0), (3.0, 1), (10.0, 2)])
    func hindsightKeepsWhatIsWorthIt(price: Double, found: Int) throws {
        let trace = DemandTrace.busy([[0, 10, 50]], length: 51)
        let seconds = HindsightKeepAlive.seconds(trace, memory: .gibibytes(8), price: price)
        #expect(seconds == [[0, 8, 38][found]])
        let kept = try #require(
            PolicyComparison(trace, devices: 1, deviceMemory: .gibibytes(8), costs: LadderCosts())
                .run([.hindsightKeepAlive], sweeps: true, forecaster: FleetForecaster()).results
                .first { $0.knob == [0.3, 3, 10][found] })
        #expect(kept.tally.reserved == found)
    }

    /// The program ends two seconds after its last demand; what it had is kept from then on.
    @Test(arguments: [(55, 1), (90, 0)])
    func whatIsKeptAliveIsFoundUntilItsTimeIsOver(gap: Int, reserved: Int) throws {
        let trace = DemandTrace.busy([[0, gap]], length: gap + 5)
        let result = try #require(compare(trace, [.keepAlive60]).first)
        #expect(result.tally.starts == 2 && result.tally.reserved == reserved)
    }

    @Test func aReservationThatIsTooSmallIsAMiss() throws {
        var trace = DemandTrace.busy([[0, 10]], length: 12)
        var entries = trace.entries
        entries[1].load.gpuMemory *= 2
        trace = DemandTrace(name: "grows", instances: trace.instances, length: 12, entries: entries)
        let tally = try #require(compare(trace, [.keepAlive60]).first).tally
        #expect(tally.reserved == 0 && tally.warm == 1)
    }

    @Test func unusedReservationsGiveWayToDemand() throws {
        // One device of 1 GiB for two instances of 1 GiB: each takes it from the other.
        let result = try #require(
            compare(.busy([[0, 20], [10, 30]], length: 40), [.keepAlive60], memory: .gibibytes(1)).first)
        #expect(result.tally.preemptions == 3)
        #expect(result.tally.shortSeconds == 0 && result.tally.contention == 0)
    }

    @Test func aProgramWithoutRoomWaitsUntilThereIsSome() throws {
        let result = try #require(
            compare(
                .busy([Array(0..<10), [5, 6, 7, 8, 9, 10, 11, 12, 13, 14]], length: 20), [.reactive],
                memory: .gibibytes(1)
            ).first)
        let longest = try #require(result.tally.wait(share: 0.99))
        #expect(result.tally.starts == 2 && longest > 5_000 && longest < 8_000)
    }

    @Test func theShippedJudgementLearnsAPeriodAndBeatsKeepingAll() throws {
        let trace = DemandTrace.periodic(8, every: 40, length: 1_200)
        let results = compare(trace, [.keepAlive60, .presync], devices: 2, sweeps: true)
        let kept = try #require(results.first { $0.policy == .keepAlive60 && $0.isOwnKnob })
        let nearest = try #require(
            results.filter { $0.policy == .presync && $0.idleCost <= kept.idleCost }.max {
                $0.tally.reserved < $1.tally.reserved
            })
        #expect(nearest.tally.reserved > kept.tally.starts / 2)
        #expect(nearest.idleCost < kept.idleCost)
    }

    @Test func equalComparisonsAreEqual() {
        let trace = DemandTrace.periodic(6, every: 15, length: 300)
        let (one, other) = (compare(trace, PolicyName.allCases), compare(trace, PolicyName.allCases))
        #expect(one.map(\.tally.reserved) == other.map(\.tally.reserved))
        #expect(one.map(\.idleCost) == other.map(\.idleCost))
    }

    @Test func thePoolIsSixtyPercentOfThePeakUnlessNamed() {
        let trace = DemandTrace.busy((0..<40).map { _ in [5] }, length: 10)
        let comparison = PolicyComparison(trace, devices: nil, deviceMemory: .gibibytes(8), costs: LadderCosts())
        // 40 GiB at once are five devices of 8 GiB.
        #expect(comparison.devices == 3)
    }

    @Test func anEmptyTraceHasNoStarts() {
        let trace = DemandTrace(name: "empty", instances: [], length: 0, entries: [])
        #expect(compare(trace, PolicyName.allCases, devices: nil).allSatisfy { $0.tally.starts == 0 })
    }
}
