import Determinism
import Testing

@testable import Commands

@Suite struct ArrivalModelTests {
    @Test(arguments: [
        ArrivalModel(), ArrivalModel(meanGap: 30, gapVariation: 1.5, minimumGap: 6),
        ArrivalModel(meanGap: 8, gapVariation: 1, minimumGap: 0),
    ])
    func `gaps have the mean, the variation and the minimum asked for`(model: ArrivalModel) {
        var generator = SeededGenerator(seed: 11)
        let gaps = (0..<200_000).map { _ in model.gap(&generator) }
        let mean = gaps.reduce(0, +) / Double(gaps.count)
        let variance = gaps.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(gaps.count)
        #expect(abs(mean / model.meanGap - 1) < 0.02)
        #expect(abs(variance.squareRoot() / mean / model.gapVariation - 1) < 0.05)
        #expect(gaps.allSatisfy { $0 >= model.minimumGap })
    }

    @Test func `equal seeds give equal arrivals, ascending and within the time`() {
        let model = ArrivalModel()
        let arrivals = model.arrivals(for: 2_000, seed: 5) { _ in 4 }
        #expect(arrivals == model.arrivals(for: 2_000, seed: 5) { _ in 4 })
        #expect(arrivals != model.arrivals(for: 2_000, seed: 6) { _ in 4 })
        #expect(zip(arrivals, arrivals.dropFirst()).allSatisfy { $0.at + 4 + model.minimumGap <= $1.at })
        #expect(arrivals.allSatisfy { $0.at < 2_000 })
        #expect((60...140).contains(arrivals.count))
    }

    @Test func `tokens have the median asked for and stay in range`() {
        var generator = SeededGenerator(seed: 3)
        let distribution = ArrivalModel().contextTokens
        let draws = (0..<20_001).map { _ in distribution.draw(&generator) }.sorted()
        #expect(abs(Double(draws[10_000]) / distribution.median - 1) < 0.05)
        #expect(draws.allSatisfy(distribution.range.contains))
    }

    @Test(arguments: [
        ArrivalModel(meanGap: -1), ArrivalModel(gapVariation: 0.5), ArrivalModel(minimumGap: 20),
        ArrivalModel(meanGap: .nan), ArrivalModel(gapVariation: .infinity),
    ])
    func `parameters that cannot be met are named`(model: ArrivalModel) {
        #expect(!model.problems.isEmpty)
    }
}

@Suite struct RequestDealerTests {
    private let trace = (0..<6_400).map {
        Arrival(at: 100 + Double($0) * 0.25, contextTokens: $0, generatedTokens: 999)
    }

    @Test func `every request is dealt to exactly one instance`() {
        let dealer = RequestDealer(fleet: 16, seed: 9)
        let dealt = (0..<16).flatMap { dealer.deal(trace, to: $0, for: 10_000) }
        #expect(dealt.map(\.contextTokens).sorted() == trace.map(\.contextTokens))
    }

    @Test func `time counts from the trace's first request, and long answers are cut`() {
        let dealt = RequestDealer(fleet: 1, seed: 9).deal(trace, to: 0, for: 10)
        #expect(dealt.count == 40)
        #expect(dealt.first?.at == 0)
        #expect(dealt.allSatisfy { $0.generatedTokens == 240 })
    }

    @Test func `the fleet is as large as the mean gap asks`() {
        #expect(RequestDealer.fleetSize(trace, meanGap: 20) == 80)
        #expect(RequestDealer.fleetSize([], meanGap: 20) == 1)
        let crowded = [0, 1e-300].map { Arrival(at: $0, contextTokens: 1, generatedTokens: 1) }
        #expect(RequestDealer.fleetSize(crowded, meanGap: 86_400) == RequestDealer.maximumFleet)
    }
}
