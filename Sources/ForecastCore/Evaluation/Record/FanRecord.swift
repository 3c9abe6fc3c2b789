package import FleetModel

/// What was said of one instance, a horizon ahead, against what came.
package struct InstanceRecord: Hashable, Sendable {
    /// Index of ``DemandPanel/instances``.
    package let instance: Int
    /// Why this one.
    package let rank: BusyRank
    package let busySeconds: Int
    /// The seconds that were foretold, in which it was that busy.
    package let seconds: Range<Int>
    package let horizon: ForecastHorizon
    /// The seconds of ``horizon``.
    package let ahead: Int
    /// Of each resource, by its raw value.
    package private(set) var fans: [FanRecord]

    /// Those of `panel` that are drawn, for origins `step` seconds apart.
    static func all(
        of panel: DemandPanel, origins: Range<Int>, step: Int, horizon: ForecastHorizon, ahead: Int
    ) -> [InstanceRecord] {
        let seconds = origins.lowerBound + ahead..<origins.upperBound + ahead
        return panel.instancesByRank(within: seconds).map { chosen in
            let part = panel.busiestSpan(of: chosen.instance, length: FanSeries.closeUpSteps * step, within: seconds)
            let fan = FanRecord(
                overview: FanSeries(seconds: seconds, step: step), closeUp: FanSeries(seconds: part, step: step))
            return InstanceRecord(
                instance: chosen.instance, rank: chosen.rank, busySeconds: chosen.busySeconds, seconds: seconds,
                horizon: horizon, ahead: ahead, fans: Resource.allCases.map { _ in fan })
        }
    }

    mutating func count(_ forecast: ScoredForecast) {
        guard forecast.instance == instance else { return }
        for resource in Resource.allCases
        where forecast.curve == DemandForecast.curveIndex(resource, .point, horizon) {
            let second = forecast.origin + ahead
            fans[resource.rawValue].overview.count(forecast, at: second)
            fans[resource.rawValue].closeUp.count(forecast, at: second)
        }
    }
}

/// What was said of the demand for one resource against what came.
package struct FanRecord: Hashable, Sendable {
    /// All seconds that were foretold.
    package fileprivate(set) var overview: FanSeries
    /// Every forecast of a part of them.
    package fileprivate(set) var closeUp: FanSeries
}

/// Forecasts and outcomes in bins of equally many seconds, of each the least and the greatest.
package struct FanSeries: Hashable, Sendable {
    /// Forecasts of a close-up.
    static let closeUpSteps = 120
    /// The most bins of a series.
    static let greatestCount = 400

    /// What a bin holds; of a single forecast the median and the outcome are ranges without extent.
    package struct Bin: Hashable, Sendable {
        /// The central intervals of 95, 80 and 50 %: from the least lower to the greatest upper end.
        package var bands: [ClosedRange<Double>]
        package var median: ClosedRange<Double>
        package var outcome: ClosedRange<Double>
    }

    /// The seconds that are foretold.
    package let seconds: Range<Int>
    /// From one forecast to the next, in seconds.
    package let step: Int
    /// A multiple of ``step``.
    package let binSeconds: Int
    /// Nil where no forecast was scored.
    package private(set) var bins: [Bin?]

    init(seconds: Range<Int>, step: Int) {
        self.seconds = seconds
        self.step = step
        // Whole steps, so that each bin has as many forecasts.
        let steps = (seconds.count + step - 1) / step
        binSeconds = max(1, (steps + Self.greatestCount - 1) / Self.greatestCount) * step
        bins = Array(repeating: nil, count: (seconds.count + binSeconds - 1) / binSeconds)
    }

    mutating func count(_ forecast: ScoredForecast, at second: Int) {
        guard seconds.contains(second) else { return }
        let stated = forecast.stated
        let new = Bin(
            bands: [stated[0]...stated[11], stated[1]...stated[9], stated.value(at: 0.25)...stated.value(at: 0.75)],
            median: stated.median...stated.median, outcome: forecast.outcome...forecast.outcome)
        let place = (second - seconds.lowerBound) / binSeconds
        bins[place] = bins[place].map { $0.union(new) } ?? new
    }
}

extension FanSeries.Bin {
    fileprivate func union(_ other: Self) -> Self {
        Self(
            bands: zip(bands, other.bands).map { $0.union($1) }, median: median.union(other.median),
            outcome: outcome.union(other.outcome))
    }
}

extension ClosedRange<Double> {
    fileprivate func union(_ other: Self) -> Self {
        Swift.min(lowerBound, other.lowerBound)...Swift.max(upperBound, other.upperBound)
    }
}

// MARK: - What is worth drawing

/// How busy an instance is among those of its panel that ever are.
package enum BusyRank: Int, Hashable, Sendable, CaseIterable {
    case busiest
    case median
    case rarest
}

extension DemandPanel {
    /// The busiest instance of `seconds`, the one in the middle, and the rarest that had any demand in them; those of
    /// equally many busy seconds in the panel's order. Fewer where fewer had demand. O(instances × seconds).
    package func instancesByRank(within seconds: Range<Int>) -> [(rank: BusyRank, instance: Int, busySeconds: Int)] {
        let busy = instances.indices.map { ($0, busySeconds($0, within: seconds)) }.filter { $0.1 > 0 }
            .sorted { ($1.1, $0.0) < ($0.1, $1.0) }
        let places = [0, busy.count / 2, busy.count - 1]
        return BusyRank.allCases.compactMap { rank in
            let place = places[rank.rawValue]
            guard busy.indices.contains(place), !places[..<rank.rawValue].contains(place) else { return nil }
            return (rank, busy[place].0, busy[place].1)
        }
    }

    /// The first of the spans of `length` seconds in which an instance is busiest, all within `seconds`; all of those
    /// where they are fewer. O(seconds).
    func busiestSpan(of instance: Int, length: Int, within seconds: Range<Int>) -> Range<Int> {
        guard length < seconds.count else { return seconds }
        func busy(_ second: Int) -> Int { busySeconds(instance, within: second..<second + 1) }
        var count = busySeconds(instance, within: seconds.prefix(length))
        var best = (count: count, start: seconds.lowerBound)
        for start in seconds.dropFirst().prefix(seconds.count - length) {
            count += busy(start + length - 1) - busy(start - 1)
            if count > best.count { best = (count, start) }
        }
        return best.start..<best.start + length
    }
}
