import Dashboard
import FleetModel
import Foundation

/// What is measured along one side of a plot, and where it is marked.
struct Axis {
    struct Tick: Hashable {
        var value: Double
        var label: String
    }

    var title: String
    var range: ClosedRange<Double>
    var ticks: [Tick]

    /// Seconds of a trace; in hours where they are many.
    static func time(_ seconds: ClosedRange<Double>, marks: Int) -> Axis {
        let isLong = seconds.upperBound - seconds.lowerBound >= 10_000
        let unit = isLong ? 3_600.0 : 1
        let step = niceStep((seconds.upperBound - seconds.lowerBound) / unit, marks: marks)
        let first = (seconds.lowerBound / unit / step).rounded(.up)
        let last = (seconds.upperBound / unit / step).rounded(.down)
        return Axis(
            title: isLong ? "hour of the trace" : "second of the trace", range: seconds,
            ticks: stride(from: first, through: max(first, last), by: 1).map {
                Tick(value: $0 * step * unit, label: label($0 * step, step: step))
            })
    }

    /// Shares, 0 to 1, in percent.
    static func share(_ title: String) -> Axis {
        Axis(
            title: title, range: 0...1,
            ticks: [0, 0.25, 0.5, 0.75, 1].map { Tick(value: $0, label: Quantity.percent($0)) })
    }

    /// From 0 to a round number that is not below `greatest`.
    static func number(_ title: String, upTo greatest: Double, marks: Int) -> Axis {
        rising(title, upTo: greatest, unit: 1, suffix: "", marks: marks)
    }

    /// Demand: memory in binary units, compute in percent of one device.
    static func demand(_ resource: Resource, upTo greatest: Double, marks: Int) -> Axis {
        guard resource == .memory else {
            return rising("GPU compute, % of one device", upTo: greatest, unit: 10, suffix: " %", marks: marks)
        }
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        var (unit, power) = (1.0, 0)
        while greatest >= 1_024 * unit, power < units.count - 1 { (unit, power) = (unit * 1_024, power + 1) }
        return rising("GPU memory", upTo: greatest, unit: unit, suffix: " " + units[power], marks: marks)
    }

    private static func rising(
        _ title: String, upTo greatest: Double, unit: Double, suffix: String, marks: Int
    ) -> Axis {
        let span = greatest > 0 ? greatest / unit : 1
        let step = niceStep(span, marks: marks)
        let count = (span / step).rounded(.up)
        return Axis(
            title: title, range: 0...count * step * unit,
            ticks: stride(from: 0, through: count, by: 1).map {
                Tick(value: $0 * step * unit, label: $0 == 0 ? "0" : label($0 * step, step: step) + suffix)
            })
    }

    /// 1, 2 or 5 times a power of ten: the least with which `span` has no more than about `marks` steps.
    static func niceStep(_ span: Double, marks: Int) -> Double {
        let wanted = max(span, 1e-9) / Double(max(1, marks))
        let power = pow(10, floor(log10(wanted)))
        return [1, 2, 5].map { $0 * power }.first { $0 >= wanted * 0.999 } ?? 10 * power
    }

    private static func label(_ value: Double, step: Double) -> String {
        Quantity.decimal(value, digits: step >= 1 ? 0 : Int((-log10(step)).rounded(.up)))
    }
}
