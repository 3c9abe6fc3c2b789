/// An amount of memory, in bytes. Arithmetic traps on overflow; amounts that come from outside are clamped at the door.
package struct Bytes: RawRepresentable, Hashable, Comparable, Sendable, Codable, AdditiveArithmetic {
    package var rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }
    package init(_ value: Int64) { rawValue = value }

    package static let zero = Bytes(0)
    package static func mebibytes(_ count: Int64) -> Bytes { Bytes(count << 20) }
    package static func gibibytes(_ count: Int64) -> Bytes { Bytes(count << 30) }
    package static func + (left: Self, right: Self) -> Self { Self(left.rawValue + right.rawValue) }
    package static func - (left: Self, right: Self) -> Self { Self(left.rawValue - right.rawValue) }
    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    /// For sentences that must not round a figure away: `100 GiB` where it is whole GiB, else `1536 MiB`, rounded up so
    /// that what is short is never shown as 0.
    package var inWholeUnits: String {
        if rawValue != 0, rawValue % (1 << 30) == 0 { return "\(rawValue >> 30) GiB" }
        let (quotient, remainder) = rawValue.quotientAndRemainder(dividingBy: 1 << 20)
        return "\(quotient + (remainder > 0 ? 1 : 0)) MiB"
    }
}

/// A share of one device's compute, in thousandths of the device: 0 to 1,000 for one device.
package struct MilliShare: RawRepresentable, Hashable, Comparable, Sendable, Codable, AdditiveArithmetic {
    package var rawValue: Int32
    package init(rawValue: Int32) { self.rawValue = rawValue }
    package init(_ value: Int32) { rawValue = value }

    package static let zero = MilliShare(0)
    package static let wholeDevice = MilliShare(1_000)
    package static func + (left: Self, right: Self) -> Self { Self(left.rawValue + right.rawValue) }
    package static func - (left: Self, right: Self) -> Self { Self(left.rawValue - right.rawValue) }
    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// A moment on one process's monotonic clock, in nanoseconds since an origin that only that process knows.
///
/// Moments of two processes are never compared: what crosses the wire is an age or a duration.
package struct MonotonicTime: RawRepresentable, Hashable, Comparable, Sendable, Codable, InstantProtocol {
    package var rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }

    package static let zero = MonotonicTime(rawValue: 0)
    package static func seconds(_ value: Double) -> Self { Self(rawValue: Int64(value * 1e9)) }

    package func advanced(by duration: Duration) -> Self { Self(rawValue: rawValue + duration.nanoseconds) }
    package func duration(to other: Self) -> Duration { .nanoseconds(other.rawValue - rawValue) }
    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    package static func + (left: Self, right: Duration) -> Self { left.advanced(by: right) }
    package static func - (left: Self, right: Self) -> Duration { right.duration(to: left) }

    /// Whole seconds since the origin, rounded down: the index of the 1 Hz slot that this moment falls in.
    package var secondIndex: Int64 { rawValue.flooredQuotient(by: 1_000_000_000) }
}

extension Duration {
    /// The duration in whole nanoseconds, saturating at ±292 years.
    package var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        let (sum, sumOverflow) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000)
        return sumOverflow ? (seconds < 0 ? .min : .max) : sum
    }

    /// The duration in seconds.
    package var inSeconds: Double { Double(nanoseconds) / 1e9 }

    /// The duration in milliseconds.
    package var inMilliseconds: Double { Double(nanoseconds) / 1e6 }
}

extension Int64 {
    fileprivate func flooredQuotient(by divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
