import FleetModel
import Testing

@testable import Simulation

@Suite struct RequestDemandTests {
    @Test func aRequestTakesTheDeviceForItsPromptAndAThirtySecondForItsAnswer() throws {
        var demand = RequestDemand(instances: 1)
        // 2,000 tokens take 0.2 s of a whole device, 40 tokens a second of 1/32.
        demand.add(ServiceRequest(arrival: 3.5, contextTokens: 2_000, generatedTokens: 40, instance: 0))
        let instances = DemandTrace.busy([[0]], length: 1).instances
        let entries = demand.trace(name: "one", instances: instances).entries
        #expect(entries.map(\.second) == [3, 4])
        #expect(entries.map(\.offset) == [0.5, 0])
        let computes = entries.map(\.load.gpuCompute)
        #expect(abs(computes[0] - (200 + 0.3 * 31.25)) < 1e-6 && abs(computes[1] - 0.7 * 31.25) < 1e-6)
        #expect(entries.map(\.load.gpuMemory) == [2_012, 2_040].map { $0 * 131_072 })
        #expect(entries.map(\.load.workInFlight) == [1, 0])
    }

    @Test func requestsAreDealtByWeight() {
        var dealer = WeightedDealer(weights: [3, 1], seed: 7)
        let first = (0..<4_000).count { _ in dealer.deal() == 0 }
        #expect((2_850...3_150).contains(first))
    }
}
