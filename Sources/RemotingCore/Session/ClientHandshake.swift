/// The client's half of a handshake: sends a ``ClientHello`` and waits for the answer.
///
/// Send ``bytesToSend``, hand in what arrives until an outcome comes; after that it takes nothing more. A refusal and
/// a worker that is no shared version are outcomes; bytes that are no hello throw, and end the connection.
package struct ClientHandshake: Sendable {
    package enum Outcome: Sendable {
        case incomplete
        case accepted(SessionAcceptance, SessionStream)
        case refused(SessionRefusal)
    }

    private let hello: ClientHello
    private var received: [UInt8] = []

    package init(_ hello: ClientHello) {
        self.hello = hello
    }

    package var bytesToSend: [UInt8] { hello.encoded() }

    /// Takes in bytes of any length; what follows the hello goes to the stream.
    package mutating func received(_ bytes: some Collection<UInt8>) throws(RemotingError) -> Outcome {
        received.append(contentsOf: bytes)
        guard received.count >= HelloPrefix.length else { return .incomplete }
        let prefix = try HelloPrefix(received[..<HelloPrefix.length])
        guard prefix.magic == ServerHello.magic else {
            throw RemotingError(.protocolMismatch, "the peer is not a Presync worker")
        }
        try prefix.checkReserved()
        guard prefix.length <= SessionLimits.serverHello else {
            throw RemotingError(.oversized, "a worker's hello of \(prefix.length) bytes")
        }
        let end = HelloPrefix.length + Int(prefix.length)
        guard received.count >= end else { return .incomplete }
        let answer = try ServerHello(body: received[HelloPrefix.length..<end])
        switch answer {
        case .refused(let refusal):
            return .refused(refusal)
        case .accepted(let acceptance):
            guard hello.revisions.contains(prefix.revision) else {
                return .refused(
                    .revisionUnsupported(client: hello.revisions, worker: prefix.revision...prefix.revision))
            }
            guard hello.interface.isServed(by: acceptance.interface) else {
                return .refused(.versionMismatch(client: hello.interface, worker: acceptance.interface))
            }
            var stream = SessionStream(
                role: .client, sendWindow: acceptance.receiveWindow, receiveWindow: hello.receiveWindow,
                slice: acceptance.slice, revision: prefix.revision)
            try stream.received(received[end...])
            return .accepted(acceptance, stream)
        }
    }
}
