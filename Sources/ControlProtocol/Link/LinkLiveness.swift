import Synchronization

/// Whether the other end of one stream still lives: it is probed when it has been silent for ``probeAfter``, and taken
/// for dead after ``silenceLimit``. With the interval of the checks, a dead peer is found within 3 s.
///
/// The probes are messages of the stream and not HTTP/2 pings: NIO's HTTP/2 closes a connection after 200 pings in
/// 30 s, and a ping is answered by a process whose tasks are stuck.
package final class LinkLiveness: Sendable {
    /// What a look at the link finds.
    package enum Finding: Hashable, Sendable {
        case alive
        /// Silent for so long that it is to be probed now.
        case probe
        case dead
    }

    /// More than a period: a peer that reports once a second is not probed beside that.
    package static let probeAfter: Duration = .milliseconds(1_500)
    package static let silenceLimit: Duration = .milliseconds(2_500)
    private static let checkInterval: Duration = .milliseconds(500)

    private struct State {
        var lastHeard = ContinuousClock.now
        var lastProbed: ContinuousClock.Instant?
        var isDelivering = false
    }

    private let state = Mutex(State())

    package init() {}

    /// Something came from the peer.
    package func heard() {
        let now = ContinuousClock.now
        state.withLock { ($0.lastHeard, $0.lastProbed) = (now, nil) }
    }

    /// Hands on what came. Time that this takes is no silence of the peer's: what it sends next is not yet read.
    package func delivering(_ deliver: () async -> Void) async {
        state.withLock { $0.isDelivering = true }
        await deliver()
        state.withLock { $0 = State() }
    }

    /// How long the peer has been silent, and what that asks for; a probe is asked for once in half a second. What is dead
    /// is found as late as the interval between looks.
    /// - Parameter late: by how much this look comes later than it should. So long nothing that had come could be heard,
    ///   and it is no silence of the peer's: a process that was stopped or starved does not cut off all its peers.
    package func look(at now: ContinuousClock.Instant = .now, late: Duration = .zero) -> Finding {
        state.withLock { state in
            state.lastHeard = min(state.lastHeard + max(late, .zero), now)
            let silence = state.isDelivering ? .zero : now - state.lastHeard
            if silence >= Self.silenceLimit { return .dead }
            guard silence >= Self.probeAfter, state.lastProbed.map({ now - $0 >= Self.checkInterval }) ?? true else {
                return .alive
            }
            state.lastProbed = now
            return .probe
        }
    }

    /// Calls `probe` while the peer is silent, and returns when it is taken for dead or the task is cancelled.
    package func waitForSilence(probe: () -> Void) async {
        while !Task.isCancelled {
            let now = ContinuousClock.now
            switch look(at: now) {
            case .dead: return
            case .probe: probe()
            case .alive: break
            }
            let silence = state.withLock { $0.isDelivering ? .zero : now - $0.lastHeard }
            try? await Task.sleep(for: min(Self.checkInterval, max(Self.silenceLimit - silence, .milliseconds(1))))
        }
    }
}
