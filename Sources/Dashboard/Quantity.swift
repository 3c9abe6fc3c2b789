package import FleetModel

/// Amounts as people read them: two or three significant digits and a unit.
package enum Quantity {
    /// `value` with exactly `digits` (0 to 6) digits after the point; `-` where it is not a finite number.
    package static func decimal(_ value: Double, digits: Int) -> String {
        let digits = min(max(digits, 0), 6)
        guard value.isFinite, abs(value) < 1e12 else { return "-" }
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = Int64((abs(value) * scale).rounded())
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard digits > 0 else { return sign + String(scaled) }
        let fraction = String(scaled % Int64(scale))
        let zeros = String(repeating: "0", count: digits - fraction.count)
        return "\(sign)\(scaled / Int64(scale)).\(zeros)\(fraction)"
    }

    /// `value` with as many digits after the point as its size leaves room for: `0.042`, `3.14`, `27.5`, `310`.
    package static func compact(_ value: Double) -> String {
        switch abs(value) {
        case ..<1: decimal(value, digits: 3)
        case ..<10: decimal(value, digits: 2)
        case ..<100: decimal(value, digits: 1)
        default: decimal(value, digits: 0)
        }
    }

    /// Memory in binary units: `512 MiB`.
    package static func bytes(_ value: Double) -> String {
        scaled(value, step: 1_024, units: ["B", "KiB", "MiB", "GiB", "TiB", "PiB"])
    }

    package static func bytes(_ value: Bytes) -> String { bytes(Double(value.rawValue)) }

    /// Bytes a second in decimal units, as networks are rated: `3.1 MB/s`.
    package static func rate(_ value: Double) -> String {
        scaled(value, step: 1_000, units: ["B/s", "kB/s", "MB/s", "GB/s", "TB/s"])
    }

    /// Cores used, from thousandths of one: `0.42`.
    package static func cores(milli: Double) -> String { decimal(milli / 1_000, digits: 2) }

    /// A share 0 to 1 in percent: `78 %`.
    package static func percent(_ share: Double) -> String { decimal(share * 100, digits: 0) + " %" }

    package static func percent(_ share: MilliShare) -> String { percent(Double(share.rawValue) / 1_000) }

    package static func milliseconds(_ value: Double) -> String { compact(value) + " ms" }

    /// Minutes and seconds: `02:05`; hours in front where there are any.
    package static func clock(_ duration: Duration) -> String {
        let seconds = max(0, duration.components.seconds)
        func padded(_ value: Int64) -> String { (value < 10 ? "0" : "") + String(value) }
        let tail = "\(padded(seconds / 60 % 60)):\(padded(seconds % 60))"
        return seconds >= 3_600 ? "\(seconds / 3_600):\(tail)" : tail
    }

    /// The time of day of a moment on the wall clock, in UTC as logs have it: `16:20:13`.
    package static func timeOfDay(unixMilliseconds: Int64) -> String {
        let second = (unixMilliseconds / 1_000 % 86_400 + 86_400) % 86_400
        func padded(_ value: Int64) -> String { (value < 10 ? "0" : "") + String(value) }
        return "\(padded(second / 3_600)):\(padded(second / 60 % 60)):\(padded(second % 60))"
    }

    private static func scaled(_ value: Double, step: Double, units: [String]) -> String {
        var value = value
        var unit = 0
        while abs(value) >= step, unit < units.count - 1 {
            value /= step
            unit += 1
        }
        let digits = unit == 0 || abs(value) >= 99.95 ? 0 : 1
        return decimal(value, digits: digits) + " " + units[unit]
    }
}
