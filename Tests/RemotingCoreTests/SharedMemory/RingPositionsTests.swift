import Determinism
import RemotingCore
import Testing

@Suite("The positions of a ring that two processes share")
struct RingPositionsTests {
    @Test("Whatever the turns, bytes come out as they went in", arguments: 1...20 as ClosedRange<UInt64>)
    func carriesBytes(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let capacity = 1 << Int(random.below(6))
        var producer = RingProducer(capacity: capacity)
        var consumer = RingConsumer(capacity: capacity)
        // What the two ends have told each other, each as late as it likes.
        var (toldProduced, toldConsumed): (UInt64, UInt64) = (0, 0)
        var memory = [UInt8](repeating: 0, count: capacity)
        var (written, read): (UInt64, UInt64) = (0, 0)
        for _ in 0..<2_000 {
            switch random.below(4) {
            case 0:
                let count = Int(random.below(UInt64(producer.room) + 1))
                for step in 0..<count {
                    memory[(producer.offset + step) % capacity] = UInt8(truncatingIfNeeded: written &* 31)
                    written += 1
                }
                producer.produce(count)
            case 1: toldProduced = producer.produced
            case 2:
                try consumer.learn(produced: toldProduced)
                let count = Int(random.below(UInt64(consumer.available) + 1))
                for step in 0..<count {
                    #expect(memory[(consumer.offset + step) % capacity] == UInt8(truncatingIfNeeded: read &* 31))
                    read += 1
                }
                consumer.consume(count)
                toldConsumed = consumer.consumed
            default: try producer.learn(consumed: toldConsumed)
            }
            #expect(producer.room >= 0 && producer.room <= capacity)
            #expect(written - read <= UInt64(capacity))
        }
        #expect(read > 0)
    }

    @Test("A receiver believes no more than the ring can hold, and nothing that falls")
    func receiverDoubts() throws {
        var consumer = RingConsumer(capacity: 8)
        try consumer.learn(produced: 8)
        consumer.consume(3)
        #expect(throws: RemotingError.self) { try consumer.learn(produced: 12) }
        #expect(throws: RemotingError.self) { try consumer.learn(produced: 7) }
        #expect(throws: RemotingError.self) { try consumer.learn(produced: .max) }
        #expect(consumer.available == 5)
        try consumer.learn(produced: 11)
        #expect(consumer.available == 8)
    }

    @Test("A sender believes no more than it has sent, and nothing that falls")
    func senderDoubts() throws {
        var producer = RingProducer(capacity: 8)
        producer.produce(6)
        try producer.learn(consumed: 4)
        #expect(throws: RemotingError.self) { try producer.learn(consumed: 7) }
        #expect(throws: RemotingError.self) { try producer.learn(consumed: 3) }
        #expect(producer.room == 6)
    }

    @Test("The parts of the memory lie beside each other, each number on a line of its own")
    func layout() {
        let numbers = [
            SharedMemoryLayout.toWorker.produced, SharedMemoryLayout.toWorker.consumed,
            SharedMemoryLayout.toClient.produced, SharedMemoryLayout.toClient.consumed,
            SharedMemoryLayout.clientSleeps, SharedMemoryLayout.workerSleeps,
        ]
        #expect(Set(numbers.map { $0 / 64 }).count == numbers.count)
        #expect(numbers.allSatisfy { $0 + 8 <= SharedMemoryLayout.headerLength })
        #expect(SharedMemoryLayout.toWorker.bytes == 4_096)
        #expect(SharedMemoryLayout.toClient.bytes == 4_096 + (1 << 20))
        #expect(SharedMemoryLayout.length == 4_096 + (2 << 20))
    }
}

@Suite("How long an end looks before it sleeps")
struct SpinBudgetTests {
    @Test("It looks longer while that pays, and gives up soon while it does not")
    func adapts() {
        var budget = SpinBudget(processors: 2)
        for _ in 0..<20 { budget.learn(found: false) }
        #expect(budget.nanoseconds == SpinBudget.least)
        for _ in 0..<20 { budget.learn(found: true) }
        #expect(budget.nanoseconds == SpinBudget.greatest)
    }

    @Test("Once in a while it looks long, in case processors have become free")
    func probes() {
        var budget = SpinBudget(processors: 2)
        let looks = (1...3 * SpinBudget.probeEvery).map { _ in
            budget.learn(found: false)
            return budget.nanoseconds
        }
        let long = looks.indices.filter { looks[$0] == SpinBudget.greatest }.map { $0 + 1 }
        #expect(long == [1, 2, 3].map { $0 * SpinBudget.probeEvery })
        #expect(looks.count { $0 > SpinBudget.least } < 3 + 8)
        budget.learn(found: true)
        #expect(budget.nanoseconds == SpinBudget.greatest)
    }

    @Test("On one processor nobody looks")
    func alone() {
        var budget = SpinBudget(processors: 1)
        budget.learn(found: true)
        #expect(budget.nanoseconds == 0)
    }
}
