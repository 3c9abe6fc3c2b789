/// What opens exactly one session: the grant, and its secret of 128 bits. The secret never appears in a description.
package struct SessionCredential: Hashable, Sendable, CustomStringConvertible {
    package var grant: UInt64
    package var ticketHigh: UInt64
    package var ticketLow: UInt64

    package init(grant: UInt64, ticketHigh: UInt64, ticketLow: UInt64) {
        self.grant = grant
        self.ticketHigh = ticketHigh
        self.ticketLow = ticketLow
    }

    package var description: String { "credential of g\(grant)" }

    /// Whether both are the same, in a time that does not depend on where they differ.
    package func matches(_ other: Self) -> Bool {
        (grant ^ other.grant) | (ticketHigh ^ other.ticketHigh) | (ticketLow ^ other.ticketLow) == 0
    }
}

/// The share of a device that a session has, as its worker enforces it.
package struct SessionSlice: Hashable, Sendable {
    /// Bytes.
    package var memory: UInt64
    /// Thousandths of the device.
    package var compute: UInt32

    package init(memory: UInt64, compute: UInt32) {
        self.memory = memory
        self.compute = compute
    }

    package static let zero = SessionSlice(memory: 0, compute: 0)
}

extension ByteWriter {
    mutating func write(_ slice: SessionSlice) {
        write(slice.memory)
        write(slice.compute)
    }
}

extension ByteReader {
    mutating func readSlice() throws(RemotingError) -> SessionSlice {
        SessionSlice(memory: try read(), compute: try read())
    }
}
