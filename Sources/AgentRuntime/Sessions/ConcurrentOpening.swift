package import FleetModel
import Glibc
import Observability
package import RemotingCore
package import SessionTransport

/// Opens many sessions at once, by the agent's own pool, and takes the time of each: what a measure of it needs.
package struct ConcurrentOpening {
    package struct Session: Sendable {
        package var grant: GrantID
        package var endpoint: SessionEndpoint
        package var hello: ClientHello

        package init(grant: GrantID, endpoint: SessionEndpoint, hello: ClientHello) {
            self.grant = grant
            self.endpoint = endpoint
            self.hello = hello
        }
    }

    /// From when all were asked for, per session that opened; and why the others did not.
    package private(set) var times: [Duration] = []
    package private(set) var failures: [String] = []

    /// Opens `sessions`, whose hosts are numeric, and holds them until all have opened or failed; then closes them.
    package init(_ sessions: [Session], transport: TransportChoice = .ofEnvironment ?? .automatic) {
        let poller = Poller()
        var pool = SessionPool(poller: poller, telemetry: TelemetryRequests(), transport: transport)
        let began = MonotonicClock.now()
        for session in sessions {
            guard let address = SocketAddress(numeric: session.endpoint.host, port: session.endpoint.port) else {
                failures.append("\(session.endpoint.host) is no numeric address")
                continue
            }
            note(pool.open(session.grant, at: address, hello: session.hello, now: began), began)
        }
        while times.count + failures.count < sessions.count {
            for ready in poller.wait(atMost: .milliseconds(50)) {
                if let events = pool.socketReady(ready.token, now: MonotonicClock.now()) { note(events, began) }
            }
            note(pool.deadlinesPassed(now: MonotonicClock.now()), began)
        }
        for session in sessions { pool.close(session.grant) }
    }

    private mutating func note(_ events: [SessionPool.Event], _ began: MonotonicTime) {
        for event in events {
            switch event {
            case .opened: times.append(MonotonicClock.now() - began)
            case .failed(_, let reason): failures.append(reason)
            case .lost(let grant): failures.append("the session of \(grant) was lost")
            }
        }
    }
}
