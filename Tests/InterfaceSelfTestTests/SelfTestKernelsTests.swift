import Testing

@testable import InterfaceSelfTest

@Suite struct SelfTestKernelsTests {
    /// The floating part is exact: 2 × (3n + 0.5) = 6n + 1 for every n below 1,024.
    @Test func theHostComputesWhatTheKernelSays() {
        var x: UInt32 = 0x9E37_79B1
        x ^= x >> 13
        let low = x & 1_023
        let upper = Int32(x >> 16) - 32_768
        let expected = x &+ (low * 6 + 1) &+ UInt32(bitPattern: upper / 7) &+ UInt32(bitPattern: upper % 7)
        #expect(SelfTestKernels.arithmetic(1, salt: 0) == expected)
    }

    @Test func theNumbersHaveNoShortPattern() {
        let numbers = SelfTestKernels.numbers(4_096)
        #expect(Set(numbers).count == numbers.count)
        #expect(numbers == SelfTestKernels.numbers(4_096))
    }
}
