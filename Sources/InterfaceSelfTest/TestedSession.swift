import FleetModel
import Glibc
import RemotingCore
import SessionTransport

/// A session with the worker under test, opened as an agent opens one ahead of time.
struct TestedSession {
    let descriptor: CInt
    /// Memory that the worker shares; nil for none.
    let memory: CInt?
    let continuation: SessionContinuation
    let deviceInformation: [UInt8]

    private static let patienceMilliseconds: CInt = 3_000

    /// Connects as an agent on the worker's host does: by its UNIX socket where it has one, and else by TCP.
    init(_ order: SelfTestOrder, ticket: SessionTicket, endpoint: SessionEndpoint) throws(SelfTestFailure) {
        let version = order.client
        let identity = InterfaceIdentity(
            kind: version.kind, version: version.version.description, digest: version.digest.bytes)
        guard let identity else { throw SelfTestFailure("\(version) cannot be named in a handshake") }
        guard let revisions = SessionRevision.spoken(of: order.clientRevisions) else {
            throw SelfTestFailure("\(version) speaks no revision of the session protocol that this build does")
        }
        let connection =
            TransportChoice.ofEnvironment == .tcp
            ? try Self.connect(to: endpoint) : try Self.connectLocally(to: endpoint)
        // The library, and the handshake here, wait for what comes.
        _ = fcntl(connection, F_SETFL, fcntl(connection, F_GETFL) & ~O_NONBLOCK)
        descriptor = connection
        let credential = SessionCredential(grant: 1, ticketHigh: ticket.high, ticketLow: ticket.low)
        var handshake = ClientHandshake(ClientHello(interface: identity, credential: credential, revisions: revisions))
        let hello = handshake.bytesToSend
        let sent = hello.withUnsafeBytes { Glibc.send(connection, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
        guard sent == hello.count else { throw SelfTestFailure("the worker takes no hello: error \(errno)") }
        let accepted = try Self.awaitAnswer(&handshake, on: connection)
        guard let continuation = accepted.stream.continuation() else {
            throw SelfTestFailure("the worker sends before it was asked")
        }
        memory = accepted.memory
        self.continuation = continuation
        deviceInformation = accepted.acceptance.deviceInformation
    }

    private static func awaitAnswer(
        _ handshake: inout ClientHandshake, on connection: CInt
    ) throws(SelfTestFailure) -> (acceptance: SessionAcceptance, stream: SessionStream, memory: CInt?) {
        var memory: CInt?
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            var entry = pollfd(fd: connection, events: Int16(POLLIN), revents: 0)
            guard poll(&entry, 1, patienceMilliseconds) > 0 else { throw SelfTestFailure("the worker does not answer") }
            let (count, descriptors) = buffer.withUnsafeMutableBytes { DescriptorPassing.receive(connection, into: $0) }
            for descriptor in descriptors {
                if memory == nil { memory = descriptor } else { close(descriptor) }
            }
            guard count > 0 else { throw SelfTestFailure("the worker closed the connection during the handshake") }
            let outcome: ClientHandshake.Outcome
            do {
                outcome = try handshake.received(buffer[..<count])
            } catch {
                throw SelfTestFailure("the worker's handshake: \(error)")
            }
            switch outcome {
            case .incomplete: continue
            case .refused(let refusal): throw SelfTestFailure("the worker refused: \(refusal)")
            case .accepted(let acceptance, let stream): return (acceptance, stream, memory)
            }
        }
    }

    private static func connectLocally(to endpoint: SessionEndpoint) throws(SelfTestFailure) -> CInt {
        if let connection = LocalSessionSocket.connect(toPort: endpoint.port) { return connection }
        return try connect(to: endpoint)
    }

    private static func connect(to endpoint: SessionEndpoint) throws(SelfTestFailure) -> CInt {
        let connection = socket(AF_INET, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        guard connection >= 0 else { throw SelfTestFailure("no socket: error \(errno)") }
        SessionSocketOptions.apply(to: connection)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = endpoint.port.bigEndian
        address.sin_addr = in_addr(s_addr: UInt32(0x7F00_0001).bigEndian)
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(connection, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw SelfTestFailure("no connection to the worker: error \(errno)") }
        return connection
    }
}
