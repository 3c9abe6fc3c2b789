/// Frames what is to be sent, numbers it, and keeps data within the peer's credit.
struct FrameSender: Sendable {
    let window: Int
    /// Bytes of data frames, headers included, that the peer takes before it gives more.
    private(set) var credit: Int
    private(set) var nextSequence: UInt64
    /// Bytes of control frames among what is unsent; 0 again whenever all is sent.
    private(set) var unsentControl = 0
    var saidFarewell = false

    private var outbound = ByteWriter()
    private var sent = 0

    init(credit: Int, window: Int, nextSequence: UInt64 = 0) {
        self.credit = credit
        self.window = window
        self.nextSequence = nextSequence
    }

    var unsentCount: Int { outbound.count - sent }

    var sendablePayload: Int { min(max(credit - FrameHeader.length, 0), SessionLimits.framePayload) }

    /// Appends a control frame, whose payload `write` writes.
    mutating func append(
        _ kind: FrameHeader.Kind, acknowledging acknowledgement: UInt64, _ write: (inout ByteWriter) -> Void
    ) {
        dropSent()
        let start = outbound.count
        appendHeader(kind, payloadLength: 0, acknowledgement)
        write(&outbound)
        outbound.overwrite(UInt32(outbound.count - start - FrameHeader.length), at: start)
        unsentControl += outbound.count - start
    }

    /// Appends a data frame; the caller has checked the payload against ``sendablePayload``.
    mutating func appendData(
        _ head: [UInt8], bulk: UnsafeRawBufferPointer, acknowledging acknowledgement: UInt64
    ) {
        let count = head.count + bulk.count
        credit -= count + FrameHeader.length
        precondition(credit >= 0, "credit was checked")
        dropSent()
        appendHeader(.data, payloadLength: count, acknowledgement)
        outbound.write(bytes: head)
        outbound.write(bytes: bulk)
    }

    /// As ``appendData(_:bulk:acknowledging:)``, with what is unsent and `bulk` offered to `write` at once.
    mutating func appendData(
        _ head: [UInt8], bulk: UnsafeRawBufferPointer, acknowledging acknowledgement: UInt64,
        through write: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Int
    ) {
        let count = head.count + bulk.count
        credit -= count + FrameHeader.length
        precondition(credit >= 0, "credit was checked")
        dropSent()
        appendHeader(.data, payloadLength: count, acknowledgement)
        outbound.write(bytes: head)
        let (start, waiting) = (sent, unsentCount)
        let taken = outbound.bytes.withUnsafeBytes { write(UnsafeRawBufferPointer(rebasing: $0[start...]), bulk) }
        precondition((0...waiting + bulk.count).contains(taken), "a write that reports more than it was offered")
        noteSent(min(taken, waiting))
        outbound.write(bytes: UnsafeRawBufferPointer(rebasing: bulk[max(taken - waiting, 0)...]))
    }

    /// Takes credit from the peer, which never gives more than it was sent.
    mutating func addCredit(_ amount: Int) throws(RemotingError) {
        guard amount > 0, amount <= window - credit else {
            throw RemotingError(.creditExceeded, "\(amount) bytes of credit on top of \(credit) of \(window)")
        }
        credit += amount
    }

    mutating func send(_ write: (UnsafeRawBufferPointer) -> Int) {
        guard unsentCount > 0 else { return }
        let start = sent
        let count = outbound.bytes.withUnsafeBytes { write(UnsafeRawBufferPointer(rebasing: $0[start...])) }
        precondition((0...unsentCount).contains(count), "a write that reports more than it was offered")
        noteSent(count)
    }

    private mutating func noteSent(_ count: Int) {
        sent += count
        guard sent == outbound.count else { return }
        outbound.removeAll()
        sent = 0
        unsentControl = 0
    }

    private mutating func appendHeader(_ kind: FrameHeader.Kind, payloadLength: Int, _ acknowledgement: UInt64) {
        FrameHeader(
            kind: kind, payloadLength: payloadLength, sequence: nextSequence, acknowledgement: acknowledgement
        ).write(to: &outbound)
        nextSequence += 1
    }

    /// Gives back the room of what was sent once it is the greater part, so that each byte moves at most once.
    private mutating func dropSent() {
        guard sent > outbound.count / 2, sent >= SessionLimits.framePayload else { return }
        outbound.removeFirst(sent)
        sent = 0
    }
}
