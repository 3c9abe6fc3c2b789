/// Exponential forgetting at no cost while nothing happens: weights grow with time, and what was counted stays.
///
/// Something that happened at second `t` counts 2^(t / halfLife); only ratios of such weights are ever used. To stay in
/// range they are relative to the beginning of an *era* of some half-lives, and sums kept from an earlier era are scaled
/// when they are next touched. (Forward decay: Cormode, Shkapenyuk, Srivastava and Xu, ICDE 2009.)
struct DecayClock: Sendable {
    /// Seconds.
    let halfLife: Int64
    let halfLivesPerEra: Int64
    private let massPerWeight: Double

    init(halfLife: Int64, halfLivesPerEra: Int64 = 16) {
        self.halfLife = halfLife
        self.halfLivesPerEra = halfLivesPerEra
        massPerWeight = 1 / (1 - BinaryPowers.power(-1 / Double(halfLife)))
    }

    func era(of second: Int64) -> Int64 {
        let (quotient, remainder) = second.quotientAndRemainder(dividingBy: halfLivesPerEra * halfLife)
        return remainder < 0 ? quotient - 1 : quotient
    }

    /// The weight of `second` in its own era: from 1 on, doubling with each half-life.
    func weight(of second: Int64) -> Double { weight(of: second, in: era(of: second)) }

    /// The weight of `second` relative to the beginning of `era`.
    func weight(of second: Int64, in era: Int64) -> Double {
        let origin = era * halfLivesPerEra * halfLife
        return BinaryPowers.power(Double(second - origin) / Double(halfLife))
    }

    /// The sum of the weights of all seconds in (`first`, `last`], in the era of `last`.
    func mass(after first: Int64, through last: Int64) -> Double {
        guard last > first else { return 0 }
        let era = era(of: last)
        return (weight(of: last, in: era) - weight(of: first, in: era)) * massPerWeight
    }

    /// The factor that brings a sum of `era` into `newer`.
    func factor(from era: Int64, to newer: Int64) -> Double {
        BinaryPowers.power(-Double(newer - era) * Double(halfLivesPerEra))
    }
}
