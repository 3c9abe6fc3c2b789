/// The first bytes of a connection by which a client comes back to its session, after the last one broke.
///
/// It does not carry the secret, but a proof of it over all else that it says.
package struct ResumeHello: Hashable, Sendable {
    package var grant: UInt64
    /// Counts the client's attempts, from 1: a worker takes none that is not newer than all before.
    package var attempt: UInt64
    /// Every frame of the worker before this has arrived at the client.
    package var received: UInt64
    private var proof: [UInt8]

    /// `PRC1` as it stands in the stream.
    static let magic: UInt32 = 0x3143_5250
    static let bodyLength = 24 + SHA256.length

    package init(grant: UInt64, attempt: UInt64, received: UInt64, key: ResumptionKey) {
        self.grant = grant
        self.attempt = attempt
        self.received = received
        proof = []
        proof = key.proof(of: proven)
    }

    /// What the proof is of: the message before it.
    private var proven: [UInt8] {
        var writer = ByteWriter()
        writer.write(
            bytes: HelloPrefix(magic: Self.magic, revision: SessionRevision.first, length: UInt32(Self.bodyLength))
                .encoded())
        for number in [grant, attempt, received] { writer.write(number) }
        return writer.bytes
    }

    package func encoded() -> [UInt8] { proven + proof }

    /// Whether it comes from who has the key.
    func isProven(by key: ResumptionKey) -> Bool { key.proves(proof, of: proven) }

    /// Whether a connection begins with such a hello; nil while that cannot be told.
    package static func begins(_ bytes: [UInt8]) -> Bool? {
        guard bytes.count >= 4 else { return nil }
        return ByteReader(bytes).isNext(magic)
    }

    /// The hello at the start of `bytes`, behind which nothing may follow before it is answered; nil while incomplete.
    package init?(decoding bytes: [UInt8]) throws(RemotingError) {
        guard bytes.count >= HelloPrefix.length else { return nil }
        let prefix = try HelloPrefix(bytes[..<HelloPrefix.length])
        try prefix.checkReserved()
        guard prefix.magic == Self.magic, prefix.revision == SessionRevision.first,
            prefix.length == Self.bodyLength
        else { throw RemotingError(.protocolMismatch, "no hello of a client that comes back") }
        guard bytes.count >= HelloPrefix.length + Self.bodyLength else { return nil }
        var reader = ByteReader(bytes[HelloPrefix.length...])
        grant = try reader.read()
        attempt = try reader.read()
        received = try reader.read()
        proof = Array(try reader.readBytes(count: SHA256.length))
        try reader.finish()
    }
}

extension ByteReader {
    /// Whether the next 32 bits are `value`.
    fileprivate func isNext(_ value: UInt32) -> Bool {
        var copy = self
        return (try? copy.read(UInt32.self)) == value
    }
}

/// A worker's answer to a ``ResumeHello``.
package enum ResumeAnswer: Hashable, Sendable {
    /// The client is who it says; the worker answers again when it is done with what occupies it.
    case pending
    /// The session goes on: every frame of the client before `received` has arrived. The proof is by the same secret, over
    /// the client's hello too, so that it is of this worker and this attempt.
    case resumed(received: UInt64, proof: [UInt8])
    case refused(SessionRefusal)

    /// `PRK1` as it stands in the stream.
    static let magic: UInt32 = 0x314B_5250
    static let greatestBody = 8 + SessionLimits.message

    /// That the session goes on, in answer to `hello`.
    package static func resumed(_ hello: ResumeHello, received: UInt64, key: ResumptionKey) -> Self {
        .resumed(received: received, proof: key.proof(of: proven(hello, received)))
    }

    private static func proven(_ hello: ResumeHello, _ received: UInt64) -> [UInt8] {
        var writer = ByteWriter()
        writer.write(bytes: hello.encoded())
        writer.write(received)
        return writer.bytes
    }

    /// Whether it is the answer to `hello` of who has the key.
    func isProven(for hello: ResumeHello, by key: ResumptionKey) -> Bool {
        guard case .resumed(let received, let proof) = self else { return false }
        return key.proves(proof, of: Self.proven(hello, received))
    }

    package func encoded() -> [UInt8] {
        var body = ByteWriter()
        switch self {
        case .resumed(let received, let proof):
            body.write(UInt8(0))
            body.write(received)
            body.write(bytes: proof)
        case .refused(let refusal):
            body.write(UInt8(1))
            body.write(refusal.code.rawValue)
            body.write(text: refusal.message, maximum: SessionLimits.message)
        case .pending: body.write(UInt8(2))
        }
        return HelloPrefix(magic: Self.magic, revision: SessionRevision.first, length: UInt32(body.count)).encoded()
            + body.bytes
    }

    /// Takes the answer off the front of `received`, which others and frames may follow; nil while it is incomplete.
    static func next(from received: inout [UInt8]) throws(RemotingError) -> ResumeAnswer? {
        guard received.count >= HelloPrefix.length else { return nil }
        let prefix = try HelloPrefix(received[..<HelloPrefix.length])
        try prefix.checkReserved()
        guard prefix.magic == magic, prefix.revision == SessionRevision.first else {
            throw RemotingError(.protocolMismatch, "no answer of a worker to a client that comes back")
        }
        guard prefix.length <= greatestBody else {
            throw RemotingError(.oversized, "an answer of \(prefix.length) bytes")
        }
        let end = HelloPrefix.length + Int(prefix.length)
        guard received.count >= end else { return nil }
        let answer = try ResumeAnswer(body: received[HelloPrefix.length..<end])
        received.removeFirst(end)
        return answer
    }

    private init(body: ArraySlice<UInt8>) throws(RemotingError) {
        var reader = ByteReader(body)
        switch try reader.read(UInt8.self) {
        case 0:
            self = .resumed(
                received: try reader.read(), proof: Array(try reader.readBytes(count: SHA256.length)))
        case 1:
            let code = SessionRefusal.Code(rawValue: try reader.read())
            self = .refused(SessionRefusal(code, try reader.readText(maximum: SessionLimits.message)))
        case 2: self = .pending
        case let status: throw RemotingError(.malformed, "an answer with status \(status)")
        }
        try reader.finish()
    }
}
