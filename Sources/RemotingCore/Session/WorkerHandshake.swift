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
    private let revisions: ClosedRange<UInt16>
    /// What a refusal is written in: nothing that the client does not read.
    private var answerRevision: UInt16
    private var received: [UInt8] = []

    /// `acceptance` is what an accepted client is told; its interface is the worker's own, its window in bounds and
    /// its device information within 256 KiB. `revisions` are those that the worker speaks.
    package init(
        acceptance: SessionAcceptance, credential: SessionCredential,
        revisions: ClosedRange<UInt16> = SessionLimits.revisions
    ) {
        precondition(acceptance.deviceInformation.count <= SessionLimits.deviceInformation)
        precondition(
            (SessionLimits.leastWindow...SessionLimits.greatestWindow).contains(acceptance.receiveWindow))
        self.acceptance = acceptance
        self.credential = credential
        self.revisions = revisions
        answerRevision = revisions.lowerBound
    }

    /// Takes in bytes of any length; what follows the hello goes to the stream. A hello that cannot be read is
    /// refused, not thrown.
    package mutating func received(_ bytes: some Collection<UInt8>) -> Outcome {
        received.append(contentsOf: bytes)
        do {
            return try judge()
        } catch {
            return refuse(SessionRefusal(.malformedHello, error.message))
        }
    }

    private mutating func judge() throws(RemotingError) -> Outcome {
        guard received.count >= HelloPrefix.length else { return .incomplete }
        let prefix = try HelloPrefix(received[..<HelloPrefix.length])
        guard prefix.magic == ClientHello.magic else {
            throw RemotingError(.protocolMismatch, "the peer is not a Presync client")
        }
        let spoken = try prefix.revisions()
        guard let revision = SessionRevision.agreed(spoken, revisions) else {
            return refuse(.revisionUnsupported(client: spoken, worker: revisions))
        }
        answerRevision = revision
        guard prefix.length <= SessionLimits.clientHello else {
            throw RemotingError(.oversized, "a client's hello of \(prefix.length) bytes")
        }
        let end = HelloPrefix.length + Int(prefix.length)
        guard received.count >= end else { return .incomplete }
        let hello = try ClientHello(prefix, body: received[HelloPrefix.length..<end])
        guard hello.credential.matches(credential) else {
            return refuse(SessionRefusal(.ticketInvalid, "the ticket opens no session of this worker"))
        }
        guard hello.interface.isServed(by: acceptance.interface) else {
            return refuse(.versionMismatch(client: hello.interface, worker: acceptance.interface))
        }
        var stream = SessionStream(
            role: .worker, sendWindow: hello.receiveWindow, receiveWindow: acceptance.receiveWindow,
            slice: acceptance.slice, revision: revision)
        try stream.received(received[end...])
        return .accepted(hello, answer: ServerHello.accepted(acceptance).encoded(revision: revision), stream)
    }

    private func refuse(_ refusal: SessionRefusal) -> Outcome {
        .refused(refusal, answer: ServerHello.refused(refusal).encoded(revision: answerRevision))
    }
}
