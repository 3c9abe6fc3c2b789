import Determinism
import Testing

@testable import RemotingCore

@Suite("What a session would need to go on in another worker")
struct CommandWindowTests {
    private static let context = ObjectID(rawValue: 1)
    private static let queue = ObjectID(rawValue: 2)

    /// The window's obvious counterpart: it keeps everything.
    private struct Model {
        struct Sent {
            /// Nil for a large transfer, which is not kept.
            var request: OpenCLRequest?
            var number: Int
        }
        var sent: [Sent] = []
        var completed = 0

        /// The first of the requests that are kept: behind what has ended and what is not kept, and within the bound.
        var start: Int {
            var start = completed
            for entry in sent where entry.request == nil { start = max(start, entry.number + 1) }
            var bytes = 0
            for entry in sent.reversed() where entry.number >= start {
                bytes += entry.request?.encoded().count ?? 0
                if bytes > CommandWindow.capacity { return max(start, entry.number + 1) }
            }
            return start
        }

        var messages: [UInt8] { sent[start...].flatMap { $0.request?.encoded() ?? [] } }

        var creations: [OpenCLRequest]? {
            var log = CreationLog()
            for entry in sent[..<start] { entry.request.map { log.note($0) } }
            return log.requests { CallID(rawValue: 1) }
        }
    }

    private func request(_ random: inout SeededGenerator, _ number: Int) -> OpenCLRequest {
        let id = ObjectID(rawValue: UInt64(number) + 10)
        let other = ObjectID(rawValue: 10 + random.below(UInt64(number) + 1))
        switch random.below(10) {
        case 7: return .createKernel(id, program: other, name: "k")
        case 8, 9:
            let values = (0..<random.below(40)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            return .setArgument(kernel: other, index: UInt32(random.below(70)), .value(values[...]))
        case 0: return .createBuffer(id, context: Self.context, flags: 1, size: random.next())
        case 1: return .release(.buffer, other)
        case 2: return .createSubBuffer(id, parent: other, flags: 1, origin: 0, size: 8)
        case 3: return .marker(queue: Self.queue, CommandOrder(event: id), isBarrier: false)
        case 4: return .finish(CallID(rawValue: UInt64(number)), queue: Self.queue)
        case 5: return .createProgram(id, context: Self.context)
        default:
            let source = [UInt8](repeating: 0x20, count: Int(random.below(random.chance(1, in: 3) ? 60_000 : 50)))
            return .appendSource(program: other, source[...])
        }
    }

    @Test("is what an obvious model keeps of everything", arguments: 1...30 as ClosedRange<UInt64>)
    func isAsTheModel(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var (window, model) = (CommandWindow(), Model())
        var collected: [OpenCLRequest] = []
        var made = 0
        for _ in 0..<120 {
            switch random.below(8) {
            case 0...3:
                for _ in 0...random.below(6) {
                    let request = request(&random, made)
                    made += 1
                    window.collect()
                    collected.append(request)
                }
            case 4, 5:
                window.sendCollected(collected.flatMap { $0.encoded() })
                for request in collected { model.sent.append(.init(request: request, number: model.sent.count)) }
                collected = []
            case 6 where random.chance(1, in: 4):
                window.sendTransfer()
                model.sent.append(.init(request: nil, number: model.sent.count))
            default:
                model.completed += Int(random.below(UInt64(model.sent.count - model.completed) + 1))
                try window.complete(UInt64(model.completed))
            }
            try #require(window.start == UInt64(model.start) && window.sent == UInt64(model.sent.count))
            #expect(window.underWay == UInt64(model.sent.count - model.completed))
            #expect(window.awaited == UInt64(model.start - model.completed))
            #expect(Array(window.messages) == model.messages)
            #expect(window.creations.requests { CallID(rawValue: 1) } == model.creations)
        }
        #expect(window.start > 0)
    }

    @Test("holds no more than its bound, whatever ends or does not")
    func isBounded() throws {
        var window = CommandWindow()
        let request = OpenCLRequest.appendSource(
            program: Self.context, [UInt8](repeating: 0x20, count: CommandWindow.capacity / 4)[...])
        for _ in 0..<40 {
            window.collect()
            window.sendCollected(request.encoded())
            #expect(window.messages.count <= CommandWindow.capacity)
        }
        #expect(window.sent == 40 && window.start == 37 && window.awaited == 37)
        try window.complete(37)
        #expect(window.awaited == 0 && window.underWay == 3)
    }

    @Test("still knows what was released while commands that use it may not have ended")
    func keepsWhatIsReleased() throws {
        var window = CommandWindow()
        let buffer = ObjectID(rawValue: 3)
        let requests: [OpenCLRequest] = [
            .createContext(Self.context), .createBuffer(buffer, context: Self.context, flags: 1, size: 8),
            .fillBuffer(BufferCommand(queue: Self.queue, buffer: buffer, offset: 0, size: 8), pattern: [1]),
            .release(.buffer, buffer),
        ]
        for _ in requests { window.collect() }
        window.sendCollected(requests.flatMap { $0.encoded() })
        try window.complete(2)
        #expect(window.creations.requests { CallID(rawValue: 1) } == Array(requests[..<2]))
        #expect(Array(window.messages) == requests[2...].flatMap { $0.encoded() })
        try window.complete(4)
        #expect(window.creations.requests { CallID(rawValue: 1) } == [requests[0]])
        #expect(window.messages.isEmpty)
    }

    @Test("of arguments that are set again and again knows the last values, whatever their places")
    func keepsLastArguments() throws {
        let program = ObjectID(rawValue: 3)
        // Kernels and indices of which many fall together.
        let kernels = (0..<8 as Range<UInt64>).map { ObjectID(rawValue: 64 * $0 + 100) }
        var requests: [OpenCLRequest] = [.createContext(Self.context), .createProgram(program, context: Self.context)]
        requests += kernels.map { .createKernel($0, program: program, name: "k") }
        for round in 0..<20 as Range<UInt8> {
            for (place, kernel) in kernels.enumerated() {
                requests.append(.setArgument(kernel: kernel, index: UInt32(place % 3) * 64, .value([round])))
            }
        }
        var (window, log) = (CommandWindow(), CreationLog())
        for request in requests {
            window.collect()
            log.note(request)
        }
        window.sendCollected(requests.flatMap { $0.encoded() })
        try window.complete(UInt64(requests.count))
        #expect(window.creations.requests { CallID(rawValue: 1) } == log.requests { CallID(rawValue: 1) })
    }

    @Test("looks at a request by its kind as by its case")
    func concerns() {
        var generator = MessageGenerator(seed: 5)
        for kind in 1...MessageGenerator.requestKinds {
            let request = generator.request(kind: kind)
            #expect(CreationLog.concerns(kind: request.kind) == CreationLog.concerns(request), "\(kind)")
        }
        #expect(!CreationLog.concerns(kind: 0) && !CreationLog.concerns(kind: .max))
    }

    @Test("A worker that takes back what it has completed, or completes what it was not sent, is at fault")
    func isChecked() throws {
        var window = CommandWindow()
        window.collect()
        #expect(throws: RemotingError.self) { try window.complete(1) }
        window.sendCollected(OpenCLRequest.createContext(Self.context).encoded())
        try window.complete(1)
        #expect(throws: RemotingError.self) { try window.complete(0) }
        #expect(throws: RemotingError.self) { try window.complete(2) }
        #expect(throws: RemotingError.self) { try window.complete(.max) }
        #expect(window.completed == 1)
    }
}
