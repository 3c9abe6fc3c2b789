/// What a program says to its host's agent, first on its connection to the agent's UNIX socket.
package enum HandOverRequest: Hashable, Sendable {
    /// The program's first GPU call: the session of its instance is wanted. The answer is
    /// ``HandOverReply/session(_:)``, with the session's TCP descriptor, or ``HandOverReply/refused(_:)``. The
    /// connection stays open as long as the program uses the session.
    case openSession(HandOverDemand)
    /// The program whose connection this is, and what it starts, is an instance. The answer is
    /// ``HandOverReply/registered``. The instance lives as long as the connection.
    case registerInstance(InstanceRegistration)

    /// `PRH1` as it stands in the stream.
    static let magic: UInt32 = 0x3148_5250
    package static let maximumLength = 4096

    package func encoded() -> [UInt8] {
        var body = ByteWriter()
        switch self {
        case .openSession(let demand):
            body.write(UInt8(1))
            body.write(text: demand.interfaceKind, maximum: SessionLimits.interfaceKind)
            body.write(text: demand.interfaceVersion, maximum: SessionLimits.semanticVersion)
        case .registerInstance(let registration):
            body.write(UInt8(2))
            for text in [
                registration.instance, registration.tenant, registration.application, registration.priorityClass,
            ] {
                body.write(text: text, maximum: InstanceRegistration.nameLength)
            }
        }
        return HelloPrefix(magic: Self.magic, length: UInt32(body.count)).encoded() + body.bytes
    }

    /// The request at the start of `bytes`; nil while it is incomplete. Nothing may follow it.
    package init?(decoding bytes: [UInt8]) throws(RemotingError) {
        guard let body = try HandOverEnvelope.body(of: bytes, magic: Self.magic, maximum: Self.maximumLength)
        else { return nil }
        var reader = ByteReader(body)
        switch try reader.read(UInt8.self) {
        case 1:
            self = .openSession(
                HandOverDemand(
                    interfaceKind: try reader.readText(maximum: SessionLimits.interfaceKind),
                    interfaceVersion: try reader.readText(maximum: SessionLimits.semanticVersion)))
        case 2:
            let maximum = InstanceRegistration.nameLength
            self = .registerInstance(
                InstanceRegistration(
                    instance: try reader.readText(maximum: maximum), tenant: try reader.readText(maximum: maximum),
                    application: try reader.readText(maximum: maximum),
                    priorityClass: try reader.readText(maximum: maximum)))
        case let kind:
            throw RemotingError(.unexpected, "a hand-over request of unknown kind \(kind)")
        }
        try reader.finish()
    }
}

/// What a client library asks a session for.
package struct HandOverDemand: Hashable, Sendable {
    package var interfaceKind: String
    /// The semantic version of the library that asks.
    package var interfaceVersion: String

    package init(
        interfaceKind: String = OpenCLInterface.kind, interfaceVersion: String = OpenCLInterface.version
    ) {
        self.interfaceKind = interfaceKind
        self.interfaceVersion = interfaceVersion
    }
}

/// Who an instance is. The texts are what the peer wrote, at most 128 bytes each: check them as identifiers.
package struct InstanceRegistration: Hashable, Sendable {
    package static let nameLength = 128

    package var instance: String
    package var tenant: String
    package var application: String
    package var priorityClass: String

    package init(instance: String, tenant: String, application: String, priorityClass: String) {
        self.instance = instance
        self.tenant = tenant
        self.application = application
        self.priorityClass = priorityClass
    }
}

/// The prefix that requests and replies share: the one of the hellos, with its own magic number.
enum HandOverEnvelope {
    /// What follows the prefix; nil while incomplete.
    static func body(
        of bytes: [UInt8], magic: UInt32, maximum: Int
    ) throws(RemotingError) -> ArraySlice<UInt8>? {
        guard bytes.count >= HelloPrefix.length else { return nil }
        let prefix = try HelloPrefix(bytes[..<HelloPrefix.length])
        guard prefix.magic == magic else {
            throw RemotingError(.protocolMismatch, "the peer does not speak Presync's hand-over")
        }
        guard prefix.revision == SessionLimits.revision else {
            throw RemotingError(
                .protocolMismatch, "the peer speaks revision \(prefix.revision), this build \(SessionLimits.revision)")
        }
        guard prefix.length <= maximum else {
            throw RemotingError(.oversized, "a hand-over message of \(prefix.length) bytes")
        }
        let end = HelloPrefix.length + Int(prefix.length)
        guard bytes.count >= end else { return nil }
        guard bytes.count == end else { throw RemotingError(.unexpected, "bytes after a hand-over message") }
        return bytes[HelloPrefix.length..<end]
    }
}
