import Determinism
import FleetModel
import RemotingCore
import Testing
import WorkerControl

@testable import OpenCLWorker

@Suite("The requests of a session that have ended")
struct CompletedPrefixTests {
    private typealias Interpreter = SessionInterpreter<SyntheticComputeDevice>

    private static let context = ObjectID(rawValue: 1)
    /// The first is in order.
    private static let queues = [ObjectID(rawValue: 2), ObjectID(rawValue: 3)]

    private static func interpreter() -> Interpreter {
        Interpreter(
            device: SyntheticComputeDevice(),
            account: SliceAccount(
                slice: Slice(memory: .mebibytes(64), compute: .zero), epoch: Epoch(term: 1, counter: 1)))
    }

    /// Every request that was made, and which of them are open by the rules of docs/wire.md, looked up from the beginning
    /// each time.
    private struct Model {
        enum Kind {
            case other
            case userEvent(ObjectID)
            case marker(queue: Int, event: ObjectID, waitFor: [ObjectID])
            case finish(queue: Int)
            case wait([ObjectID])
            case watch(ObjectID)
            case release
        }
        var requests: [Kind] = []
        var ended: Set<ObjectID> = []

        var completed: Int {
            var openEvents: Set<ObjectID> = []
            var held: [Kind] = []
            var least = requests.count
            for (number, request) in requests.enumerated() {
                var isHeld = false
                switch request {
                case .other: break
                case .userEvent(let id): if !ended.contains(id) { openEvents.insert(id) }
                case .marker(let queue, let event, let waitFor):
                    isHeld = !openEvents.isDisjoint(with: waitFor)
                    // On a queue of any order it waits for what was before only where it waits for nothing else.
                    if queue == 0 || waitFor.isEmpty { isHeld = isHeld || Self.isBusy(queue, held) }
                    if isHeld { openEvents.insert(event) }
                case .finish(let queue): isHeld = Self.isBusy(queue, held)
                case .wait(let ids): isHeld = !openEvents.isDisjoint(with: ids)
                case .release: isHeld = !held.isEmpty
                // It is open, and holds nothing up.
                case .watch(let id): if openEvents.contains(id) { least = min(least, number) }
                }
                if isHeld { held.append(request) }
                if isHeld { least = min(least, number) }
            }
            return least
        }

        private static func isBusy(_ queue: Int, _ held: [Kind]) -> Bool {
            held.contains { if case .marker(queue, _, _) = $0 { true } else { false } }
        }
    }

    @Test("are those before the first that is open, whatever waits for what", arguments: 1...40 as ClosedRange<UInt64>)
    func isAsTheModel(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var (session, model) = (Self.interpreter(), Model())
        var (userEvents, events) = ([ObjectID](), [ObjectID]())
        var last: UInt64 = 3
        func ask(_ request: OpenCLRequest, _ kind: Model.Kind) throws {
            model.requests.append(kind)
            try session.execute(request) { _, _, _ in }
        }
        func some() -> [ObjectID] {
            let all = events + userEvents
            return all.isEmpty || random.chance(1, in: 2) ? [] : [all[Int(random.below(UInt64(all.count)))]]
        }
        try ask(.createContext(Self.context), .other)
        for (index, queue) in Self.queues.enumerated() {
            try ask(.createQueue(queue, context: Self.context, properties: UInt64(index)), .other)
        }
        for _ in 0..<200 {
            last += 1
            let (id, queue) = (ObjectID(rawValue: last), Int(random.below(2)))
            let call = CallID(rawValue: last)
            switch random.below(12) {
            case 0, 1:
                userEvents.append(id)
                try ask(.createUserEvent(id, context: Self.context), .userEvent(id))
            case 2...5:
                let waitFor = some()
                events.append(id)
                let order = CommandOrder(waitFor: waitFor, event: id)
                try ask(
                    .marker(queue: Self.queues[queue], order, isBarrier: false),
                    .marker(queue: queue, event: id, waitFor: waitFor))
            case 6: try ask(.finish(call, queue: Self.queues[queue]), .finish(queue: queue))
            case 7:
                let ids = some()
                if !ids.isEmpty { try ask(.waitForEvents(call, ids), .wait(ids)) }
            case 8: if let id = some().first { try ask(.watchEvent(call, id), .watch(id)) }
            case 9:
                try ask(.createSampler(id, context: Self.context, Self.sampler), .other)
                try ask(.release(.sampler, id), .release)
            default:
                guard let id = userEvents.first(where: { !model.ended.contains($0) }) else { continue }
                model.ended.insert(id)
                try ask(.setUserEventStatus(id, status: 0), .other)
            }
            // Samplers are what this device does not have: what is to be heard of that is heard.
            _ = session.errors.takeAll()
            _ = try session.settle { _, _, _ in }
            try #require(session.completed() == UInt64(model.completed))
        }
    }

    private static let sampler = SamplerDescription(isNormalized: false, addressing: 0, filter: 0)

    @Test("do not include what an error is still to be told of")
    func errorsAreHeardFirst() throws {
        var session = Self.interpreter()
        let queue = Self.queues[0]
        for request in [
            .createContext(Self.context), .createQueue(queue, context: Self.context, properties: 0),
            .createSampler(ObjectID(rawValue: 9), context: Self.context, Self.sampler),
            .marker(queue: queue, CommandOrder(), isBarrier: false),
        ] as [OpenCLRequest] {
            try session.execute(request) { _, _, _ in }
        }
        _ = try session.settle { _, _, _ in }
        #expect(session.completed() == 0)
        var told: [OpenCLResponse] = []
        try session.execute(.finish(CallID(rawValue: 1), queue: queue)) { head, _, _ in
            var messages = WireMessages<OpenCLResponse>(payload: head)
            if let response = try? messages.next() { told.append(response) }
        }
        guard case .completed(_, let completion)? = told.first else { return #expect(Bool(false), "no answer") }
        #expect(completion.deferred.map(\.object) == [ObjectID(rawValue: 9)])
        #expect(session.completed() == 5)
    }

    @Test("are told of no queue that is gone")
    func forgetsQueues() throws {
        var session = Self.interpreter()
        try session.execute(.createContext(Self.context)) { _, _, _ in }
        session.file([DeferredError(request: 15, object: Self.queues[0], code: -5)])
        #expect(session.errors.isEmpty && session.completed() == 1)
    }
}
