/// The bytes of frames on their way: those that wait to be sent and, where a session can be resumed, those that were sent
/// and that the peer has not said to have.
///
/// Frames lie in *chunks*: small ones one after the other, a large one alone, its bulk where the caller has it. So a large
/// transfer is not copied for the replay: the memory stays the caller's until ``settle()``, which copies only what is still
/// needed, or as long as its owner lives, whom the chunk holds.
///
/// What is kept is bounded by the peer's credit, which comes back with an acknowledgement, and for control frames by
/// ``SessionLimits/unsentControl``. Where a peer lets more pile up, nothing is kept any longer.
///
/// Sendable without a lock: it moves with the stream, and bulk is memory of who drives that.
struct OutboundFrames: @unchecked Sendable {
    private struct Chunk {
        /// Whole frames; before bulk, the header and the head of the one frame.
        var bytes: ByteWriter
        var bulk = UnsafeRawBufferPointer(start: nil, count: 0)
        /// Holds the memory of `bulk`; without one it is borrowed.
        var owner: AnyObject?
        /// The sequences of its frames.
        var frames: Range<UInt64>

        var count: Int { bytes.count + bulk.count }
    }

    /// Small frames are gathered up to so many bytes.
    private static let chunkLength = 64 << 10

    private var chunks: [Chunk] = []
    /// The next byte to be sent: the chunk, and how much of it was sent.
    private var sending = 0
    private var sent = 0
    private(set) var unsentCount = 0
    /// All bytes of all chunks.
    private var heldCount = 0
    private var spare: ByteWriter?
    private(set) var isKeeping = false
    private let bound: Int

    /// `window` is the peer's receive window.
    init(window: Int) { bound = window + SessionLimits.unsentControl + Self.chunkLength }

    // MARK: Adding

    /// Adds one small frame, which `write` writes whole.
    mutating func append(_ sequence: UInt64, length: Int, _ write: (inout ByteWriter) -> Void) {
        let index = chunk(for: sequence, length: length)
        let before = chunks[index].bytes.count
        write(&chunks[index].bytes)
        note(chunks[index].bytes.count - before, in: index, sequence)
    }

    /// Adds one frame that begins with `start` and ends with `bulk`, which is not copied.
    mutating func append(_ sequence: UInt64, _ start: ByteWriter, bulk: UnsafeRawBufferPointer, owner: AnyObject?) {
        if let last = chunks.last, last.count == 0 { removeChunk(chunks.count - 1) }
        chunks.append(Chunk(bytes: start, bulk: bulk, owner: owner, frames: sequence..<sequence))
        note(start.count + bulk.count, in: chunks.count - 1, sequence)
    }

    private mutating func note(_ count: Int, in index: Int, _ sequence: UInt64) {
        chunks[index].frames = chunks[index].frames.lowerBound..<sequence + 1
        unsentCount += count
        heldCount += count
    }

    /// A chunk with room for one more small frame.
    private mutating func chunk(for sequence: UInt64, length: Int) -> Int {
        if let last = chunks.last, last.bulk.isEmpty, last.owner == nil,
            last.count == 0 || last.count + length <= Self.chunkLength
        {
            if last.count == 0 { chunks[chunks.count - 1].frames = sequence..<sequence }
            return chunks.count - 1
        }
        let bytes = spare ?? ByteWriter()
        spare = nil
        chunks.append(Chunk(bytes: bytes, frames: sequence..<sequence))
        return chunks.count - 1
    }

    // MARK: Sending

    /// Offers what waits to `write`, in one or two pieces, which returns how many bytes it took.
    mutating func send(_ write: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Int) {
        guard unsentCount > 0 else { return }
        // What was kept of a chunk that was sent whole, before there was another.
        if sent == chunks[sending].count { (sending, sent) = (sending + 1, 0) }
        let (start, bulk) = (sent, chunks[sending].bulk)
        let length = chunks[sending].bytes.count
        let count = chunks[sending].bytes.bytes.withUnsafeBytes { bytes in
            start < length
                ? write(UnsafeRawBufferPointer(rebasing: bytes[start...]), bulk)
                : write(
                    UnsafeRawBufferPointer(rebasing: bulk[(start - length)...]),
                    UnsafeRawBufferPointer(start: nil, count: 0))
        }
        precondition((0...length + bulk.count - start).contains(count), "a write that reports more than it was offered")
        sent += count
        unsentCount -= count
        guard sent == chunks[sending].count else { return }
        if isKeeping {
            if heldCount - unsentCount > bound { stopKeeping() }
        } else {
            removeFirst()
        }
    }

    /// Takes the first chunk, of which everything was sent, away.
    private mutating func removeFirst() {
        let isSending = sending == 0
        heldCount -= chunks[0].count
        if chunks.count == 1, chunks[0].bulk.isEmpty, chunks[0].bytes.count <= 2 * Self.chunkLength {
            // Its memory serves what comes next.
            chunks[0].bytes.removeAll()
        } else {
            removeChunk(0)
        }
        if isSending { sent = 0 } else { sending -= 1 }
    }

    private mutating func removeChunk(_ index: Int) {
        var chunk = chunks.remove(at: index)
        guard spare == nil, chunk.bulk.isEmpty, chunk.bytes.count <= 2 * Self.chunkLength else { return }
        chunk.bytes.removeAll()
        spare = chunk.bytes
    }

    /// Copies what is borrowed and still needed: its memory is the caller's again.
    mutating func settle() {
        for index in chunks.indices where !chunks[index].bulk.isEmpty && chunks[index].owner == nil {
            let bulk = chunks[index].bulk
            chunks[index].bytes.write(bytes: bulk)
            chunks[index].bulk = UnsafeRawBufferPointer(start: nil, count: 0)
        }
    }

    // MARK: Replay

    /// From here on what was sent is kept until it is acknowledged.
    mutating func keep() { isKeeping = true }

    /// Lets go of what was sent.
    mutating func stopKeeping() {
        isKeeping = false
        if sending < chunks.count, sent == chunks[sending].count, sending + 1 < chunks.count {
            (sending, sent) = (sending + 1, 0)
        }
        while sending > 0 { removeFirst() }
        if unsentCount == 0, let first = chunks.first, first.count > 0 { removeFirst() }
    }

    /// The peer has every frame before `sequence`, which it was sent.
    mutating func acknowledge(_ sequence: UInt64) {
        guard isKeeping else { return }
        while let first = chunks.first, first.count > 0, first.frames.upperBound <= sequence {
            guard sending > 0 || sent == first.count else { return }
            removeFirst()
        }
    }

    /// Whether every frame from `sequence` on is here, of which the next that is added has the number `next`.
    func holds(from sequence: UInt64, next: UInt64) -> Bool {
        guard isKeeping, sequence <= next else { return false }
        guard let first = chunks.first, first.count > 0 else { return sequence == next }
        return sequence >= first.frames.lowerBound
    }

    /// Begins again with the frame `sequence`, which is held, or with the next that is added; all say from now on that
    /// their sender expects `acknowledgement`. Takes time in proportion to the frames.
    mutating func rewind(to sequence: UInt64, acknowledging acknowledgement: UInt64) {
        while let first = chunks.first, first.count > 0, first.frames.upperBound <= sequence {
            removeFirst()
        }
        (sending, sent) = (0, 0)
        if let first = chunks.first, first.count > 0 {
            var next = first.frames.lowerBound
            while next < sequence {
                sent += FrameHeader.length + first.bytes.payloadLength(ofFrameAt: sent)
                next += 1
            }
        }
        unsentCount = heldCount - sent
        for index in chunks.indices {
            var offset = 0
            while offset < chunks[index].bytes.count {
                let length = FrameHeader.length + chunks[index].bytes.payloadLength(ofFrameAt: offset)
                chunks[index].bytes.overwrite(acknowledgement, at: offset + FrameHeader.acknowledgementOffset)
                offset += length
            }
        }
    }
}

extension ByteWriter {
    /// What the header at `offset` says of its payload.
    fileprivate func payloadLength(ofFrameAt offset: Int) -> Int {
        Int(
            bytes.withUnsafeBytes {
                UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
            })
    }
}
