package import GRPCCore
import GRPCNIOTransportHTTP2
import Synchronization

/// Which of the manager's two peers a link is for.
package protocol LinkRole: Sendable {
    /// From the peer to the manager.
    associatedtype ToManager: LinkEnvelope
    /// From the manager to the peer.
    associatedtype FromManager: LinkEnvelope

    static var method: MethodDescriptor { get }
}

/// The link of an agent.
package enum AgentRole: LinkRole {
    package typealias ToManager = WireAgentEnvelope
    package typealias FromManager = WireManagerToAgentEnvelope
    package static let method = WireAgentLink.Method.Connect.descriptor
}

/// The link of a GPU server.
package enum GPUServerRole: LinkRole {
    package typealias ToManager = WireGpuServerEnvelope
    package typealias FromManager = WireManagerToGpuServerEnvelope
    package static let method = WireGPUServerLink.Method.Connect.descriptor
}

/// What happens on a link.
package enum LinkEvent<Message: Hashable & Sendable>: Hashable, Sendable {
    /// The stream is open; what is sent from now on goes out on it.
    case opened
    case received(Message)
    /// The stream that was open has ended.
    case closed(reason: String)
    /// An attempt to open a stream failed; another follows.
    case unreachable(reason: String)
}

/// A peer's lasting connection to the manager: it opens the stream, and again whenever it ends, until it is cancelled.
///
/// ``run()`` is called once, by the task that owns the link. One task reads ``events`` until they end; the link waits
/// for it (``eventLimit`` events are buffered), and so does the manager in the end. Any task may ``send(_:)``.
package final class ManagerLink<Role: LinkRole>: Sendable {
    package typealias Outgoing = Role.ToManager.Body
    package typealias Incoming = Role.FromManager.Body

    /// What happened on the link, in order.
    package let events: BoundedMailbox<LinkEvent<Incoming>>

    package let address: ManagerAddress
    private let openStream = Mutex<LinkStream<Role>?>(nil)

    package init(to address: ManagerAddress) {
        self.address = address
        events = BoundedMailbox(limit: linkQueueLimit)
    }

    /// Queues a message for the open stream; without one it is dropped. A stream whose queue of ``linkQueueLimit``
    /// messages is full is ended: after a reconnect both ends start from what they hold.
    package func send(_ message: Outgoing) {
        openStream.withLock { $0 }?.send(message)
    }

    /// Keeps the link until the task is cancelled, then ends ``events``.
    package func run() async {
        var backoff = ReconnectBackoff()
        var generator = SystemRandomNumberGenerator()
        while !Task.isCancelled {
            let stream = LinkStream<Role>()
            let begin = ContinuousClock.now
            let reason = await connect(stream)
            openStream.withLock { $0 = nil }
            let progress = stream.progress
            // Two peers under one name cut each other off as soon as they are heard: they wait longer and longer.
            if progress == .heard, .now - begin >= ReconnectBackoff.lasting { backoff.reset() }
            await events.put(progress == .opening ? .unreachable(reason: reason) : .closed(reason: reason))
            try? await Task.sleep(for: backoff.next(using: &generator))
        }
        events.finish()
    }

    /// Opens one stream on a connection of its own, serves it to its end, and says why it ended.
    private func connect(_ stream: LinkStream<Role>) async -> String {
        let client: GRPCClient<HTTP2ClientTransport.Posix>
        do {
            client = GRPCClient(transport: try ControlTransport.client(to: address))
        } catch {
            return String(describing: error)
        }
        return await withTaskGroup(of: String?.self) { group in
            group.addTask {
                try? await client.runConnections()
                return nil
            }
            group.addTask {
                await stream.serve(client, events: self.events) { self.openStream.withLock { $0 = stream } }
            }
            group.addTask { await stream.waitForSilence() }
            var reason: String?
            while reason == nil, let ended = await group.next() { reason = ended }
            group.cancelAll()
            return reason ?? "the connection ended"
        }
    }
}

/// Messages and events that one link holds in each direction before it ends or waits.
package let linkQueueLimit = 1_024
