import ArgumentParser
import FleetModel

extension Duration {
    /// The duration in `text`: a number and `ms`, `s`, `m` or `h`, or a number alone for seconds; nil for anything
    /// else, for less than 0, and for more than a year.
    init?(text: String) {
        let units: [(suffix: String, seconds: Double)] = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3_600), ("", 1)]
        guard let unit = units.first(where: { text.hasSuffix($0.suffix) }),
            let value = Double(text.dropLast(unit.suffix.count)), value >= 0, value * unit.seconds <= 31_622_400
        else { return nil }
        self = .nanoseconds(Int64((value * unit.seconds * 1e9).rounded()))
    }

    /// What ``init(text:)`` takes, for who wrote something else.
    static let expected = "a duration: one number with ms, s, m or h, such as 500ms, 90s, 5m or 1.5h"
}

/// A duration on the command line: `120s`, `2m`, `500ms`, or seconds. Options take it by ``parse(_:)``, whose failure says
/// how one is written, as that of an `ExpressibleByArgument` could not; their defaults stand in their help texts.
struct DurationArgument: Hashable, CustomStringConvertible {
    var duration: Duration

    init(_ duration: Duration) { self.duration = duration }

    @Sendable static func parse(_ text: String) throws -> DurationArgument {
        guard let duration = Duration(text: text) else { throw ValidationError("write \(Duration.expected)") }
        return DurationArgument(duration)
    }

    var description: String { "\(duration.inSeconds.formatted())s" }
    var seconds: Double { duration.inSeconds }
}

extension Double {
    /// Without a point where it is whole.
    fileprivate func formatted() -> String { self == rounded() ? String(Int(self)) : String(self) }
}

/// An amount of memory on the command line: a number and `KiB`, `MiB` or `GiB`, or bytes.
struct BytesArgument: ExpressibleByArgument, Hashable {
    var bytes: Bytes

    init(_ bytes: Bytes) { self.bytes = bytes }

    init?(argument: String) {
        let units: [(suffix: String, shift: Int64)] = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40), ("", 0)]
        guard let unit = units.first(where: { argument.hasSuffix($0.suffix) }),
            let value = Int64(argument.dropLast(unit.suffix.count)), value >= 0, value <= Int64.max >> (unit.shift + 1)
        else { return nil }
        bytes = Bytes(value << unit.shift)
    }

    var defaultValueDescription: String {
        bytes.rawValue % (1 << 20) == 0 ? "\(bytes.rawValue >> 20)MiB" : "\(bytes.rawValue)"
    }
}
