/// Frames what is to be sent, numbers it, and keeps data within the peer's credit.
struct FrameSender: Sendable {
    let window: Int
    /// Bytes of data frames, headers included, that the peer takes before it gives more.
    private(set) var credit: Int
    private(set) var nextSequence: UInt64
    /// Bytes of control frames among what is unsent; 0 again whenever all is sent.
    private(set) var unsentControl = 0
    var saidFarewell = false

    private var outbound: OutboundFrames

    init(credit: Int, window: Int, nextSequence: UInt64 = 0) {
        self.credit = credit
        self.window = window
        self.nextSequence = nextSequence
        outbound = OutboundFrames(window: window)
    }

    var unsentCount: Int { outbound.unsentCount }

    var sendablePayload: Int { min(max(credit - FrameHeader.length, 0), SessionLimits.framePayload) }

    /// Appends a control frame, whose payload of `length` bytes `write` writes.
    mutating func append(
        _ kind: FrameHeader.Kind, length: Int, acknowledging acknowledgement: UInt64,
        _ write: (inout ByteWriter) -> Void = { _ in }
    ) {
        let header = header(kind, length, acknowledgement)
        outbound.append(header.sequence, length: FrameHeader.length + length) { bytes in
            header.write(to: &bytes)
            write(&bytes)
        }
        unsentControl += FrameHeader.length + length
    }

    /// Appends a data frame; the caller has checked the payload against ``sendablePayload``. Each byte is copied once.
    mutating func appendData(
        _ head: [UInt8], bulk: UnsafeRawBufferPointer, acknowledging acknowledgement: UInt64
    ) {
        let header = charge(head.count + bulk.count, acknowledgement)
        outbound.append(header.sequence, length: FrameHeader.length + head.count + bulk.count) { bytes in
            header.write(to: &bytes)
            bytes.write(bytes: head)
            bytes.write(bytes: bulk)
        }
    }

    /// As ``appendData(_:bulk:acknowledging:)``, without a copy of `bulk`, which stays as it is until ``settle()``, or as
    /// long as `owner` lives.
    mutating func appendData(
        _ head: [UInt8], borrowing bulk: UnsafeRawBufferPointer, owner: AnyObject?,
        acknowledging acknowledgement: UInt64
    ) {
        let header = charge(head.count + bulk.count, acknowledgement)
        var start = ByteWriter(reservingCapacity: FrameHeader.length + head.count)
        header.write(to: &start)
        start.write(bytes: head)
        outbound.append(header.sequence, start, bulk: bulk, owner: owner)
    }

    private mutating func charge(_ payload: Int, _ acknowledgement: UInt64) -> FrameHeader {
        credit -= payload + FrameHeader.length
        precondition(credit >= 0, "credit was checked")
        return header(.data, payload, acknowledgement)
    }

    private mutating func header(
        _ kind: FrameHeader.Kind, _ length: Int, _ acknowledgement: UInt64
    ) -> FrameHeader {
        defer { nextSequence += 1 }
        return FrameHeader(
            kind: kind, payloadLength: length, sequence: nextSequence, acknowledgement: acknowledgement)
    }

    /// Takes credit from the peer, which never gives more than it was sent.
    mutating func addCredit(_ amount: Int) throws(RemotingError) {
        guard amount > 0, amount <= window - credit else {
            throw RemotingError(.creditExceeded, "\(amount) bytes of credit on top of \(credit) of \(window)")
        }
        credit += amount
    }

    /// Offers what waits to `write`, in one or two pieces, which returns how many bytes it took.
    mutating func send(_ write: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Int) {
        outbound.send(write)
        if outbound.unsentCount == 0 { unsentControl = 0 }
    }

    mutating func settle() { outbound.settle() }

    // MARK: Replay

    var isKeeping: Bool { outbound.isKeeping }
    mutating func keep() { outbound.keep() }
    mutating func stopKeeping() { outbound.stopKeeping() }
    mutating func acknowledge(_ sequence: UInt64) { outbound.acknowledge(sequence) }

    func canReplay(from sequence: UInt64) -> Bool { outbound.holds(from: sequence, next: nextSequence) }

    /// Sends again from `sequence` on. Credit was taken when the frames were new.
    mutating func replay(from sequence: UInt64, acknowledging acknowledgement: UInt64) {
        outbound.rewind(to: sequence, acknowledging: acknowledgement)
        unsentControl = 0
    }
}
