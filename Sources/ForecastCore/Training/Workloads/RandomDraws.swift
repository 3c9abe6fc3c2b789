import Determinism

/// The distributions that synthetic workloads are drawn from, made of uniform numbers and our own powers and logarithms,
/// so that equal seeds give equal workloads on every platform.
extension SeededGenerator {
    /// Evenly distributed.
    mutating func draw(_ range: ClosedRange<Double>) -> Double {
        range.lowerBound + unit() * (range.upperBound - range.lowerBound)
    }

    /// Evenly distributed in its logarithm; `range` is above 0.
    mutating func drawLogarithmic(_ range: ClosedRange<Double>) -> Double {
        let lower = BinaryPowers.logarithm(range.lowerBound)
        return BinaryPowers.power(lower + unit() * (BinaryPowers.logarithm(range.upperBound) - lower))
    }

    /// Exponentially distributed.
    mutating func drawExponential(mean: Double) -> Double {
        -mean * BinaryPowers.logarithm(1 - unit()) * 0.693_147_180_559_945_3
    }

    /// About normally distributed: the sum of 12 uniform numbers less 6.
    mutating func drawNormal() -> Double {
        var sum = -6.0
        for _ in 0..<12 { sum += unit() }
        return sum
    }

    /// Log-normally distributed around `median`; `spread` is the deviation of the natural logarithm.
    mutating func drawLogNormal(median: Double, spread: Double) -> Double {
        median * BinaryPowers.power(drawNormal() * spread * 1.442_695_040_888_963)
    }

    /// How many events there are of a Poisson process with `mean`, at most 1,000. O(mean).
    mutating func drawPoisson(mean: Double) -> Int {
        var passed = drawExponential(mean: 1)
        var count = 0
        while passed < min(mean, 900), count < 1_000 {
            count += 1
            passed += drawExponential(mean: 1)
        }
        return count
    }

    mutating func flip(_ probability: Double) -> Bool { unit() < probability }
}
