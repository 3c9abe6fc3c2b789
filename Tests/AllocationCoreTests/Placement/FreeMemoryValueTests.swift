import Testing

@testable import AllocationCore

@Suite struct FreeMemoryValueTests {
    /// Of 64 parts: how many slices of which size.
    private func value(_ counts: [Int: Int]) -> FreeMemoryValue {
        var parts = [Int](repeating: 0, count: FreeMemoryValue.parts + 1)
        for (size, count) in counts { parts[size] = count }
        return FreeMemoryValue(counts: parts, greatest: 64_000)
    }

    @Test func `to the smallest slices every part is worth the same`() {
        #expect(FreeMemoryValue.unknown.isFlat)
        #expect(value([1: 10]).isFlat)
        #expect(!value([1: 10, 32: 1]).isFlat)
    }

    @Test func `breaking a whole device costs more than what is broken already`() {
        let value = value([1: 8, 64: 2])
        #expect(value.cost(of: 1, where: 64) > value.cost(of: 1, where: 20))
        #expect(value.cost(of: 1, where: 20) < 0, "what is free of it is of no use to a fifth of the slices")
        #expect(value.cost(of: 64, where: 64) == 0)
    }

    @Test func `a gap that the expected sizes do not fill is worth less than it is large`() {
        // Halves: of 40 parts 8 are left over, of 63 nearly a half.
        let value = value([32: 10])
        #expect(value.cost(of: 32, where: 64) == 0)
        #expect(value.cost(of: 32, where: 40) < value.cost(of: 32, where: 63))
        #expect(value.cost(of: 8, where: 40) < value.cost(of: 8, where: 64))
    }

    @Test func `it holds while one slice in twenty differs`() {
        let value = value([1: 50, 32: 50])
        func holds(_ small: Int, _ large: Int, _ greatest: Int64 = 64_000) -> Bool {
            var counts = [Int](repeating: 0, count: FreeMemoryValue.parts + 1)
            (counts[1], counts[32]) = (small, large)
            return value.stillHolds(for: counts, greatest: greatest)
        }
        #expect(holds(50, 50) && holds(500, 500) && holds(54, 46))
        #expect(!holds(60, 40) && !holds(50, 50, 128_000))
        #expect(!FreeMemoryValue.unknown.stillHolds(for: [Int](repeating: 0, count: 65), greatest: 64))
    }
}
