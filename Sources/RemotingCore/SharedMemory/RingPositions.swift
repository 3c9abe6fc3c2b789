/// The sender's account of one direction of a shared memory: a ring of `capacity` bytes, in which byte `n` of the
/// direction lies at `n` modulo `capacity`.
///
/// Both positions count bytes from the beginning and never wrap: at 10 GB/s the 64 bits last 58 years. An end keeps its
/// own position to itself and only tells it to the other; what the other tells is checked against what it can be, so
/// that a peer which writes what it likes gains nothing but an error.
package struct RingProducer: Hashable, Sendable {
    package let capacity: Int
    /// Bytes that were put in and told.
    package private(set) var produced: UInt64 = 0
    /// Bytes that the receiver has told to have taken out; never above `produced`.
    package private(set) var consumed: UInt64 = 0

    /// - Parameter capacity: a power of two.
    package init(capacity: Int) {
        precondition(capacity > 0 && capacity.nonzeroBitCount == 1)
        self.capacity = capacity
    }

    /// Bytes that can be put in, as last told.
    package var room: Int { capacity - Int(produced - consumed) }

    /// Where the next byte goes.
    package var offset: Int { Int(truncatingIfNeeded: produced) & (capacity - 1) }

    /// Takes in what the receiver tells. Throws when that falls, or passes what was sent.
    package mutating func learn(consumed told: UInt64) throws(RemotingError) {
        guard told >= consumed, told <= produced else {
            throw RemotingError(
                .sequenceBroken, "the peer says to have taken \(told) bytes, of \(consumed) to \(produced)")
        }
        consumed = told
    }

    /// Counts `count` bytes, at most ``room``, as put in.
    package mutating func produce(_ count: Int) {
        precondition(count >= 0 && count <= room)
        produced += UInt64(count)
    }
}

/// The receiver's account of one direction of a shared memory; see ``RingProducer``.
package struct RingConsumer: Hashable, Sendable {
    package let capacity: Int
    /// Bytes that the sender has told to have put in; at most `capacity` above `consumed`.
    package private(set) var produced: UInt64 = 0
    /// Bytes that were taken out and told.
    package private(set) var consumed: UInt64 = 0

    /// - Parameter capacity: a power of two.
    package init(capacity: Int) {
        precondition(capacity > 0 && capacity.nonzeroBitCount == 1)
        self.capacity = capacity
    }

    /// Bytes that can be taken out, as last told.
    package var available: Int { Int(produced - consumed) }

    /// Where the next byte lies.
    package var offset: Int { Int(truncatingIfNeeded: consumed) & (capacity - 1) }

    /// Takes in what the sender tells. Throws when that falls, or is more than the ring holds.
    package mutating func learn(produced told: UInt64) throws(RemotingError) {
        guard told >= produced, told - consumed <= UInt64(capacity) else {
            throw RemotingError(
                .sequenceBroken,
                "the peer says to have put in \(told) bytes, of \(produced) to \(consumed) + \(capacity)")
        }
        produced = told
    }

    /// Counts `count` bytes, at most ``available``, as taken out.
    package mutating func consume(_ count: Int) {
        precondition(count >= 0 && count <= available)
        consumed += UInt64(count)
    }
}
