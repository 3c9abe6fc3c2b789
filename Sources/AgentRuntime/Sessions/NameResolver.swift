import FleetModel

/// Finds the addresses of workers' hosts that are named, not numbered, on a thread of its own: a resolver can take
/// seconds, and nobody else is to wait for it.
final class NameResolver: Sendable {
    private enum Request: Sendable {
        case resolve(GrantID, SessionEndpoint)
        case stop
    }

    /// Names that may wait; more are answered as not found at once.
    private static let maximumWaiting = 256
    private let requests: LoopInbox<Request>
    private let answer: @Sendable (GrantID, SocketAddress?) -> Void

    /// Nil when the system has no thread or descriptor left.
    init?(answer: @escaping @Sendable (GrantID, SocketAddress?) -> Void) {
        guard let requests = LoopInbox<Request>(limit: Self.maximumWaiting) else { return nil }
        self.requests = requests
        self.answer = answer
        let thread = DedicatedThread(name: "presync-resolve") { Self.serve(requests, answer) }
        guard thread != nil else { return nil }
    }

    func resolve(_ endpoint: SessionEndpoint, for grant: GrantID) {
        if !requests.post(.resolve(grant, endpoint)) { answer(grant, nil) }
    }

    /// Ends the thread after the name that it is at.
    func stop() { requests.post(.stop) }

    private static func serve(_ requests: LoopInbox<Request>, _ answer: (GrantID, SocketAddress?) -> Void) {
        let poller = Poller()
        _ = poller.add(requests.descriptor, .read)
        while true {
            _ = poller.wait(atMost: nil)
            for request in requests.take() {
                guard case .resolve(let grant, let endpoint) = request else { return }
                answer(grant, SocketAddress(resolving: endpoint.host, port: endpoint.port))
            }
        }
    }
}
