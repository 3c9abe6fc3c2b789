import Determinism
import FleetModel
import RemotingCore
import Testing
import WorkerControl

@testable import OpenCLWorker

/// A session, and the log that its client keeps of it.
@Suite("A session made again from its client's log")
struct RemadeSessionTests {
    private typealias Interpreter = SessionInterpreter<SyntheticComputeDevice>

    private static func interpreter() -> Interpreter {
        Interpreter(
            device: SyntheticComputeDevice(),
            account: SliceAccount(
                slice: Slice(memory: .mebibytes(64), compute: .zero), epoch: Epoch(term: 1, counter: 1)))
    }

    /// What a client sees of objects, by id.
    private static func state(_ session: Interpreter, upTo last: UInt64) -> [String] {
        (1...last).map { ObjectID(rawValue: $0) }.flatMap { id -> [String] in
            var found: [String] = []
            if session.contexts[id] != nil { found.append("\(id) context") }
            if case .success(let queue)? = session.queues[id] { found.append("\(id) queue \(queue.isOutOfOrder)") }
            if case .success(let buffer)? = session.buffers[id] {
                found.append("\(id) buffer \(buffer.size) at \(buffer.origin) part \(buffer.parent != nil)")
            }
            if case .success(let program)? = session.programs[id] {
                let built = program.built.map { String(decoding: $0.source, as: UTF8.self) } ?? "not built"
                let compiled = program.compiled.map { String(decoding: $0.source, as: UTF8.self) } ?? "not compiled"
                found.append("\(id) program \(built) \(compiled)")
            }
            if case .success(let kernel)? = session.kernels[id] {
                // A value whose buffer is gone is of no use.
                let values = kernel.values.filter { _, value in
                    guard case .buffer(let buffer) = value else { return true }
                    return session.buffers[buffer] != nil
                }
                let words = values.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }
                found.append("\(id) kernel \(kernel.device.description.name) \(words)")
            }
            if case .success(let event)? = session.events[id] { found.append("\(id) event \(event.status.status)") }
            return found
        }
    }

    private static func usedMemory(_ session: Interpreter) -> Bytes {
        // The peak begins anew with each report.
        _ = session.account.takeReport()
        return session.account.takeReport().peakMemory
    }

    @Test("is the same as the one that it was made from", arguments: 0..<200 as Range<UInt64>)
    func same(seed: UInt64) throws {
        var client = MadeUpClient(seed: seed)
        var (session, log) = (Self.interpreter(), CreationLog())
        for _ in 0..<120 {
            for request in client.next() {
                log.note(request)
                try session.execute(request) { _, _, _ in }
            }
        }
        var remade = Self.interpreter()
        var calls: UInt64 = 0
        let requests = try #require(
            log.requests {
                calls += 1
                return CallID(rawValue: calls)
            })
        for request in requests { try remade.execute(request) { _, _, _ in } }
        let (found, expected) = (Self.state(remade, upTo: client.last), Self.state(session, upTo: client.last))
        #expect(Set(found).symmetricDifference(expected) == [])
        #expect(found.count == expected.count)
        #expect(remade.errors.takeAll().isEmpty)
        #expect(Self.usedMemory(remade) == Self.usedMemory(session))
    }

    @Test(
        "and from what its client keeps of what may not have ended, wherever it is", arguments: 0..<100 as Range<UInt64>
    )
    func sameWhereverItIs(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed ^ 0xC0)
        var client = MadeUpClient(seed: seed)
        var (session, window) = (Self.interpreter(), CommandWindow())
        for _ in 0..<120 {
            let requests = client.next()
            for request in requests {
                window.collect()
                try session.execute(request) { _, _, _ in }
            }
            window.sendCollected(requests.flatMap { $0.encoded() })
            if random.chance(1, in: 4) {
                try window.complete(window.completed + random.below(window.underWay + 1))
            }
        }
        var remade = Self.interpreter()
        var calls: UInt64 = 0
        let requests = try #require(
            window.creations.requests {
                calls += 1
                return CallID(rawValue: calls)
            })
        for request in requests { try remade.execute(request) { _, _, _ in } }
        var messages = WireMessages<OpenCLRequest>(payload: Array(window.messages))
        while let request = try messages.next() { try remade.execute(request) { _, _, _ in } }
        let (found, expected) = (Self.state(remade, upTo: client.last), Self.state(session, upTo: client.last))
        #expect(Set(found).symmetricDifference(expected) == [])
        #expect(found.count == expected.count)
        #expect(remade.errors.takeAll().isEmpty)
    }
}

/// Makes and releases objects as a client library does: nothing is made of what was released.
private struct MadeUpClient {
    private var generator: SeededGenerator
    private var contexts: [ObjectID] = []
    private var buffers: [ObjectID] = []
    private var parts: [ObjectID] = []
    private var programs: [ObjectID] = []
    /// Of which there are kernels or linked programs: they are not built again.
    private var built: [ObjectID] = []
    private var kernels: [ObjectID] = []
    private var events: [ObjectID] = []
    private(set) var last: UInt64 = 0

    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    private mutating func make() -> ObjectID {
        last += 1
        return ObjectID(rawValue: last)
    }

    private mutating func any(of ids: [ObjectID]) -> ObjectID? {
        ids.isEmpty ? nil : ids[Int(generator.below(UInt64(ids.count)))]
    }

    private mutating func take(from ids: WritableKeyPath<Self, [ObjectID]>) -> ObjectID? {
        guard let id = any(of: self[keyPath: ids]) else { return nil }
        self[keyPath: ids].removeAll { $0 == id }
        return id
    }

    mutating func next() -> [OpenCLRequest] {
        guard let context = any(of: contexts) else {
            contexts.append(make())
            return [.createContext(contexts[0])]
        }
        switch generator.below(16) {
        case 0: return [.createQueue(make(), context: context, properties: generator.below(2))]
        case 1, 2:
            buffers.append(make())
            return [.createBuffer(buffers[buffers.count - 1], context: context, flags: 1, size: 64)]
        case 3:
            guard let parent = any(of: buffers) else { return [] }
            parts.append(make())
            return [.createSubBuffer(parts[parts.count - 1], parent: parent, flags: 1, origin: 8, size: 16)]
        case 4:
            programs.append(make())
            let id = programs[programs.count - 1]
            let source = Array("kernel void k\(id.rawValue)(global int *x, int y) {}".utf8)
            return [.createProgram(id, context: context), .appendSource(program: id, source[...])]
        case 5:
            guard let program = any(of: programs) else { return [] }
            return [.buildProgram(CallID(rawValue: last), program: program, options: [])]
        case 6:
            guard let program = any(of: programs) else { return [] }
            return [.compileProgram(CallID(rawValue: last), program: program, options: [], headers: [])]
        case 7: return linked(in: context)
        case 8, 9: return kernel()
        case 10, 11:
            guard let kernel = any(of: kernels) else { return [] }
            guard generator.chance(1, in: 2), let buffer = any(of: buffers + parts) else {
                return [.setArgument(kernel: kernel, index: 1, .value([1, 2, 3, UInt8(generator.below(256))]))]
            }
            return [.setArgument(kernel: kernel, index: 0, .buffer(buffer))]
        case 12:
            events.append(make())
            return [.createUserEvent(events[events.count - 1], context: context)]
        case 13:
            guard let event = take(from: \.events) else { return [] }
            return [.setUserEventStatus(event, status: 0)]
                + (generator.chance(1, in: 2) ? [.release(.event, event)] : [])
        default: return released()
        }
    }

    private mutating func linked(in context: ObjectID) -> [OpenCLRequest] {
        guard let input = take(from: \.programs) else { return [] }
        built += [make(), input]
        return [
            .compileProgram(CallID(rawValue: last), program: input, options: [], headers: []),
            .linkProgram(
                CallID(rawValue: last), ObjectID(rawValue: last), context: context, options: [], inputs: [input]),
        ]
    }

    private mutating func kernel() -> [OpenCLRequest] {
        guard let program = take(from: \.programs) else { return [] }
        built.append(program)
        kernels.append(make())
        return [
            .buildProgram(CallID(rawValue: last), program: program, options: []),
            .createKernel(kernels[kernels.count - 1], program: program, name: "k\(program.rawValue)"),
        ]
    }

    private mutating func released() -> [OpenCLRequest] {
        let choices: [(WritableKeyPath<Self, [ObjectID]>, ObjectKind)] = [
            (\.buffers, .buffer), (\.parts, .buffer), (\.programs, .program), (\.built, .program), (\.kernels, .kernel),
        ]
        let (list, kind) = choices[Int(generator.below(UInt64(choices.count)))]
        return take(from: list).map { [.release(kind, $0)] } ?? []
    }
}
