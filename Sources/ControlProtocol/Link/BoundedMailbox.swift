import Synchronization

/// A queue of at most `limit` elements from many senders to one reader, delivered in order.
///
/// A sender that must not wait offers and is told when there is no room; one that may wait puts, and so passes the
/// reader's pace on to whoever feeds it. Senders that wait are served in the order in which they came; there is one
/// slot for each, so their number is bounded by the number of tasks that send.
package final class BoundedMailbox<Element: Sendable>: Sendable, AsyncSequence {
    package enum Offer: Hashable, Sendable {
        case accepted
        case full
        case finished
    }

    private struct Writer {
        var id: UInt64
        var element: Element
        var continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var buffer = Fifo<Element>()
        var reader: CheckedContinuation<Element?, Never>?
        var writers = Fifo<Writer>()
        var nextWriter: UInt64 = 0
        var isFinished = false
    }

    private let limit: Int
    private let state = Mutex(State())

    /// A mailbox with room for `limit` elements, at least 1.
    package init(limit: Int) {
        precondition(limit > 0)
        self.limit = limit
    }

    /// Elements that wait for the reader.
    package var count: Int { state.withLock { $0.buffer.count } }

    /// Adds an element if there is room.
    package func offer(_ element: Element) -> Offer {
        let (offer, reader) = state.withLock { state -> (Offer, CheckedContinuation<Element?, Never>?) in
            if state.isFinished { return (.finished, nil) }
            if let reader = state.reader.take() { return (.accepted, reader) }
            guard state.buffer.count < limit else { return (.full, nil) }
            state.buffer.append(element)
            return (.accepted, nil)
        }
        reader?.resume(returning: element)
        return offer
    }

    /// Adds an element, waiting for room. Answers false, and adds nothing, if the mailbox is finished or the task is
    /// cancelled first.
    ///
    /// - Parameter evenIfCancelled: waits for room in a cancelled task, too: for what must not be lost.
    @discardableResult
    package func put(_ element: Element, evenIfCancelled: Bool = false) async -> Bool {
        switch offer(element) {
        case .accepted: return true
        case .finished: return false
        case .full: break
        }
        let id = state.withLock { state in
            state.nextWriter += 1
            return state.nextWriter
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                enqueue(Writer(id: id, element: element, continuation: continuation))
                if Task.isCancelled, !evenIfCancelled { abandon(writer: id) }
            }
        } onCancel: {
            if !evenIfCancelled { abandon(writer: id) }
        }
    }

    /// Takes no more elements; what is in the mailbox is still delivered.
    package func finish() {
        let (reader, writers) = state.withLock { state -> (CheckedContinuation<Element?, Never>?, Fifo<Writer>) in
            state.isFinished = true
            let writers = state.writers
            state.writers = Fifo()
            return (state.reader.take(), writers)
        }
        reader?.resume(returning: nil)
        writers.forEach { $0.continuation.resume(returning: false) }
    }

    /// The next element; nil once the mailbox is finished and empty, or when the task is cancelled. One reader at a
    /// time.
    package func next() async -> Element? {
        // Most often something is there already, and nothing need be prepared for waiting.
        if let answer = takeNow(orWaitWith: nil) { return answer }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if let answer = takeNow(orWaitWith: continuation) { continuation.resume(returning: answer) }
                if Task.isCancelled { abandonReader() }
            }
        } onCancel: {
            abandonReader()
        }
    }

    /// What can be answered at once: an element, or that none will come. Else nil, and `reader` is answered later.
    private func takeNow(orWaitWith reader: CheckedContinuation<Element?, Never>?) -> Element?? {
        let (answer, served) = state.withLock { state -> (Element??, CheckedContinuation<Bool, Never>?) in
            precondition(state.reader == nil, "a mailbox has one reader")
            if let element = state.buffer.popFirst() {
                let writer = state.writers.popFirst()
                if let writer { state.buffer.append(writer.element) }
                return (.some(element), writer?.continuation)
            }
            if state.isFinished { return (.some(nil), nil) }
            state.reader = reader
            return (nil, nil)
        }
        served?.resume(returning: true)
        return answer
    }

    private func enqueue(_ writer: Writer) {
        typealias Outcome = (accepted: Bool?, reader: CheckedContinuation<Element?, Never>?)
        let outcome = state.withLock { state -> Outcome in
            if state.isFinished { return (false, nil) }
            if let reader = state.reader.take() { return (true, reader) }
            if state.buffer.count < limit {
                state.buffer.append(writer.element)
                return (true, nil)
            }
            state.writers.append(writer)
            return (nil, nil)
        }
        outcome.reader?.resume(returning: writer.element)
        if let accepted = outcome.accepted { writer.continuation.resume(returning: accepted) }
    }

    private func abandon(writer id: UInt64) {
        let writer = state.withLock { $0.writers.removeFirst { $0.id == id } }
        writer?.continuation.resume(returning: false)
    }

    private func abandonReader() {
        let reader = state.withLock { $0.reader.take() }
        reader?.resume(returning: nil)
    }

    package struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let mailbox: BoundedMailbox

        package func next() async -> Element? { await mailbox.next() }
    }

    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(mailbox: self) }
}

/// A first-in-first-out queue in one array: appending and taking are O(1) amortised.
private struct Fifo<Element> {
    private var elements: [Element?] = []
    private var head = 0

    var count: Int { elements.count - head }

    mutating func append(_ element: Element) { elements.append(element) }

    mutating func popFirst() -> Element? {
        guard head < elements.count else { return nil }
        let first = elements[head].take()
        head += 1
        if head == elements.count {
            elements.removeAll(keepingCapacity: true)
            head = 0
        } else if head >= 64, head * 2 >= elements.count {
            elements.removeFirst(head)
            head = 0
        }
        return first
    }

    /// O(count).
    mutating func removeFirst(where matches: (Element) -> Bool) -> Element? {
        let found = elements[head...].firstIndex { element in element.map(matches) ?? false }
        guard let found else { return nil }
        return elements.remove(at: found)
    }

    func forEach(_ body: (Element) -> Void) {
        for element in elements[head...] { element.map(body) }
    }
}
