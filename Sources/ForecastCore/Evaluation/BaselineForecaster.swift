package import FleetModel

/// The usual simple methods, per series and without any pooling, to compare with: plain and slow.
///
/// They say nothing of onsets but whether there ever was demand, and nothing of endings; they do not score themselves,
/// and hold at most ``memory`` seconds of each instance.
package struct BaselineForecaster: Forecaster {
    package enum Method: Hashable, Sendable {
        /// Quantiles of what was seen over the last so many seconds.
        case rollingQuantiles(seconds: Int)
        /// The last value, plus quantiles of how far what came lay from it over the last 600 s.
        case lastValue
        /// A normal distribution with the exponentially weighted mean and deviation of the last 600 s.
        case movingAverage(halfLife: Int)
    }

    /// Seconds of an instance that are kept.
    private static let memory = 1_280
    private static let residualSeconds = 600
    /// Quantiles of the standard normal distribution at ``QuantileLevels/all``.
    private static let normal: InlineArray<13, Double> = [
        -1.96, -1.281_55, -0.841_62, -0.524_4, -0.253_35, 0, 0.253_35, 0.524_4, 0.841_62, 1.281_55, 1.644_85, 1.96,
        2.326_35,
    ]

    private struct Series: Sendable {
        /// Of both resources, the oldest first, without gaps.
        var values: [[Float]] = [[], []]
        var last: Int64?
    }

    private let method: Method
    package let horizons: ForecastHorizons
    private var series: [Series?] = []
    private var free: [Int] = []

    package init(_ method: Method, horizons: ForecastHorizons = .standard) {
        self.method = method
        self.horizons = horizons
    }

    package var accuracy: AccuracyOverview { AccuracyOverview(horizons: horizons) }

    package mutating func admit(_ instance: InstanceDescription) -> ForecastSlot {
        guard let index = free.popLast() else {
            series.append(Series())
            return ForecastSlot(rawValue: series.count - 1)
        }
        series[index] = Series()
        return ForecastSlot(rawValue: index)
    }

    package mutating func retire(_ slot: ForecastSlot) {
        guard series.indices.contains(slot.rawValue), series[slot.rawValue] != nil else { return }
        series[slot.rawValue] = nil
        free.append(slot.rawValue)
    }

    package mutating func observe(_ slot: ForecastSlot, _ observation: LoadObservation) {
        guard series.indices.contains(slot.rawValue), var own = series[slot.rawValue],
            observation.second.magnitude < 1 << 48, own.last.map({ observation.second > $0 }) ?? true
        else { return }
        series[slot.rawValue] = nil
        let gap = own.last.map { min(observation.second - $0 - 1, Int64(Self.memory)) } ?? 0
        own.last = observation.second
        for resource in Resource.allCases {
            let demand = observation.demand(resource)
            own.values[resource.rawValue] += repeatElement(0, count: Int(gap))
            own.values[resource.rawValue].append(demand > 0 ? Float(min(demand, FleetForecaster.greatestDemand)) : 0)
            let excess = own.values[resource.rawValue].count - 2 * Self.memory
            if excess > 0 { own.values[resource.rawValue].removeFirst(excess + Self.memory) }
        }
        series[slot.rawValue] = own
    }

    package mutating func forecast(_ slots: [ForecastSlot], madeAt: MonotonicTime) -> [DemandForecast] {
        slots.map { slot in
            var forecast = DemandForecast(madeAt: madeAt, horizons: horizons)
            guard series.indices.contains(slot.rawValue), let own = series[slot.rawValue], own.last != nil else {
                return forecast
            }
            for curve in 0..<DemandForecast.curveCount {
                let (resource, target, horizon) = CurveKind.all[curve]
                forecast.curves[curve] = self.curve(
                    own.values[resource.rawValue], target, seconds: horizons[horizon])
            }
            let hasDemand = own.values.contains { $0.contains { $0 > 0 } }
            for horizon in forecast.onset.indices { forecast.onset[horizon] = hasDemand ? 0.5 : 0 }
            return forecast
        }
    }

    package func amountIfDemanded(_ slot: ForecastSlot, resource: Resource, level: Double) -> Double {
        guard series.indices.contains(slot.rawValue), let own = series[slot.rawValue] else { return 0 }
        let seen = own.values[resource.rawValue].filter { $0 > 0 }
        return seen.isEmpty ? 1 : Self.quantile(seen.sorted(), level)
    }

    package func course(_ slot: ForecastSlot) -> DemandCourse {
        guard series.indices.contains(slot.rawValue), let own = series[slot.rawValue] else { return DemandCourse() }
        return DemandCourse(
            memory: own.values[0].suffix(DemandCourse.length), compute: own.values[1].suffix(DemandCourse.length))
    }

    package func trust(_ slot: ForecastSlot) -> ForecastTrust { ForecastTrust() }

    // MARK: What each method says

    private func curve(_ values: [Float], _ target: ForecastTarget, seconds: Int) -> QuantileCurve {
        let seen = target == .point ? values : Self.peaks(values, seconds: seconds)
        switch method {
        case .rollingQuantiles(let window):
            let sorted = seen.suffix(window).sorted()
            return QuantileCurve { Self.quantile(sorted, QuantileLevels.shared[$0]) }
        case .lastValue:
            let last = Double(values.last ?? 0)
            // What came is `seconds` later than what it is compared with.
            let residuals = zip(seen.dropFirst(seconds), values).map { $0 - $1 }.suffix(Self.residualSeconds).sorted()
            return QuantileCurve { last + Self.quantile(residuals, QuantileLevels.shared[$0]) }
        case .movingAverage(let halfLife):
            return Self.normalCurve(seen.suffix(600), halfLife: halfLife)
        }
    }

    /// For each second, the greatest value of the `seconds` that end with it. O(values × seconds).
    private static func peaks(_ values: [Float], seconds: Int) -> [Float] {
        values.indices.map { end in values[max(0, end - seconds + 1)...end].max() ?? 0 }
    }

    private static func normalCurve(_ values: ArraySlice<Float>, halfLife: Int) -> QuantileCurve {
        let kept = BinaryPowers.power(-1 / Double(halfLife))
        var (weight, sum, squares) = (0.0, 0.0, 0.0)
        for value in values {
            weight = weight * kept + 1
            sum = sum * kept + Double(value)
            squares = squares * kept + Double(value) * Double(value)
        }
        guard weight > 0 else { return .zero }
        let mean = sum / weight
        let deviation = max(squares / weight - mean * mean, 0).squareRoot()
        return QuantileCurve { mean + normal[$0] * deviation }
    }

    /// Between neighbours of a sorted list, linearly; 0 of nothing.
    private static func quantile(_ sorted: [Float], _ level: Double) -> Double {
        guard let last = sorted.last else { return 0 }
        let position = level * Double(sorted.count - 1)
        let index = Int(position)
        guard index + 1 < sorted.count else { return Double(last) }
        let share = position - Double(index)
        return Double(sorted[index]) * (1 - share) + Double(sorted[index + 1]) * share
    }
}
