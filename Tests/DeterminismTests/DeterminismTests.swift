import Determinism
import FleetModel
import Testing

@Suite struct SeededGeneratorTests {
    /// The first outputs for seed 1234567 in the reference implementation of SplitMix64 (S. Vigna, prng.di.unimi.it).
    @Test func isSplitMix64() {
        var generator = SeededGenerator(seed: 1_234_567)
        let first = (0..<2).map { _ in generator.next() }
        #expect(first == [6_457_827_717_110_365_317, 3_203_168_211_198_807_973])
    }

    @Test func everyNumberBelowTheBoundIsAboutEquallyFrequent() {
        var generator = SeededGenerator(seed: 3)
        var counts = [Int](repeating: 0, count: 7)
        for _ in 0..<70_000 { counts[Int(generator.below(7))] += 1 }
        // Five standard deviations of a binomial with n = 70,000 and p = 1/7.
        #expect(counts.allSatisfy { abs($0 - 10_000) < 470 })
    }

    @Test func chancesAreExactAtTheirEnds() {
        var generator = SeededGenerator(seed: 4)
        let never = (0..<100).map { _ in generator.chance(0, in: 5) }
        let always = (0..<100).map { _ in generator.chance(5, in: 5) }
        #expect(!never.contains(true))
        #expect(!always.contains(false))
    }
}

@Suite struct EventQueueTests {
    @Test func handsOutByTimeThenByInsertion() {
        var random = SeededGenerator(seed: 8)
        var queue = EventQueue<Int>()
        var expected: [(time: Int64, order: Int)] = []
        for order in 0..<2_000 {
            let time = Int64(random.below(50))
            queue.insert(order, at: MonotonicTime(rawValue: time))
            expected.append((time, order))
        }
        expected.sort { ($0.time, $0.order) < ($1.time, $1.order) }
        var happened: [Int] = []
        while let next = queue.popFirst() { happened.append(next.event) }
        #expect(happened == expected.map(\.order))
        #expect(queue.isEmpty)
    }

    @Test func interleavedInsertionsKeepTheOrder() {
        var random = SeededGenerator(seed: 9)
        var queue = EventQueue<Int>()
        var last = MonotonicTime.zero
        for value in 0..<500 {
            queue.insert(value, at: last + .nanoseconds(Int64(random.below(20))))
            guard random.chance(1, in: 2), let next = queue.popFirst() else { continue }
            #expect(next.at >= last)
            last = next.at
        }
    }
}
