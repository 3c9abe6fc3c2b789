import AllocationCore
package import FleetModel
import SessionCore

/// What GPU servers hold against what is granted: nothing may be left over on either side.
extension ManagerMachine {
    /// The disagreements that have lasted longer than messages and leases take, and the pool's account against the grants.
    /// Of a GPU server that is away nothing is known. O(grants + devices)
    package func audit(at now: MonotonicTime) -> FleetAudit {
        var audit = FleetAudit()
        for server in servers.values where server.link != nil {
            for stranger in server.strangers.values where now - stranger.since > auditPatience {
                audit.unaccounted += 1
                audit.unaccountedMemory += stranger.memory
            }
        }
        var promised: [DeviceID: Bytes] = [:]
        for grant in grants.unordered {
            switch grant.charge {
            case .none, .warm: break
            case .slice(let slice), .lowering(let slice):
                promised[grant.stored.device, default: .zero] += slice.memory
            }
            guard case .holds = grant.lifecycle.server, serverLink(grant.stored.device.server) != nil,
                configuration.period * grant.missing > auditPatience
            else { continue }
            audit.unheld += 1
            audit.unheldMemory += grant.stored.slice.memory
        }
        for account in pool.devices {
            let difference = account.reserved.memory - (promised[account.device] ?? .zero)
            audit.miscounted += max(difference, .zero - difference)
        }
        return audit
    }

    /// For so long a report may be overtaken by a grant's end, and a worker take to go.
    var auditPatience: Duration { configuration.timeToLive + configuration.silence }
}
