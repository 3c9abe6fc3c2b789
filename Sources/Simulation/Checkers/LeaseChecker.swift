import FleetModel

/// Design 6.5: what no program holds is ended when its lease is over, on the clock of the GPU server that holds it, and
/// no renewal brings it back.
struct LeaseChecker: Checker {
    private struct Lease {
        var server: GPUServerID
        var device: DeviceID?
        var deadline: MonotonicTime
        /// A command that waits for its epoch to be durable renews when it is carried out.
        var waiting: Duration?

        mutating func renew(_ timeToLive: Duration, at local: MonotonicTime) {
            if local < deadline { deadline = max(deadline, local + timeToLive) }
        }
    }

    private var leases: [GrantID: Lease] = [:]
    private let recoveryTimeToLive: Duration

    /// - Parameter recoveryTimeToLive: how long a worker may stand that a returning server found.
    init(recoveryTimeToLive: Duration) { self.recoveryTimeToLive = recoveryTimeToLive }

    mutating func observe(_ fact: Fact, now: MonotonicTime, local: MonotonicTime) -> (Violation.Rule, String)? {
        switch fact {
        case .serverStarted(let server, let adopted):
            for grant in leases.keys.sorted() where leases[grant]?.server == server { leases[grant] = nil }
            for grant in adopted {
                leases[grant] = Lease(server: server, device: nil, deadline: local + recoveryTimeToLive)
            }
        case .workerOrdered(let command):
            leases[command.grant] = Lease(
                server: command.device.server, device: command.device, deadline: local + command.timeToLive)
        case .commandReceived(let command) where !command.goal.isEnd:
            leases[command.grant]?.renew(command.timeToLive, at: local)
            leases[command.grant]?.device = command.device
            leases[command.grant]?.waiting = command.timeToLive
        case .epochDurable(let device, _):
            for grant in leases.keys.sorted() where leases[grant]?.device == device {
                guard let timeToLive = leases[grant]?.waiting else { continue }
                leases[grant]?.renew(timeToLive, at: local)
                leases[grant]?.waiting = nil
            }
        case .renewed(_, let grants, let timeToLive):
            for grant in grants { leases[grant]?.renew(timeToLive, at: local) }
        case .attachKnown(let grant), .workerGone(_, let grant), .workerStopped(_, let grant, _):
            leases[grant] = nil
        case .serverPeriodEnded(let server):
            let over = leases.keys.sorted().first { grant in
                leases[grant].map { $0.server == server && local >= $0.deadline } ?? false
            }
            guard let over, let lease = leases[over] else { return nil }
            return (.lease, "\(over) stands \((local - lease.deadline).inSeconds) s after its lease")
        default:
            break
        }
        return nil
    }
}
