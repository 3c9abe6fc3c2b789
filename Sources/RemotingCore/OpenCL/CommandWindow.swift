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
    /// Bytes of requests that are kept: some thousand launches, which stay in the processor's cache.
    package static let capacity = 256 << 10

    /// What makes the objects that there are before the request ``start``.
    package private(set) var creations = CreationLog()
    /// The number of the first request that is kept.
    package private(set) var start: UInt64 = 0
    /// The requests that were sent: all have a number below it.
    package private(set) var sent: UInt64 = 0
    /// The requests that have ended, as the worker has said: all before this number.
    package private(set) var completed: UInt64 = 0

    /// Requests that were collected and not sent.
    private var collected: UInt64 = 0
    /// The requests from ``start`` to ``sent``, behind `first` bytes that are needed no more.
    private var bytes: [UInt8] = []
    private var first = 0
    private var arguments = LatestArguments()

    package init() {}

    /// Requests that were sent and have not ended, as far as the worker has said.
    package var underWay: UInt64 { sent - completed }
    /// So many requests must end before the session can move.
    package var awaited: UInt64 { start > completed ? start - completed : 0 }
    /// The requests from ``start`` to ``sent`` as they were sent, one behind the other.
    package var messages: ArraySlice<UInt8> { bytes[first...] }

    // MARK: Sending

    /// A request was put behind those that are collected. O(1).
    package mutating func collect() { collected += 1 }

    /// What was collected is sent: `messages` are all these requests, whole. Costs a copy of them, and a look at each
    /// request that is let go of.
    package mutating func sendCollected(_ messages: [UInt8]) {
        bytes.append(contentsOf: messages)
        sent += collected
        collected = 0
        drop { $0.bytes.count - $0.first > Self.capacity }
    }

    /// A request that carries much data and changes no object is sent before those that are collected. It is not kept.
    package mutating func sendTransfer() {
        drop { $0.start < $0.sent }
        sent += 1
        start = sent
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
        drop { $0.start < number }
    }

    /// Lets go of the oldest requests that are kept, for as long as `isNeedless` says, hands those that change what there
    /// is to the log, and gives memory back.
    private mutating func drop(while isNeedless: (borrowing Self) -> Bool) {
        while isNeedless(self) {
            let offset = first
            let header = header(at: offset)
            first += WireMessageHeader.length + header.length
            start += 1
            if header.kind == LatestArguments.requestKind {
                let (kernel, index) = argument(at: offset)
                if !arguments.put(kernel, index, at: offset) {
                    noteArguments()
                    _ = arguments.put(kernel, index, at: offset)
                }
            } else if CreationLog.concerns(kind: header.kind) {
                noteArguments()
                note(at: offset)
            }
        }
        noteArguments()
        if first == bytes.count {
            bytes.removeAll(keepingCapacity: true)
            first = 0
        } else if first >= Self.capacity {
            bytes.removeFirst(first)
            first = 0
        }
    }

    private mutating func noteArguments() {
        for offset in arguments.takeOffsets() { note(at: offset) }
    }

    /// Hands the request whose message lies there to the log.
    private mutating func note(at offset: Int) {
        let end = offset + WireMessageHeader.length + header(at: offset).length
        var messages = WireMessages<OpenCLRequest>(payload: Array(bytes[offset..<end]))
        // This client has written it.
        if let request = try? messages.next() { creations.note(request) }
    }

    // MARK: What was written

    private func header(at offset: Int) -> (length: Int, kind: UInt16) {
        bytes.withUnsafeBytes {
            (
                Int(UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self))),
                UInt16(littleEndian: $0.loadUnaligned(fromByteOffset: offset + 4, as: UInt16.self))
            )
        }
    }

    /// The kernel and the index that a request to set an argument begins with.
    private func argument(at offset: Int) -> (kernel: UInt64, index: UInt32) {
        let body = offset + WireMessageHeader.length
        return bytes.withUnsafeBytes {
            (
                UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: body, as: UInt64.self)),
                UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: body + 8, as: UInt32.self))
            )
        }
    }
}

/// Where the latest values of kernels' arguments lie among requests that are looked through in their order: most set
/// again what was set some requests before, and only the last of them is worth a look.
private struct LatestArguments: Sendable {
    /// Of ``OpenCLRequest/setArgument(kernel:index:_:)``.
    static let requestKind: UInt16 = 8

    private struct Slot: Sendable {
        var kernel: UInt64 = 0
        var index: UInt32 = 0
        /// Below 0 where it is empty.
        var offset = -1
    }

    private static let count = 64
    private var slots = [Slot](repeating: Slot(), count: count)
    private var used: [Int] = []

    /// Keeps the offset in place of an earlier one of the same argument; false where another has its place.
    mutating func put(_ kernel: UInt64, _ index: UInt32, at offset: Int) -> Bool {
        let place = Int(truncatingIfNeeded: kernel &* 7 &+ UInt64(index)) & (Self.count - 1)
        if slots[place].offset < 0 {
            used.append(place)
        } else if slots[place].kernel != kernel || slots[place].index != index {
            return false
        }
        slots[place] = Slot(kernel: kernel, index: index, offset: offset)
        return true
    }

    /// All offsets, ascending; nothing is kept any more.
    mutating func takeOffsets() -> [Int] {
        guard !used.isEmpty else { return [] }
        let offsets = used.map { slots[$0].offset }.sorted()
        for place in used { slots[place].offset = -1 }
        used.removeAll(keepingCapacity: true)
        return offsets
    }
}
