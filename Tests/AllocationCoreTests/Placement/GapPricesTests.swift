import Determinism
import Testing

@testable import AllocationCore

@Suite struct GapPricesTests {
    @Test func `a gap is worth as many of the only share as fit`() {
        let prices = GapPrices(counts: [470: 10])
        #expect(prices.values[469] == 0)
        #expect(prices.values[470] == 500_000)
        #expect(prices.values[939] == 500_000)
        #expect(prices.values[940] == 1_000_000)
        #expect(prices.waste[530] == 30_000)
    }

    @Test func `what pairs with a large share is worth nothing where large shares abound`() {
        // 810 leaves 190, which 160 fits into: of these there are too few to matter.
        let prices = GapPrices(counts: [810: 100, 160: 5])
        #expect(prices.values[190] == 0)
        #expect(prices.values[810] == 1_000_000)
        // Where the small ones abound they set the price: six of them fill a device.
        #expect(GapPrices(counts: [810: 5, 160: 600]).values[160] == 166_667)
    }

    @Test func `without shares only whole devices are worth anything`() {
        let prices = GapPrices(counts: [:])
        #expect(prices.values[999] == 0)
        #expect(prices.values[1_000] == 1_000_000)
    }

    @Test(arguments: 0..<40 as Range<UInt64>)
    func `values never fall, and two gaps are worth no more apart than together`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var counts: [Int: Int] = [:]
        for _ in 0..<random.below(30) { counts[Int(random.below(99) + 1) * 10] = Int(random.below(1_000)) + 1 }
        let values = GapPrices(counts: counts).values
        #expect(values.count == 1_001)
        #expect(zip(values, values.dropFirst()).allSatisfy { $0 <= $1 })
        for _ in 0..<200 {
            let first = Int(random.below(1_001))
            let second = Int(random.below(UInt64(1_001 - first)))
            // Values are rounded to whole millionths.
            #expect(values[first] + values[second] <= values[first + second] + 2)
        }
    }

    @Test(arguments: 0..<40 as Range<UInt64>)
    func `the prices of all shares cover what they take up, and no packing beats them`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var counts: [Int: Int] = [:]
        for _ in 0...random.below(12) { counts[Int(random.below(90) + 5) * 10] = Int(random.below(50)) + 1 }
        let values = GapPrices(counts: counts).values
        let bound = counts.reduce(0.0) { $0 + Double($1.value * values[$1.key]) / 1e6 }
        let volume = counts.reduce(0.0) { $0 + Double($1.value * $1.key) / 1e3 }
        #expect(bound >= volume - 0.01)
        // First fit decreasing is a packing, so it takes at least as many devices as the programme.
        var gaps: [Int] = []
        for (size, count) in counts.sorted(by: { $0.key > $1.key }) {
            for _ in 0..<count {
                if let fit = gaps.firstIndex(where: { $0 >= size }) {
                    gaps[fit] -= size
                } else {
                    gaps.append(1_000 - size)
                }
            }
        }
        #expect(bound <= Double(gaps.count) + 0.01)
    }
}
