/// The header of every frame, 24 bytes, little-endian:
/// {payload length UInt32, kind UInt8, flags UInt8 = 0, reserved UInt16 = 0, sequence UInt64, acknowledgement UInt64}.
struct FrameHeader: Hashable, Sendable {
    static let length = 24
    /// Where ``acknowledgement`` lies.
    static let acknowledgementOffset = 16

    enum Kind: UInt8, Hashable, Sendable {
        /// One or more whole messages of the interface: 1 byte to 1 MiB. Costs credit: payload and header.
        case data = 1
        /// The sender takes more: payload UInt32, bytes of credit.
        case credit = 2
        /// To be answered with a pong of the same payload, UInt64.
        case ping = 3
        case pong = 4
        /// The worker enforces another slice from here on: {memory UInt64, compute UInt32}.
        case slice = 5
        /// The sender's last frame: {reason UInt16, text}.
        case goAway = 6
        /// The sender's last frame on the socket: what follows goes through the memory that both ends share. The
        /// client says it first, and the worker answers with the same.
        case shared = 7
        /// From a worker: every request of the client before this number has ended, UInt64. Each is above the one before.
        case completed = 8
        /// The client may come back after a break, and proves then that it has this secret: 16 bytes. Once, from the
        /// client.
        case resumable = 16
        /// The worker's answer: for how many milliseconds it waits for a client that the connection broke to, UInt32; 0
        /// for not at all.
        case grace = 17
    }

    var kind: Kind
    var payloadLength: Int
    /// Counts the sender's frames, from 0.
    var sequence: UInt64
    /// The sequence that the sender expects next: all frames before it have arrived.
    var acknowledgement: UInt64

    func write(to writer: inout ByteWriter) {
        writer.write(UInt32(payloadLength))
        writer.write(kind.rawValue)
        writer.write(UInt8(0))
        writer.write(UInt16(0))
        writer.write(sequence)
        writer.write(acknowledgement)
    }

    init(kind: Kind, payloadLength: Int, sequence: UInt64, acknowledgement: UInt64) {
        self.kind = kind
        self.payloadLength = payloadLength
        self.sequence = sequence
        self.acknowledgement = acknowledgement
    }

    /// Decodes a header, and checks the length against the kind before anyone reserves room for the payload.
    init(_ bytes: [UInt8]) throws(RemotingError) {
        var reader = ByteReader(bytes)
        let length: UInt32 = try reader.read()
        let rawKind: UInt8 = try reader.read()
        let flags: UInt8 = try reader.read()
        let reserved: UInt16 = try reader.read()
        sequence = try reader.read()
        acknowledgement = try reader.read()
        guard let kind = Kind(rawValue: rawKind) else {
            throw RemotingError(.unexpected, "a frame of unknown kind \(rawKind)")
        }
        guard flags == 0, reserved == 0 else { throw RemotingError(.malformed, "reserved bits of a frame are set") }
        guard kind.payloadLengths.contains(Int(length)) else {
            throw RemotingError(.oversized, "a \(kind) frame with a payload of \(length) bytes")
        }
        self.kind = kind
        payloadLength = Int(length)
    }
}

extension FrameHeader.Kind {
    var payloadLengths: ClosedRange<Int> {
        switch self {
        case .data: 1...SessionLimits.framePayload
        case .credit: 4...4
        case .ping, .pong, .completed: 8...8
        case .slice: 12...12
        case .goAway: 6...6 + SessionLimits.message
        case .shared: 0...0
        case .resumable: 16...16
        case .grace: 4...4
        }
    }
}

/// Why one end leaves.
package struct SessionFarewell: Hashable, Sendable {
    /// Open on the wire: a reason of a later build reads as ``unknown(_:)``.
    package enum Reason: Hashable, Sendable {
        /// The end is done with the session.
        case finished
        /// The lease ran out, or the grant was taken back.
        case revoked
        /// The other end broke the protocol.
        case protocolViolated
        /// The end cannot go on.
        case failed
        case unknown(UInt16)

        package init(rawValue: UInt16) {
            switch rawValue {
            case 1: self = .finished
            case 2: self = .revoked
            case 3: self = .protocolViolated
            case 4: self = .failed
            default: self = .unknown(rawValue)
            }
        }

        package var rawValue: UInt16 {
            switch self {
            case .finished: 1
            case .revoked: 2
            case .protocolViolated: 3
            case .failed: 4
            case .unknown(let value): value
            }
        }
    }
    package var reason: Reason
    /// For a person; at most 1,024 bytes.
    package var message: String

    package init(_ reason: Reason, _ message: String) {
        self.reason = reason
        self.message = message
    }
}
