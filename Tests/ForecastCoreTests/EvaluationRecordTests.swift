import Determinism
import FleetModel
import Testing

@testable import ForecastCore

@Suite struct EvaluationRecordTests {
    /// Three instances of ever rarer demand, whole amounts.
    private static func panel(seconds: Int, seed: UInt64 = 12) -> DemandPanel? {
        var random = SeededGenerator(seed: seed)
        let observations = (0..<3).map { instance in
            (0..<seconds).map { second in
                let isBusy = random.chance(1, in: UInt64(2 + 4 * instance))
                let amount = isBusy ? Double(random.below(200)) + 1 : 0
                return LoadObservation(second: Int64(second), gpuMemory: amount, gpuCompute: amount / 2)
            }
        }
        return DemandPanel(instances: (0..<3).map { .numbered($0) }, observations: observations)
    }

    private static func record(
        _ panel: DemandPanel, _ origins: Range<Int>, step: Int = 1, _ horizon: ForecastHorizon = .short
    ) -> (record: EvaluationRecord, result: EvaluationResult, scored: [ScoredForecast]) {
        var forecaster = RisingForecaster()
        var record = EvaluationRecord(panel: panel, origins: origins, step: step, horizon: horizon)
        var scored: [ScoredForecast] = []
        let result = Evaluation.run(
            &forecaster, on: panel, origins: origins, step: step,
            onScored: {
                record.count($0)
                scored.append($0)
            })
        return (record, result, scored)
    }

    @Test func `each forecast that is scored is told of, in order`() throws {
        let panel = try #require(Self.panel(seconds: 100))
        let (_, result, scored) = Self.record(panel, 20..<60, step: 3)
        #expect(scored.count == result.forecasts)
        let places = scored.map { ($0.origin * 3 + $0.instance) * 12 + $0.curve }
        #expect(places == places.sorted())
        #expect(Set(places).count == 14 * 3 * 12)
        for one in scored {
            let (resource, target, horizon) = CurveKind.all[one.curve]
            #expect(
                one.outcome
                    == panel.outcome(
                        one.instance, resource, target, ahead: result.horizons[horizon], origin: one.origin))
        }
    }

    @Test func `shares below and not above a quantile are counted for every level`() throws {
        let panel = try #require(Self.panel(seconds: 100))
        let (record, result, scored) = Self.record(panel, 20..<60)
        for target in ForecastTarget.allCases {
            for horizon in ForecastHorizon.allCases {
                let own = scored.filter {
                    CurveKind.all[$0.curve].target == target && CurveKind.all[$0.curve].horizon == horizon
                }
                for level in 0..<QuantileLevels.count {
                    let shares = record.calibration.shares(target, horizon, level: level)
                    let below = own.count { $0.outcome < $0.stated[level] }
                    let notAbove = own.count { $0.outcome <= $0.stated[level] }
                    #expect(shares.below == Double(below) / Double(own.count))
                    #expect(shares.notAbove == Double(notAbove) / Double(own.count))
                }
                // Level .95, whose coverage the result has for each resource.
                let cells = result.cells.filter { $0.target == target && $0.horizon == horizon }
                let coverage = cells.reduce(0) { $0 + $1.coverage95 } / 2
                #expect(abs(record.calibration.shares(target, horizon, level: 10).notAbove - coverage) < 1e-12)
            }
        }
    }

    @Test func `the loss of a window is that of an evaluation of its origins alone`() throws {
        let panel = try #require(Self.panel(seconds: 160))
        let record = Self.record(panel, 20..<125).record.losses
        #expect(record.windowSeconds == 30)
        #expect(record.windows == 4)
        for window in 0..<4 {
            #expect(record.start(of: window) == 20 + 30 * window)
            let start = record.start(of: window)
            let alone = Self.record(panel, start..<min(start + 30, 125)).result
            #expect(abs(try #require(record.loss(of: window)) - alone.meanLoss) < 1e-9)
        }
    }

    @Test func `a window without demand has no loss`() throws {
        let idle = (0..<100).map { LoadObservation(second: Int64($0), gpuMemory: 0, gpuCompute: 0) }
        let panel = try #require(DemandPanel(instances: [.numbered(0)], observations: [idle]))
        let record = Self.record(panel, 0..<60).record
        #expect(record.losses.windows == 2)
        #expect(record.losses.loss(of: 0) == nil)
        #expect(record.instances.isEmpty)
    }

    @Test(arguments: [ForecastHorizon.short, .long], [1, 3])
    func `fans hold what was said of each second, and what came`(horizon: ForecastHorizon, step: Int) throws {
        let panel = try #require(Self.panel(seconds: 700))
        let (record, _, scored) = Self.record(panel, 50..<650, step: step, horizon)
        #expect(record.instances.map(\.rank) == [.busiest, .median, .rarest])
        #expect(record.instances.map(\.instance) == [0, 1, 2])
        for instance in record.instances {
            #expect(
                instance.seconds == 50 + ForecastHorizons.standard[horizon]..<650 + ForecastHorizons.standard[horizon])
            let busy = instance.seconds.count { panel.observations[instance.instance][$0].gpuMemory > 0 }
            #expect(instance.busySeconds == busy)
            for resource in Resource.allCases {
                let curve = DemandForecast.curveIndex(resource, .point, horizon)
                let own = scored.filter { $0.instance == instance.instance && $0.curve == curve }
                let fan = instance.fans[resource.rawValue]
                for series in [fan.overview, fan.closeUp] {
                    for (index, bin) in series.bins.enumerated() {
                        let start = series.seconds.lowerBound + index * series.binSeconds
                        let within = own.filter {
                            series.seconds.contains($0.origin + ForecastHorizons.standard[horizon])
                                && (start..<start + series.binSeconds).contains(
                                    $0.origin + ForecastHorizons.standard[horizon])
                        }
                        let expected = within.isEmpty ? nil : Self.bin(of: within)
                        #expect(bin == expected)
                    }
                }
                #expect(fan.closeUp.seconds.count == 120 * step)
                #expect(fan.closeUp.binSeconds == step)
                #expect(fan.overview.binSeconds == (step == 1 ? 2 : 3))
            }
        }
    }

    private static func bin(of forecasts: [ScoredForecast]) -> FanSeries.Bin {
        func range(_ low: (ScoredForecast) -> Double, _ high: (ScoredForecast) -> Double) -> ClosedRange<Double> {
            (forecasts.map(low).min() ?? 0)...(forecasts.map(high).max() ?? 0)
        }
        return FanSeries.Bin(
            bands: [
                range({ $0.stated[0] }, { $0.stated[11] }), range({ $0.stated[1] }, { $0.stated[9] }),
                // .25 and .75 lie halfway between neighbouring levels.
                range({ $0.stated.value(at: 0.25) }, { $0.stated.value(at: 0.75) }),
            ],
            median: range({ $0.stated[5] }, { $0.stated[5] }), outcome: range(\.outcome, \.outcome))
    }

    @Test func `a close-up is the first of the busiest spans`() throws {
        let busy: Set<Int> = [3, 10, 11, 14, 20, 21, 24]
        let observations = (0..<30).map {
            LoadObservation(second: Int64($0), gpuMemory: 0, gpuCompute: busy.contains($0) ? 1 : 0)
        }
        let panel = try #require(DemandPanel(instances: [.numbered(0)], observations: [observations]))
        #expect(panel.busiestSpan(of: 0, length: 5, within: 0..<30) == 10..<15)
        #expect(panel.busiestSpan(of: 0, length: 5, within: 11..<30) == 20..<25)
        #expect(panel.busiestSpan(of: 0, length: 40, within: 0..<30) == 0..<30)
    }

    @Test(arguments: [(0, []), (1, [.busiest]), (2, [.busiest, .median]), (5, BusyRank.allCases)])
    func `instances without demand are not drawn`(busy: Int, ranks: [BusyRank]) throws {
        let observations = (0..<6).map { instance in
            (0..<20).map {
                LoadObservation(second: Int64($0), gpuMemory: $0 <= instance && instance < busy ? 1 : 0, gpuCompute: 0)
            }
        }
        let panel = try #require(
            DemandPanel(instances: (0..<6).map { .numbered($0) }, observations: observations))
        let chosen = panel.instancesByRank(within: 0..<20)
        #expect(chosen.map(\.rank) == ranks)
        #expect(chosen.first?.instance == (busy > 0 ? busy - 1 : nil))
        #expect(chosen.last?.instance == (busy > 0 ? 0 : nil))
    }

    @Test(arguments: [1, 60, 10_000, 5_000_000], [1, 7, 100])
    func `what is recorded is bounded, however long the trace`(seconds: Int, step: Int) {
        let losses = LossRecord(origins: 0..<seconds, step: step)
        #expect(losses.windows <= LossRecord.greatestCount)
        #expect(losses.windows * losses.windowSeconds >= seconds)
        let series = FanSeries(seconds: 0..<seconds, step: step)
        #expect(series.bins.count <= FanSeries.greatestCount)
        #expect(series.bins.count * series.binSeconds >= seconds)
    }

    @Test func `weights are shares of the models, from the first second on`() throws {
        let panel = try #require(DemandPanel.surges(instances: 4, seconds: 560, seed: 3))
        var engine = FleetForecaster()
        var record = EvaluationRecord(panel: panel, origins: 300..<530, step: 1, horizon: .short)
        _ = Evaluation.run(
            &engine, on: panel, origins: 300..<530, beforeSecond: { record.watch($1, at: $0) })
        let weights = record.weights
        #expect(weights.seconds == Array(stride(from: 0, to: 530, by: 3)))
        for kind in OnsetContext.Kind.allCases {
            for target in ForecastTarget.allCases {
                let shares = weights.weights(kind, target)
                #expect(shares.count == weights.seconds.count)
                for share in shares { #expect(abs(share.reduce(0, +) - 1) < 1e-5) }
                #expect((shares[0][ForecastModel.onset.rawValue] > 0) == (target == .peak))
            }
        }
        // What was learned shows: the last weights are the engine's own, and not what it began with.
        let last = try #require(weights.weights(.quiet, .peak).last)
        #expect(last != weights.weights(.quiet, .peak)[0])
        record.watch(engine, at: 531)
        let own = ForecastModel.allCases.map { engine.weight(of: $0, in: .quiet, for: .peak) }
        #expect(record.weights.weights(.quiet, .peak).last == own)
    }
}
