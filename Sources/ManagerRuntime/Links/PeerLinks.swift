import ControlLoop
import ControlProtocol
import GRPCCore
import Logging
import Synchronization

/// Numbers links: each has its own number as long as the manager runs.
final class LinkNumbers: Sendable {
    private let last = Atomic<UInt64>(0)

    func next() -> LinkID { LinkID(rawValue: last.add(1, ordering: .relaxed).newValue) }
}

/// The open streams of one kind of peer: it turns what comes on them into events, and sends what the machine wants.
///
/// Each stream has a bounded queue in each direction. A peer that does not read is cut off when its queue is full; a
/// manager that does not keep up lets its peers wait.
final class PeerLinks<Role: LinkRole>: Sendable {
    private struct State {
        var peers: [LinkID: Peer<Role>] = [:]
        var isClosing = false
    }

    private let numbers: LinkNumbers
    private let limit: Int
    private let inbox: ManagerInbox
    private let event: @Sendable (Role.ToManager.Body, LinkID) -> ManagerEvent
    private let metrics: ManagerMetrics.Links
    private let logger: Logger
    private let state = Mutex(State())

    /// - Parameters:
    ///   - limit: streams that may be open at once.
    ///   - event: what a message of this kind of peer is to the machine.
    init(
        numbers: LinkNumbers, limit: Int, inbox: ManagerInbox, metrics: ManagerMetrics.Links, logger: Logger,
        event: @escaping @Sendable (Role.ToManager.Body, LinkID) -> ManagerEvent
    ) {
        self.numbers = numbers
        self.limit = limit
        self.inbox = inbox
        self.metrics = metrics
        self.logger = logger
        self.event = event
    }

    /// Queues a message; on a stream that is no longer open it is dropped.
    func send(_ message: Role.FromManager.Body, to link: LinkID) { peer(link)?.send(message) }

    /// Ends a stream after what is queued, telling the peer why; does nothing if it is not one of these.
    func close(_ link: LinkID, reason: String) { peer(link)?.close(reason: reason) }

    /// Ends all streams, and takes no more.
    func closeAll(reason: String) {
        let peers = state.withLock { state in
            state.isClosing = true
            return Array(state.peers.values)
        }
        for peer in peers { peer.close(reason: reason) }
    }

    /// Looks after all streams until the task is cancelled: probes the silent, and ends the dead.
    func watch() async {
        let interval = Duration.milliseconds(100)
        var last = ContinuousClock.now
        while !Task.isCancelled {
            try? await Task.sleep(for: interval)
            let peers = state.withLock { Array($0.peers.values) }
            let now = ContinuousClock.now
            // A look that is a little late says nothing of how soon what comes is read.
            let late = max(now - last - interval * 3, .zero)
            last = now
            for peer in peers { peer.look(at: now, late: late) }
        }
    }

    /// Serves one stream to its end.
    func serve(
        _ requests: RPCAsyncSequence<Role.ToManager, any Error>, _ writer: RPCWriter<Role.FromManager>,
        from peer: String
    ) async throws {
        let link = numbers.next()
        let stream = Peer<Role>()
        let refusal = state.withLock { state -> String? in
            if state.isClosing { return "the manager is shutting down" }
            if state.peers.count >= limit { return "the manager has its limit of \(limit) streams" }
            state.peers[link] = stream
            return nil
        }
        if let refusal { throw RPCError(code: .resourceExhausted, message: refusal) }
        metrics.opened()
        logger.debug("stream opened", metadata: ["link": "\(link.rawValue)", "peer": "\(peer)"])
        let ending = await stream.run(requests, writer) { [inbox, event, metrics] message in
            metrics.received()
            await inbox.put(.event(event(message, link)))
        }
        _ = state.withLock { $0.peers.removeValue(forKey: link) }
        metrics.closed(ending)
        logger.debug("stream closed", metadata: ["link": "\(link.rawValue)", "reason": "\(ending)"])
        await inbox.put(.event(.linkClosed(link)), evenIfCancelled: true)
        if let error = ending.error { throw error }
    }

    private func peer(_ link: LinkID) -> Peer<Role>? { state.withLock { $0.peers[link] } }
}
