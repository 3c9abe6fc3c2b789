import GRPCCore
import GRPCNIOTransportHTTP2
import GRPCProtobuf
import Synchronization

/// One stream of a ``ManagerLink``, from the attempt to open it to its end.
final class LinkStream<Role: LinkRole>: Sendable {
    typealias Outgoing = Role.ToManager.Body
    typealias Incoming = Role.FromManager.Body

    /// How far the stream came.
    enum Progress: Hashable, Sendable {
        case opening
        /// The manager accepted the stream.
        case open
        /// The manager sent a message: a manager that only refuses is not come back to at once.
        case heard
    }

    private let outbox = BoundedMailbox<LinkFrame<Outgoing>>(limit: linkQueueLimit)
    private let liveness = LinkLiveness()
    private let progressState = Mutex(Progress.opening)

    var progress: Progress { progressState.withLock { $0 } }

    /// Queues a message. When there is no room the stream is ended.
    func send(_ message: Outgoing) {
        if outbox.offer(.message(message)) == .full { outbox.finish() }
    }

    /// Probes while the manager is silent, and returns when it is taken for dead.
    func waitForSilence() async -> String {
        await liveness.waitForSilence { _ = outbox.offer(.keepAlive(reply: false)) }
        return "the manager is silent"
    }

    /// Opens the stream, writes what is queued, delivers what comes, and returns why it ended.
    func serve(
        _ client: GRPCClient<HTTP2ClientTransport.Posix>, events: BoundedMailbox<LinkEvent<Incoming>>,
        opened: @Sendable @escaping () -> Void
    ) async -> String {
        var options = CallOptions.defaults
        options.waitForReady = false
        options.maxResponseMessageBytes = ProtocolLimits.messageBytes
        let request = StreamingClientRequest<Role.ToManager> { writer in
            for await frame in self.outbox { try await writer.write(Role.ToManager(frame)) }
        }
        defer { outbox.finish() }
        do {
            try await client.bidirectionalStreaming(
                request: request, descriptor: Role.method, serializer: ProtobufSerializer<Role.ToManager>(),
                deserializer: ProtobufDeserializer<Role.FromManager>(), options: options
            ) { response in
                try await self.receive(response, events: events, opened: opened)
            }
            return "the manager ended the stream"
        } catch let error as RPCError {
            return error.message.isEmpty ? "\(error.code)" : "\(error.code): \(error.message)"
        } catch {
            return String(describing: error)
        }
    }

    private func receive(
        _ response: StreamingClientResponse<Role.FromManager>, events: BoundedMailbox<LinkEvent<Incoming>>,
        opened: () -> Void
    ) async throws {
        _ = try response.accepted.get()
        liveness.heard()
        progressState.withLock { $0 = .open }
        opened()
        await events.put(.opened)
        for try await envelope in response.messages {
            liveness.heard()
            switch try envelope.frame() {
            case .keepAlive(reply: false): _ = outbox.offer(.keepAlive(reply: true))
            case .keepAlive(reply: true): break
            case .message(let message):
                progressState.withLock { $0 = .heard }
                await liveness.delivering { _ = await events.put(.received(message)) }
            }
        }
    }
}
