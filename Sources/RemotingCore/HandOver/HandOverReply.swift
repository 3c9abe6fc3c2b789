/// An agent's answer to a ``HandOverRequest``.
package enum HandOverReply: Hashable, Sendable {
    /// The session; its descriptor comes with the first byte of the reply (`SCM_RIGHTS`).
    case session(HandedOverSession)
    /// The instance stands. Its programs are to use the client library at this path, that of the interface version in
    /// force on this host; empty while there is none. At most 4,096 bytes.
    case registered(clientLibrary: String)
    /// Why not, for a person; at most 1,024 bytes.
    case refused(String)
    case reportTaken
    /// To who registered an instance: a session that one of its programs holds will be taken. In words, at most 1,024
    /// bytes.
    case warned(String)
    /// One of the sessions that a demand which names virtual GPUs asked for; `remaining` more follow on the same
    /// connection. With the first byte come as many descriptors as it says, 1 or 2: the session's connection, then its
    /// memory. So a receiver knows which of several sessions a descriptor is of.
    case sessionOf(HandedOverSession, remaining: UInt8, descriptors: UInt8)

    /// `PRR1` as it stands in the stream.
    static let magic: UInt32 = 0x3152_5250
    package static let maximumLength = SessionLimits.deviceInformation + 4096
    static let pathLength = 4096

    package func encoded() -> [UInt8] {
        var body = ByteWriter()
        switch self {
        case .session(let session):
            body.write(UInt8(0))
            session.write(to: &body)
        case .registered(let clientLibrary):
            body.write(UInt8(1))
            body.write(text: clientLibrary, maximum: Self.pathLength)
        case .refused(let reason):
            body.write(UInt8(2))
            body.write(text: reason, maximum: SessionLimits.message)
        case .reportTaken:
            body.write(UInt8(3))
        case .warned(let text):
            body.write(UInt8(4))
            body.write(text: text, maximum: SessionLimits.message)
        case .sessionOf(let session, let remaining, let descriptors):
            body.write(UInt8(5))
            session.write(to: &body)
            body.write(remaining)
            body.write(descriptors)
        }
        return HelloPrefix(magic: Self.magic, revision: revision, length: UInt32(body.count)).encoded() + body.bytes
    }

    /// The lowest that can say it.
    private var revision: UInt16 {
        switch self {
        case .session, .registered, .refused: SessionRevision.first
        case .reportTaken, .warned: SessionRevision.sharedMemory
        case .sessionOf: SessionRevision.severalGPUs
        }
    }

    /// Takes the first reply off `received`, which others may follow; nil while it is incomplete.
    package static func next(from received: inout [UInt8]) throws(RemotingError) -> HandOverReply? {
        guard let length = try HandOverEnvelope.length(of: received), received.count > length else {
            let reply = try HandOverReply(decoding: received)
            if reply != nil { received = [] }
            return reply
        }
        let reply = try HandOverReply(decoding: Array(received[..<length]))
        received.removeFirst(length)
        return reply
    }

    /// The reply at the start of `bytes`; nil while it is incomplete. Nothing may follow it.
    package init?(decoding bytes: [UInt8]) throws(RemotingError) {
        guard let body = try HandOverEnvelope.body(of: bytes, magic: Self.magic, maximum: Self.maximumLength)
        else { return nil }
        var reader = ByteReader(body)
        switch try reader.read(UInt8.self) {
        case 0:
            self = .session(try HandedOverSession(&reader))
        case 1:
            self = .registered(clientLibrary: try reader.readText(maximum: Self.pathLength))
        case 2:
            self = .refused(try reader.readText(maximum: SessionLimits.message))
        case 3:
            self = .reportTaken
        case 4:
            self = .warned(try reader.readText(maximum: SessionLimits.message))
        case 5:
            let session = try HandedOverSession(&reader)
            let remaining: UInt8 = try reader.read()
            let descriptors: UInt8 = try reader.read()
            guard remaining < HandOverDemand.maximumGPUs, (1...2).contains(descriptors) else {
                throw RemotingError(
                    .malformed, "a session with \(descriptors) descriptors, before \(remaining) others")
            }
            self = .sessionOf(session, remaining: remaining, descriptors: descriptors)
        case let status:
            throw RemotingError(.unexpected, "a hand-over reply of unknown status \(status)")
        }
        try reader.finish()
    }
}

/// A session as an agent hands it over.
package struct HandedOverSession: Hashable, Sendable {
    /// How far the instance was prepared when the request came: 0 cold, 1 staged, 2 warm, 3 reserved.
    package var foundReadiness: UInt8
    package var grant: UInt64
    /// From the request's arrival at the agent to the reply.
    package var elapsedMicroseconds: UInt64
    /// The semantic version that agent and worker shook hands on.
    package var interfaceVersion: String
    package var continuation: SessionContinuation
    /// The blob of the worker's hello.
    package var deviceInformation: [UInt8]

    package init(
        foundReadiness: UInt8, grant: UInt64, elapsedMicroseconds: UInt64, interfaceVersion: String,
        continuation: SessionContinuation, deviceInformation: [UInt8]
    ) {
        self.foundReadiness = foundReadiness
        self.grant = grant
        self.elapsedMicroseconds = elapsedMicroseconds
        self.interfaceVersion = interfaceVersion
        self.continuation = continuation
        self.deviceInformation = deviceInformation
    }
}

extension HandedOverSession {
    init(_ reader: inout ByteReader) throws(RemotingError) {
        foundReadiness = try reader.read()
        grant = try reader.read()
        elapsedMicroseconds = try reader.read()
        interfaceVersion = try reader.readText(maximum: SessionLimits.semanticVersion)
        continuation = try reader.readContinuation()
        deviceInformation = Array(try reader.readBlob(maximum: SessionLimits.deviceInformation))
    }

    func write(to writer: inout ByteWriter) {
        writer.write(foundReadiness)
        writer.write(grant)
        writer.write(elapsedMicroseconds)
        writer.write(text: interfaceVersion, maximum: SessionLimits.semanticVersion)
        writer.write(continuation)
        writer.write(blob: deviceInformation)
    }
}
