/// What a client must keep to have its session go on in another worker: the requests that it has sent and that may not
/// have ended, and before them the log of what it has made (``CreationLog``).
///
/// Requests are numbered from 0 in the order in which they are sent, by both ends, and the number is never sent. The
/// worker says up to which number all have ended (``complete(_:)``): those are needed no more, what they made or released
/// goes to the log. A session moves when the old worker carries out no more of them: the new one is given the objects that
/// ``creations`` make, the contents that they had at ``start``, and then ``messages``.
///
/// At most ``capacity`` bytes of requests are kept. Beyond it the oldest are let go of, and before a request that is not
/// kept at all (a large write) everything is: a move then waits for the ``awaited`` requests to end first. So the bound
/// costs a move time, and nothing else; who lets none end for so long has made a move wait, not impossible.
package struct CommandWindow: Sendable {
    /// A request that changes what there is, with its number.
    private struct Change: Sendable {
        var number: UInt64
        var request: OpenCLRequest
    }

    /// Bytes of requests that are kept.
    package static let capacity = 1 << 20

    /// What makes the objects that there are before the request ``start``.
    package private(set) var creations = CreationLog()
    /// The number of the first request that is kept.
    package private(set) var start: UInt64 = 0
    /// The requests that were sent: all have a number below it.
    package private(set) var sent: UInt64 = 0
    /// The requests that have ended, as the worker has said: all before this number.
    package private(set) var completed: UInt64 = 0

    /// Requests that were collected and not sent; their numbers follow on ``sent``.
    private var collected: UInt64 = 0
    /// Ascending; of requests from ``start`` on, the collected ones included.
    private var changes: [Change] = []
    /// The requests from ``start`` to ``sent``, behind `first` bytes that are needed no more.
    private var bytes: [UInt8] = []
    private var first = 0

    package init() {}

    /// Requests that were sent and have not ended, as far as the worker has said.
    package var underWay: UInt64 { sent - completed }
    /// So many requests must end before the session can move.
    package var awaited: UInt64 { start > completed ? start - completed : 0 }
    /// The requests from ``start`` to ``sent`` as they were sent, one behind the other.
    package var messages: ArraySlice<UInt8> { bytes[first...] }

    // MARK: Sending

    /// A request was put behind those that are collected. O(1).
    package mutating func collect(_ request: OpenCLRequest) {
        if CreationLog.concerns(request) { changes.append(Change(number: sent + collected, request: request)) }
        collected += 1
    }

    /// The same of a request that carries data and changes no object.
    package mutating func collectTransfer() { collected += 1 }

    /// What was collected is sent: `messages` are all these requests, whole. Costs a copy of them, and a look at each
    /// request that is let go of.
    package mutating func sendCollected(_ messages: [UInt8]) {
        bytes.append(contentsOf: messages)
        sent += collected
        collected = 0
        while bytes.count - first > Self.capacity { dropFirst() }
        settle()
    }

    /// A request that carries much data and changes no object is sent before those that are collected. It is not kept.
    package mutating func sendTransfer() {
        for index in changes.indices where changes[index].number >= sent { changes[index].number += 1 }
        sent += 1
        start = sent
        first = bytes.count
        settle()
    }

    // MARK: Ending

    /// The worker says that every request before `number` has ended. Costs a look at each request that is let go of.
    ///
    /// Throws ``RemotingError/Code/unexpected`` where that is less than it has said, or more than it was sent.
    package mutating func complete(_ number: UInt64) throws(RemotingError) {
        guard (completed...sent).contains(number) else {
            throw RemotingError(.unexpected, "\(number) completed requests are not in \(completed)...\(sent)")
        }
        completed = number
        while start < number { dropFirst() }
        settle()
    }

    /// Lets go of the oldest request that is kept.
    private mutating func dropFirst() {
        let length = bytes.withUnsafeBytes {
            UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: first, as: UInt32.self))
        }
        first += WireMessageHeader.length + Int(length)
        start += 1
    }

    /// Hands the changes before ``start`` to the log, and gives memory back.
    private mutating func settle() {
        let passed = changes.firstIndex { $0.number >= start } ?? changes.count
        for change in changes[..<passed] { creations.note(change.request) }
        changes.removeFirst(passed)
        if first == bytes.count {
            bytes.removeAll(keepingCapacity: true)
            first = 0
        } else if first >= Self.capacity {
            bytes.removeFirst(first)
            first = 0
        }
    }
}
