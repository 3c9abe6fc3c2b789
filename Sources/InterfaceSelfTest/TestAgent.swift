import FleetModel
import Glibc
import RemotingCore
import SessionTransport
import Synchronization
import WorkerControl

/// What the library under test finds where it looks for its host's agent: one that has its session.
final class TestAgent: Sendable {
    let path: String
    private let listener: Descriptor
    private let descriptors: [CInt]
    private let reply: [UInt8]
    private let client: InterfaceVersion
    private let refused = Mutex<String?>(nil)

    /// Listens, and hands `session` to the first who asks as a library of the version `client` does.
    init(at path: String, handing session: TestedSession, to client: InterfaceVersion) throws(SelfTestFailure) {
        self.path = path
        self.client = client
        descriptors = [session.descriptor] + (session.memory.map { [$0] } ?? [])
        reply =
            HandOverReply.session(
                HandedOverSession(
                    foundReadiness: 3, grant: 1, elapsedMicroseconds: 0, interfaceVersion: client.version.description,
                    continuation: session.continuation, deviceInformation: session.deviceInformation)
            ).encoded()
        do {
            listener = try ControlSocket.listen(at: path)
        } catch {
            throw SelfTestFailure("no socket for the library: \(error)")
        }
    }

    /// Why the library was not given its session; nil where it was, or has not asked.
    var refusal: String? { refused.withLock { $0 } }

    /// Answers on a thread of its own, until the library is gone.
    func start() throws(SelfTestFailure) {
        do {
            try DetachedThread.start { [self] in serve() }
        } catch {
            throw SelfTestFailure("\(error)")
        }
    }

    private func serve() {
        var entries = [pollfd(listener, POLLIN)]
        wait(for: &entries, milliseconds: -1)
        guard let program = listener.acceptConnection() else { return }
        _ = fcntl(program.number, F_SETFL, fcntl(program.number, F_GETFL) & ~O_NONBLOCK)
        var request = [UInt8](repeating: 0, count: HandOverRequest.maximumLength)
        let count = recv(program.number, &request, request.count, 0)
        let answer = answer(to: Array(request.prefix(max(count, 0))))
        _ = answer.bytes.withUnsafeBytes {
            DescriptorPassing.send($0, passing: answer.passing, on: program.number)
        }
        // The library's session lasts as long as this connection.
        while recv(program.number, &request, request.count, 0) > 0 {}
    }

    private func answer(to bytes: [UInt8]) -> (bytes: [UInt8], passing: [CInt]) {
        var reason = "the library's request is no request for a session"
        if case .openSession(let demand)? = try? HandOverRequest(decoding: bytes) {
            if demand.interfaceKind == client.kind, demand.interfaceVersion == client.version.description {
                return (reply, descriptors)
            }
            reason = "the library is \(demand.interfaceKind) \(demand.interfaceVersion), its bundle \(client)"
        }
        refused.withLock { $0 = reason }
        return (HandOverReply.refused(reason).encoded(), [])
    }
}
