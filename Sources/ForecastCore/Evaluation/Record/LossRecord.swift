import FleetModel

/// The loss over time: in windows of equally many origins, at most ``greatestCount`` of them.
package struct LossRecord: Hashable, Sendable {
    package static let greatestCount = 120
    private static let shortest = 30

    private let firstOrigin: Int
    /// Seconds of a window: 30, or the distance of two origins where that is more, doubled until there are no more
    /// windows than allowed.
    package let windowSeconds: Int
    /// How many there are.
    package let windows: Int
    /// By window × curves + curve.
    private var losses: [Double]
    private var demands: [Double]

    init(origins: Range<Int>, step: Int) {
        firstOrigin = origins.lowerBound
        var seconds = max(Self.shortest, step)
        while seconds * Self.greatestCount < origins.count { seconds *= 2 }
        windowSeconds = seconds
        windows = (origins.count + seconds - 1) / seconds
        losses = Array(repeating: 0, count: windows * DemandForecast.curveCount)
        demands = losses
    }

    /// The origin with which a window begins.
    package func start(of window: Int) -> Int { firstOrigin + window * windowSeconds }

    mutating func count(_ forecast: ScoredForecast) {
        let window = (forecast.origin - firstOrigin) / windowSeconds
        let place = window * DemandForecast.curveCount + forecast.curve
        losses[place] += PinballLoss.mean(forecast.stated, outcome: forecast.outcome)
        demands[place] += forecast.outcome
    }

    /// The weighted quantile loss of a window: the mean over those of the 12 cells that had demand in it; nil where none
    /// had.
    package func loss(of window: Int) -> Double? {
        let places = window * DemandForecast.curveCount..<(window + 1) * DemandForecast.curveCount
        let cells = places.filter { demands[$0] > 0 }.map { losses[$0] / demands[$0] }
        return cells.isEmpty ? nil : cells.reduce(0, +) / Double(cells.count)
    }
}
