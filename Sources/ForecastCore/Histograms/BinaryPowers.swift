/// Powers and logarithms to base 2 without a maths library, so that equal input gives equal bits on every platform.
enum BinaryPowers {
    /// 2 to the power of `exponent`, to about 1e-14 relative; 0 below -1000, and 2^1000 above 1000.
    static func power(_ exponent: Double) -> Double {
        guard exponent > -1_000 else { return 0 }
        let bounded = min(exponent, 1_000)
        let whole = bounded.rounded()
        // e^x for |x| <= 0.35 by Taylor's series, with the reciprocals of the factorials.
        let x = (bounded - whole) * 0.693_147_180_559_945_3
        var sum = 2.505_210_838_544_172e-8
        sum = sum * x + 2.755_731_922_398_589e-7
        sum = sum * x + 2.755_731_922_398_589e-6
        sum = sum * x + 2.480_158_730_158_730e-5
        sum = sum * x + 1.984_126_984_126_984e-4
        sum = sum * x + 1.388_888_888_888_889e-3
        sum = sum * x + 8.333_333_333_333_333e-3
        sum = sum * x + 4.166_666_666_666_667e-2
        sum = sum * x + 1.666_666_666_666_667e-1
        sum = sum * x + 0.5
        sum = sum * x + 1
        sum = sum * x + 1
        return Double(sign: .plus, exponent: Int(whole), significand: sum)
    }

    /// The logarithm of `value` to base 2, to about 1e-13. `value` is above 0 and finite.
    static func logarithm(_ value: Double) -> Double {
        var exponent = Double(value.exponent)
        var significand = value.significand
        if significand > 1.414_213_562_373_095 {
            significand /= 2
            exponent += 1
        }
        // ln m = 2 artanh((m - 1) / (m + 1)), by its series to the 15th power; the argument is below 0.172.
        let s = (significand - 1) / (significand + 1)
        let square = s * s
        var sum = 1.0 / 15
        sum = sum * square + 1.0 / 13
        sum = sum * square + 1.0 / 11
        sum = sum * square + 1.0 / 9
        sum = sum * square + 1.0 / 7
        sum = sum * square + 1.0 / 5
        sum = sum * square + 1.0 / 3
        sum = sum * square + 1
        return exponent + sum * s * 2.885_390_081_777_927
    }
}
