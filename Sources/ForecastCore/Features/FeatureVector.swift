import FleetModel

/// What the network is told about one instance in one second: 104 numbers, all scale-free and within ±8.
///
/// Demand is in units of the instance's *scale* (its mean demand while it has any, leaning to its application type's).
/// Counts and durations go in by their square root or logarithm. Groups, in this order: the last 8 seconds of both
/// resources, their older means, maxima and averages; arrivals; how busy; the burst under way and the rhythm of bursts;
/// the application type's load against its usual one; how the instance compares to its type; what the onset model makes of
/// leading signals; those of the host and its user; and the calendar. What is not reported is 0, and says so.
package enum FeatureVector {
    package static let count = 104
    /// What the application type does, and how the instance's busy share compares to it.
    static let ofType = 52..<75
    /// What the onset model says of each horizon.
    static let onset = 83..<86
    /// The time of day and of the week: not known in training, so that networks begin without weight on it.
    static let calendar = 99..<103

    /// Linear up to 4, logarithmic beyond.
    @inline(__always)
    static func squeeze(_ value: Float) -> Float { value < 4 ? value : min(4 + FloatMath.log1p(value - 4), 8) }
}

/// A place in a row of features that moves on with each number written.
struct FeatureWriter {
    private var next: UnsafeMutablePointer<Float>
    private let end: UnsafeMutablePointer<Float>

    init(_ row: UnsafeMutablePointer<Float>) {
        next = row
        end = row + FeatureVector.count
    }

    @inline(__always)
    mutating func put(_ value: Float) {
        precondition(next < end, "a row has room for \(FeatureVector.count) features")
        next.pointee = max(-8, min(8, value))
        next += 1
    }

    @inline(__always)
    mutating func put(squeezed value: Float) { put(FeatureVector.squeeze(value)) }

    mutating func finish() { while next < end { put(0) } }
}

/// Logarithms in single precision without a maths library: equal bits on every platform, relative error under 1e-6.
enum FloatMath {
    /// The natural logarithm of `value`, above 0 and normal.
    @inline(__always)
    static func log(_ value: Float) -> Float {
        let bits = value.bitPattern
        var exponent = Float(Int32(bits >> 23) - 127)
        var significand = Float(bitPattern: (bits & 0x007F_FFFF) | 0x3F80_0000)
        if significand > 1.414_213_6 {
            significand *= 0.5
            exponent += 1
        }
        // ln m = 2 artanh((m - 1) / (m + 1)), by its series to the 7th power; the argument is below 0.172.
        let s = (significand - 1) / (significand + 1)
        let square = s * s
        let series = ((square * 0.142_857_15 + 0.2) * square + 0.333_333_34) * square + 1
        return exponent * 0.693_147_2 + 2 * s * series
    }

    /// The natural logarithm of 1 + `value`, `value` not below 0.
    @inline(__always)
    static func log1p(_ value: Float) -> Float { log(1 + value) }
}
