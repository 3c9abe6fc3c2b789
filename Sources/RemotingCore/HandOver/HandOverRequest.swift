/// What a program says to its host's agent, first on its connection to the agent's UNIX socket.
package enum HandOverRequest: Hashable, Sendable {
    /// The program's first GPU call: the session of its instance is wanted. The answer is
    /// ``HandOverReply/session(_:)``, with the session's TCP descriptor, or ``HandOverReply/refused(_:)``. A demand
    /// that names virtual GPUs is answered by one ``HandOverReply/sessionOf(_:remaining:descriptors:)`` for each, in
    /// their order, or refused as a whole. The connection stays open as long as the program uses one of the sessions.
    case openSession(HandOverDemand)
    /// The program whose connection this is, and what it starts, is an instance. The answer is
    /// ``HandOverReply/registered(clientLibrary:)``. The instance lives as long as the connection, over which the agent
    /// then tells why it refuses programs of the instance: a ``HandOverReply/refused(_:)`` for each.
    case registerInstance(InstanceRegistration)
    /// What the program knows of its own instance's load and of its user. The answer is ``HandOverReply/reportTaken``.
    case report(ApplicationReport)

    /// `PRH1` as it stands in the stream.
    static let magic: UInt32 = 0x3148_5250
    package static let maximumLength = 4096

    package func encoded() -> [UInt8] {
        var body = ByteWriter()
        switch self {
        case .openSession(let demand):
            body.write(UInt8(demand.namesGPUs ? 4 : 1))
            demand.write(to: &body)
        case .registerInstance(let registration):
            body.write(UInt8(2))
            registration.write(to: &body)
        case .report(let report):
            body.write(UInt8(3))
            body.write(optional: report.workInFlight)
            body.write(optional: report.userIdleMilliseconds)
        }
        return HelloPrefix(magic: Self.magic, revision: revision, length: UInt32(body.count)).encoded() + body.bytes
    }

    /// The lowest that can say it: agents of older releases understand what they always have.
    private var revision: UInt16 {
        switch self {
        case .openSession(let demand): demand.namesGPUs ? SessionRevision.severalGPUs : SessionRevision.first
        case .registerInstance(let registration): registration.revision
        case .report: SessionRevision.sharedMemory
        }
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
            self = .registerInstance(try InstanceRegistration(&reader))
        case 3:
            self = .report(
                ApplicationReport(
                    workInFlight: try reader.readOptional(), userIdleMilliseconds: try reader.readOptional()))
        case 4:
            self = .openSession(try HandOverDemand(namingGPUs: &reader))
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
    /// Which of the program's virtual GPUs is the first that is wanted, from 0 on.
    package var firstGPU: UInt8
    /// How many are wanted from there on, all at once: 1 to ``maximumGPUs``, of which none lies beyond that number.
    package var gpus: UInt8

    /// The virtual GPUs of one program.
    package static let maximumGPUs: UInt8 = 16

    package init(
        interfaceKind: String = OpenCLInterface.kind, interfaceVersion: String = OpenCLInterface.version,
        firstGPU: UInt8 = 0, gpus: UInt8 = 1
    ) {
        self.interfaceKind = interfaceKind
        self.interfaceVersion = interfaceVersion
        self.firstGPU = firstGPU
        self.gpus = gpus
    }

    /// Whether it asks for more or other than the program's first virtual GPU, and so in words that agents of revisions
    /// before ``SessionRevision/severalGPUs`` do not know.
    package var namesGPUs: Bool { firstGPU != 0 || gpus != 1 }
}

extension HandOverDemand {
    /// Of a request that names virtual GPUs. One that need not name them is malformed: each demand has one form.
    init(namingGPUs reader: inout ByteReader) throws(RemotingError) {
        interfaceKind = try reader.readText(maximum: SessionLimits.interfaceKind)
        interfaceVersion = try reader.readText(maximum: SessionLimits.semanticVersion)
        firstGPU = try reader.read()
        gpus = try reader.read()
        guard (1...Self.maximumGPUs).contains(gpus), firstGPU <= Self.maximumGPUs - gpus, namesGPUs else {
            throw RemotingError(.malformed, "a demand for \(gpus) virtual GPUs from number \(firstGPU) on")
        }
    }

    func write(to writer: inout ByteWriter) {
        writer.write(text: interfaceKind, maximum: SessionLimits.interfaceKind)
        writer.write(text: interfaceVersion, maximum: SessionLimits.semanticVersion)
        guard namesGPUs else { return }
        writer.write(firstGPU)
        writer.write(gpus)
    }
}

/// The prefix that requests and replies share: the one of the hellos, with its own magic number.
enum HandOverEnvelope {
    /// How long the message at the start of `bytes` is; nil while its prefix is incomplete.
    static func length(of bytes: [UInt8]) throws(RemotingError) -> Int? {
        guard bytes.count >= HelloPrefix.length else { return nil }
        return HelloPrefix.length + Int(try HelloPrefix(bytes[..<HelloPrefix.length]).length)
    }

    /// What follows the prefix; nil while incomplete.
    static func body(
        of bytes: [UInt8], magic: UInt32, maximum: Int
    ) throws(RemotingError) -> ArraySlice<UInt8>? {
        guard bytes.count >= HelloPrefix.length else { return nil }
        let prefix = try HelloPrefix(bytes[..<HelloPrefix.length])
        guard prefix.magic == magic else {
            throw RemotingError(.protocolMismatch, "the peer does not speak Presync's hand-over")
        }
        try prefix.checkReserved()
        guard SessionLimits.revisions.contains(prefix.revision) else {
            throw RemotingError(
                .protocolMismatch,
                "the peer speaks revision \(prefix.revision), this build \(SessionRevision.first) to "
                    + "\(SessionLimits.revision)")
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
