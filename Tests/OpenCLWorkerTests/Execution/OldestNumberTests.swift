import Determinism
import Testing

@testable import OpenCLWorker

@Suite("The least number in a queue")
struct OldestNumberTests {
    @Test("is what a look at all of them finds", arguments: 1...20 as ClosedRange<UInt64>)
    func isTheLeast(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var (oldest, all) = (OldestNumber(), [UInt64]())
        for step in 0..<20_000 as Range<UInt64> {
            if random.below(100) < 55 {
                let number = random.chance(1, in: 4) ? step - min(step, random.below(2_000)) : step
                oldest.append(number)
                all.append(number)
            } else {
                let count = Int(random.below(UInt64(min(all.count, 3)) + 1))
                oldest.removeFirst(count)
                all.removeFirst(count)
            }
            if step % 16 == 0 { #expect(oldest.least == all.min()) }
        }
        oldest.removeFirst(all.count)
        #expect(oldest.least == nil)
    }
}
