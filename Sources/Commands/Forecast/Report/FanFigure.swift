import Dashboard
import FleetModel
import ForecastCore

/// What was foretold of one instance's demand of one resource against what came: over all scored seconds, and a part of
/// them forecast by forecast.
struct FanFigure {
    var record: FanRecord
    var resource: Resource
    /// What it shows, for those who cannot see it.
    var title: String

    private static let height = 232.0
    private static let bandStyles = ["within95", "within80", "within50"]

    /// The key to all fans.
    static let legend = Drawing.drawing(
        height: 20, title: "Legend",
        [
            Drawing.legend(
                [
                    ("95 % interval", .area(Array(bandStyles[..<1]))), ("80 %", .area(Array(bandStyles[..<2]))),
                    ("50 %", .area(bandStyles)), ("median", .line("median")), ("what came", .line("came")),
                ], x: 64, y: 15)
        ])

    var drawing: Markup {
        let part = record.closeUp.seconds
        let overview = plot(record.overview, left: 64, width: 520, marks: 6)
        let closeUp = plot(record.closeUp, left: 664, width: 278, marks: 4)
        let stretch = overview.stretch(
            Double(part.lowerBound)...Double(part.upperBound), "part",
            says: "seconds \(part.lowerBound) to \(part.upperBound - 1), drawn on the right")
        return Drawing.drawing(
            height: Self.height, title: title,
            [overview.axes(title: scope(record.overview)), stretch] + curves(record.overview, in: overview)
                + [closeUp.axes(title: scope(record.closeUp))] + curves(record.closeUp, in: closeUp)
                + readings(of: record.closeUp, in: closeUp))
    }

    private func plot(_ series: FanSeries, left: Double, width: Double, marks: Int) -> Plot {
        let greatest = series.bins.compactMap(\.self).reduce(0) {
            max($0, $1.outcome.upperBound, $1.bands[0].upperBound)
        }
        return Plot(
            left: left, top: 34, width: width, height: Self.height - 78,
            horizontal: .time(Double(series.seconds.lowerBound)...Double(series.seconds.upperBound), marks: marks),
            vertical: .demand(resource, upTo: greatest, marks: 4))
    }

    private func scope(_ series: FanSeries) -> String {
        guard series.binSeconds == series.step else { return "\(series.binSeconds) s a point: least and greatest" }
        return series.step == 1 ? "every second" : "every \(series.step) s"
    }

    private func curves(_ series: FanSeries, in plot: Plot) -> [Markup] {
        let bins = places(of: series)
        let bands = Self.bandStyles.enumerated().map { index, style in
            plot.band(bins.map { ($0.x, $0.bin.bands[index]) }, style)
        }
        return bands + [
            plot.line(Self.extremes(bins.map { ($0.x, $0.bin.median) }), "median"),
            plot.line(Self.extremes(bins.map { ($0.x, $0.bin.outcome) }), "came"),
        ]
    }

    /// The bins that hold something, each at its middle.
    private func places(of series: FanSeries) -> [(x: Double, bin: FanSeries.Bin)] {
        series.bins.enumerated().compactMap { index, bin in
            bin.map { bin in
                let start = series.seconds.lowerBound + index * series.binSeconds
                return (Double(start) + Double(series.binSeconds) / 2, bin)
            }
        }
    }

    /// A line through the least and the greatest of each bin; through one point where they are the same.
    private static func extremes(_ bins: [(x: Double, y: ClosedRange<Double>)]) -> [(x: Double, y: Double)?] {
        bins.enumerated().flatMap { index, bin in
            let (low, high) = (bin.y.lowerBound, bin.y.upperBound)
            return low == high ? [(bin.x, low)] : (index % 2 == 0 ? [low, high] : [high, low]).map { (bin.x, $0) }
        }
    }

    /// Stretches that say what was foretold when they are pointed at.
    private func readings(of series: FanSeries, in plot: Plot) -> [Markup] {
        places(of: series).map { place in
            let half = Double(series.binSeconds) / 2
            let bin = place.bin
            return plot.stretch(
                place.x - half...place.x + half, "hover",
                says: "second \(Int(place.x - half)): came \(amount(bin.outcome.upperBound)); median "
                    + "\(amount(bin.median.upperBound)), 80 % within \(span(bin.bands[1])), "
                    + "95 % within \(span(bin.bands[0]))")
        }
    }

    private func amount(_ value: Double) -> String {
        resource == .memory ? Quantity.bytes(value) : Quantity.decimal(value / 10, digits: 1) + " %"
    }

    private func span(_ range: ClosedRange<Double>) -> String {
        "\(amount(range.lowerBound)) to \(amount(range.upperBound))"
    }
}
