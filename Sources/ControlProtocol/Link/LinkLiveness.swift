import Synchronization

/// Whether the other end of one stream still lives: it is probed when it has been silent for ``probeAfter``, and taken
/// for dead after ``silenceLimit``. With the interval of the checks, a dead peer is found within 3 s.
///
/// The probes are messages of the stream and not HTTP/2 pings: NIO's HTTP/2 closes a connection after 200 pings in
/// 30 s, and a ping is answered by a process whose tasks are stuck.
package final class LinkLiveness: Sendable {
    package static let probeAfter: Duration = .seconds(1)
    package static let silenceLimit: Duration = .milliseconds(2_500)
    private static let checkInterval: Duration = .milliseconds(500)

    private struct State {
        var lastHeard = ContinuousClock.now
        var isDelivering = false
    }

    private let state = Mutex(State())

    package init() {}

    /// Something came from the peer.
    package func heard() { state.withLock { $0.lastHeard = .now } }

    /// Hands on what came. Time that this takes is no silence of the peer's: what it sends next is not yet read.
    package func delivering(_ deliver: () async -> Void) async {
        state.withLock { $0.isDelivering = true }
        await deliver()
        state.withLock { $0 = State() }
    }

    /// Calls `probe` while the peer is silent, and returns when it is taken for dead or the task is cancelled.
    package func waitForSilence(probe: () -> Void) async {
        while !Task.isCancelled {
            let silence = state.withLock { $0.isDelivering ? .zero : ContinuousClock.now - $0.lastHeard }
            if silence >= Self.silenceLimit { return }
            if silence >= Self.probeAfter { probe() }
            try? await Task.sleep(for: min(Self.checkInterval, Self.silenceLimit - silence))
        }
    }
}
