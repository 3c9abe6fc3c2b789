/// Takes frames out of the bytes that arrive, checks their order and their credit, and counts what is to be given
/// back. Room for a payload is reserved only after its length has passed against kind and credit.
///
/// Sendable without a lock: it moves with the stream, and ``place`` is memory of who drives that.
struct FrameReceiver: @unchecked Sendable {
    struct Frame: Hashable, Sendable {
        var header: FrameHeader
        /// Of a payload whose rest was placed elsewhere, its head.
        var payload: [UInt8]
        /// Bytes that were placed elsewhere.
        var placed = 0
        /// Whether it has arrived before, over a connection that broke.
        var isRepeated = false
    }

    let window: Int
    /// What the peer may still send.
    private(set) var credit: Int
    /// The sequence of the next frame whose header has not arrived.
    private(set) var expected: UInt64
    /// The sequence of the next frame on this connection: behind ``expected`` while a peer repeats itself. Nil before
    /// the first frame after a break.
    private var arriving: UInt64?
    /// Taken by the program, and not yet given back to the peer.
    private var taken = 0

    /// Small frames, headers and the first part of a large payload come through here.
    private var scratch: [UInt8] = []
    private var unread = 0..<0
    /// The frame whose payload is arriving.
    private var current: Frame?
    /// Bytes of its payload that have arrived.
    private var filled = 0
    /// Where the payload behind its head goes, if not into the frame.
    private var place: UnsafeMutableRawBufferPointer?
    /// Whether the head of the payload is awaited, by which it is decided where the rest goes.
    private var isUndecided = false

    private static let scratchLength = 16 << 10

    init(window: Int, credit: Int? = nil, expected: UInt64 = 0) {
        self.window = window
        self.credit = credit ?? window
        self.expected = expected
        arriving = expected
    }

    /// All frames before this have arrived whole.
    var received: UInt64 {
        guard let current, !current.isRepeated else { return expected }
        return expected - 1
    }

    /// Forgets what of a frame has come over a connection that broke: it comes again, over another.
    mutating func restart() {
        if let current, !current.isRepeated {
            expected -= 1
            if current.header.kind == .data { credit += current.header.payloadLength + FrameHeader.length }
        }
        current = nil
        place = nil
        arriving = nil
        dropUnread()
    }

    /// Whether nothing has arrived that was not taken, nor taken that was not given back.
    var isAtBoundary: Bool { unread.isEmpty && current == nil && taken == 0 }

    /// Offers `fill` at least one byte of memory and takes in as many bytes as it says to have filled. Call
    /// ``nextFrame()`` until nil before the next call.
    mutating func withSpace(_ fill: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
        if unread.isEmpty, let place, let length = current?.header.payloadLength, filled < length {
            let rest = UnsafeMutableRawBufferPointer(rebasing: place[(filled - SessionStream.placementHead)...])
            let count = Self.filled(rest, by: fill)
            filled += count
            return count
        }
        if unread.isEmpty, place == nil, let length = current?.payload.count, length - filled >= Self.scratchLength {
            let start = filled
            let count = current?.payload.withUnsafeMutableBytes { space in
                Self.filled(UnsafeMutableRawBufferPointer(rebasing: space[start...]), by: fill)
            }
            filled += count ?? 0
            return count ?? 0
        }
        makeRoom()
        let start = unread.upperBound
        let count = scratch.withUnsafeMutableBytes { space in
            Self.filled(UnsafeMutableRawBufferPointer(rebasing: space[start...]), by: fill)
        }
        unread = unread.lowerBound..<start + count
        return count
    }

    /// The next whole frame; nil when more bytes are needed.
    mutating func nextFrame(placing: SessionStream.Placement? = nil) throws(RemotingError) -> Frame? {
        while true {
            if current == nil {
                guard unread.count >= FrameHeader.length else { return nil }
                let bytes = Array(scratch[unread.prefix(FrameHeader.length)])
                unread = unread.dropFirst(FrameHeader.length)
                current = try admit(FrameHeader(bytes))
                filled = 0
                isUndecided = true
            }
            if isUndecided, !decide(placing) { return nil }
            fillCurrent()
            guard let frame = current, filled == frame.header.payloadLength else { return nil }
            current = nil
            place = nil
            if !frame.isRepeated { return frame }
        }
    }

    /// Makes room for the payload, or has it placed where its head says. False while more of the head is needed.
    private mutating func decide(_ placing: SessionStream.Placement?) -> Bool {
        guard let header = current?.header else { return false }
        let head = SessionStream.placementHead
        if let placing, current?.isRepeated == false, header.kind == .data, header.payloadLength >= Self.scratchLength {
            guard unread.count >= head else { return false }
            let bytes = Array(scratch[unread.prefix(head)])
            if let place = placing(bytes, header.payloadLength - head) {
                precondition(place.count == header.payloadLength - head, "a place of another size")
                self.place = place
                current?.payload = bytes
                current?.placed = place.count
                unread = unread.dropFirst(head)
                filled = head
                isUndecided = false
                return true
            }
        }
        current?.payload = Self.space(header.payloadLength)
        isUndecided = false
        return true
    }

    /// Forgets what has arrived behind the last whole frame.
    mutating func dropUnread() { unread = unread.upperBound..<unread.upperBound }

    /// Room for a payload, which no one sees before it is filled: to write zeros into it first would cost large
    /// transfers a third.
    private static func space(_ length: Int) -> [UInt8] {
        Array(unsafeUninitializedCapacity: length) { _, count in count = length }
    }

    /// Counts `cost` as taken; the credit to give back now, 0 while it is less than a quarter of the window.
    mutating func giveBack(_ cost: Int) -> UInt32 {
        taken += cost
        guard taken >= window / 4 else { return 0 }
        credit += taken
        defer { taken = 0 }
        return UInt32(taken)
    }

    private mutating func admit(_ header: FrameHeader) throws(RemotingError) -> Frame {
        let due = arriving ?? min(header.sequence, expected)
        guard header.sequence == due else {
            throw RemotingError(.sequenceBroken, "frame \(header.sequence) came where \(due) was expected")
        }
        arriving = due + 1
        guard due == expected else { return Frame(header: header, payload: [], isRepeated: true) }
        if header.kind == .data {
            let cost = header.payloadLength + FrameHeader.length
            guard cost <= credit else {
                throw RemotingError(.creditExceeded, "a frame of \(cost) bytes with a credit of \(credit)")
            }
            credit -= cost
        }
        expected += 1
        return Frame(header: header, payload: [])
    }

    private mutating func fillCurrent() {
        guard let length = current?.header.payloadLength else { return }
        let piece = unread.prefix(length - filled)
        guard !piece.isEmpty else { return }
        let start = filled
        scratch.withUnsafeBytes { source in
            if let place {
                UnsafeMutableRawBufferPointer(rebasing: place[(start - SessionStream.placementHead)...])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[piece]))
                return
            }
            current?.payload.withUnsafeMutableBytes { target in
                UnsafeMutableRawBufferPointer(rebasing: target[start...])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[piece]))
            }
        }
        filled += piece.count
        unread = unread.dropFirst(piece.count)
    }

    /// Moves what is unread, less than a header, to the front.
    private mutating func makeRoom() {
        if scratch.isEmpty { scratch = Array(repeating: 0, count: Self.scratchLength) }
        guard unread.lowerBound > 0 else { return }
        for (target, source) in unread.enumerated() { scratch[target] = scratch[source] }
        unread = 0..<unread.count
    }

    private static func filled(
        _ space: UnsafeMutableRawBufferPointer, by fill: (UnsafeMutableRawBufferPointer) -> Int
    ) -> Int {
        let count = fill(space)
        precondition((0...space.count).contains(count), "a read that reports more than it was offered")
        return count
    }
}
