import Determinism
import RemotingCore
import Testing

@Suite("Payloads that are put where they belong as they arrive")
struct PlacementTests {
    @Test(
        "However a stream is cut, what has a place lies there, and the rest in its event",
        arguments: 1...12 as ClosedRange<UInt64>)
    func places(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var pair = SessionFixture()
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 600_000, alignment: 1)
        defer { memory.deallocate() }
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        var placed = 0
        var expected: [[UInt8]] = []
        var received: [[UInt8]] = []
        for round in 0..<12 {
            // The first byte says whether the payload has a place.
            let count = [3, 20_000, 16_384, 50_000][round % 4]
            var payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 11 &+ round) }
            payload[0] = UInt8(random.below(2))
            pair.worker.expectToSend(payload)
            expected.append(payload)
        }
        var bytes = pair.worker.takeUnsent()[...]
        while !bytes.isEmpty {
            let most = Int(random.below(random.below(2) == 0 ? 60 : 30_000)) + 1
            let place: SessionStream.Placement = { head, count in
                guard head[0] == 1 else { return nil }
                return UnsafeMutableRawBufferPointer(rebasing: memory[placed..<placed + count])
            }
            let taken = try pair.client.receive(placing: place) { space in
                let piece = bytes.prefix(min(most, space.count))
                space.copyBytes(from: piece)
                return piece.count
            }
            bytes = bytes.dropFirst(taken)
            while let event = pair.client.nextEvent() {
                switch event {
                case .data(let payload):
                    #expect(payload.count < 16_384 || payload[0] == 0)
                    received.append(payload)
                case .placed(let head, let count):
                    received.append(head + memory[placed..<placed + count])
                    placed += count
                default: Issue.record("\(event)")
                }
            }
        }
        #expect(received == expected)
    }

    @Test("Only the answer of a read, alone in its frame, has a place")
    func recognises() {
        let head = OpenCLResponse.readDataHead(CallID(rawValue: 7), offset: 4_096, size: 100_000)
        #expect(head.count == SessionStream.placementHead)
        let place = OpenCLResponse.readDataPlace(head: head, count: 100_000)
        #expect(place?.call == CallID(rawValue: 7) && place?.offset == 4_096)
        #expect(OpenCLResponse.readDataPlace(head: head, count: 99_999) == nil)
        for index in [0, 3, 4, 5, 6, 7, 24, 27] {
            var wrong = head
            wrong[index] ^= 1
            #expect(OpenCLResponse.readDataPlace(head: wrong, count: 100_000) == nil)
        }
    }
}
