/// A worker's half of a handshake: waits for a ``ClientHello``, judges it, and answers.
///
/// Whatever the outcome but ``Outcome/incomplete``, send its answer; after a refusal close the connection.
package struct WorkerHandshake: Sendable {
    package enum Outcome: Sendable {
        case incomplete
        case accepted(ClientHello, answer: [UInt8], SessionStream)
        case refused(SessionRefusal, answer: [UInt8])
    }

    private let acceptance: SessionAcceptance
    private let credential: SessionCredential
    private var received: [UInt8] = []

    /// `acceptance` is what an accepted client is told; its interface is the worker's own, its window in bounds and
    /// its device information within 256 KiB.
    package init(acceptance: SessionAcceptance, credential: SessionCredential) {
        precondition(acceptance.deviceInformation.count <= SessionLimits.deviceInformation)
        precondition(
            (SessionLimits.leastWindow...SessionLimits.greatestWindow).contains(acceptance.receiveWindow))
        self.acceptance = acceptance
        self.credential = credential
    }

    /// Takes in bytes of any length; what follows the hello goes to the stream. A hello that cannot be read is
    /// refused, not thrown.
    package mutating func received(_ bytes: some Collection<UInt8>) -> Outcome {
        received.append(contentsOf: bytes)
        do {
            return try judge()
        } catch {
            return Self.refuse(SessionRefusal(.malformedHello, error.message))
        }
    }

    private func judge() throws(RemotingError) -> Outcome {
        guard received.count >= HelloPrefix.length else { return .incomplete }
        let prefix = try HelloPrefix(received[..<HelloPrefix.length])
        guard prefix.magic == ClientHello.magic else {
            throw RemotingError(.protocolMismatch, "the peer is not a Presync client")
        }
        guard prefix.revision == SessionLimits.revision else {
            return Self.refuse(.revisionUnsupported(client: prefix.revision, worker: SessionLimits.revision))
        }
        guard prefix.length <= SessionLimits.clientHello else {
            throw RemotingError(.oversized, "a client's hello of \(prefix.length) bytes")
        }
        let end = HelloPrefix.length + Int(prefix.length)
        guard received.count >= end else { return .incomplete }
        let hello = try ClientHello(body: received[HelloPrefix.length..<end])
        guard hello.credential.matches(credential) else {
            return Self.refuse(SessionRefusal(.ticketInvalid, "the ticket opens no session of this worker"))
        }
        guard hello.interface.isShared(with: acceptance.interface) else {
            return Self.refuse(.versionMismatch(client: hello.interface, worker: acceptance.interface))
        }
        var stream = SessionStream(
            role: .worker, sendWindow: hello.receiveWindow, receiveWindow: acceptance.receiveWindow,
            slice: acceptance.slice)
        try stream.received(received[end...])
        return .accepted(hello, answer: ServerHello.accepted(acceptance).encoded(), stream)
    }

    private static func refuse(_ refusal: SessionRefusal) -> Outcome {
        .refused(refusal, answer: ServerHello.refused(refusal).encoded())
    }
}
