/// A worker's answer to a ``ClientHello``.
package enum ServerHello: Hashable, Sendable {
    case accepted(SessionAcceptance)
    case refused(SessionRefusal)

    /// `PRW1` as it stands in the stream.
    static let magic: UInt32 = 0x3157_5250

    /// - Parameter revision: the one that both ends have agreed on; of a refusal, one that the client reads.
    package func encoded(revision: UInt16 = SessionLimits.revision) -> [UInt8] {
        var body = ByteWriter()
        switch self {
        case .accepted(let acceptance):
            body.write(UInt8(0))
            body.write(acceptance.receiveWindow)
            body.write(acceptance.slice)
            body.write(acceptance.interface)
            body.write(blob: acceptance.deviceInformation)
        case .refused(let refusal):
            body.write(UInt8(1))
            body.write(refusal.code.rawValue)
            body.write(text: refusal.message, maximum: SessionLimits.message)
        }
        return HelloPrefix(magic: Self.magic, revision: revision, length: UInt32(body.count)).encoded()
            + body.bytes
    }

    /// Decodes what follows the prefix.
    init(body: ArraySlice<UInt8>) throws(RemotingError) {
        var reader = ByteReader(body)
        switch try reader.read(UInt8.self) {
        case 0:
            let window: UInt32 = try reader.read()
            try checkWindow(window)
            self = .accepted(
                SessionAcceptance(
                    receiveWindow: window, slice: try reader.readSlice(), interface: try reader.readIdentity(),
                    deviceInformation: Array(try reader.readBlob(maximum: SessionLimits.deviceInformation))))
        case 1:
            let code = SessionRefusal.Code(rawValue: try reader.read())
            self = .refused(SessionRefusal(code, try reader.readText(maximum: SessionLimits.message)))
        case let status:
            throw RemotingError(.malformed, "a hello with status \(status)")
        }
        try reader.finish()
    }
}

/// What a session's client learns when its worker accepts it.
package struct SessionAcceptance: Hashable, Sendable {
    /// Bytes that the client may send before it gets credit.
    package var receiveWindow: UInt32
    package var slice: SessionSlice
    /// The worker's own.
    package var interface: InterfaceIdentity
    /// What the interface tells of the device, opaque to the framing; at most 256 KiB.
    package var deviceInformation: [UInt8]

    package init(
        receiveWindow: UInt32 = SessionLimits.defaultWindow, slice: SessionSlice, interface: InterfaceIdentity,
        deviceInformation: [UInt8]
    ) {
        self.receiveWindow = receiveWindow
        self.slice = slice
        self.interface = interface
        self.deviceInformation = deviceInformation
    }
}

/// Why a worker does not accept a session.
package struct SessionRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    /// Open on the wire: a code of a later build reads as ``unknown(_:)``.
    package enum Code: Hashable, Sendable {
        case versionMismatch
        case revisionUnsupported
        /// The ticket opens no session here, or has opened one already.
        case ticketInvalid
        case malformedHello
        case unavailable
        case unknown(UInt16)

        package init(rawValue: UInt16) {
            switch rawValue {
            case 1: self = .versionMismatch
            case 2: self = .revisionUnsupported
            case 3: self = .ticketInvalid
            case 4: self = .malformedHello
            case 5: self = .unavailable
            default: self = .unknown(rawValue)
            }
        }

        package var rawValue: UInt16 {
            switch self {
            case .versionMismatch: 1
            case .revisionUnsupported: 2
            case .ticketInvalid: 3
            case .malformedHello: 4
            case .unavailable: 5
            case .unknown(let value): value
            }
        }
    }
    package var code: Code
    /// For a person; at most 1,024 bytes.
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }

    /// The two ends are not a shared version; the message names both.
    package static func versionMismatch(client: InterfaceIdentity, worker: InterfaceIdentity) -> Self {
        Self(.versionMismatch, "the client runs \(client), the worker \(worker): not a shared version")
    }

    /// The two ends speak different revisions of the framing; the message names both.
    package static func revisionUnsupported(client: ClosedRange<UInt16>, worker: ClosedRange<UInt16>) -> Self {
        Self(
            .revisionUnsupported,
            "the client speaks framing revision \(text(client)), the worker \(text(worker))")
    }

    private static func text(_ revisions: ClosedRange<UInt16>) -> String {
        revisions.count == 1 ? "\(revisions.lowerBound)" : "\(revisions.lowerBound) to \(revisions.upperBound)"
    }
}
