import FleetModel

/// What a program gets is ready, and what it has is not ended under it, unless its agent was told and the notice is over, or an
/// operator has ordered that its GPU server be emptied by a deadline.
struct SessionChecker: Checker {
    /// How far the manager's clock may be ahead of the world's over a notice.
    private static let clockDrift = 0.02

    /// When each notice is over at the earliest.
    private var noticed: [GrantID: MonotonicTime] = [:]
    /// GPU servers of which that was ordered, now or before.
    private var emptied: Set<GPUServerID> = []
    /// What the manager has taken.
    private var taken: Set<GrantID> = []

    mutating func observe(_ fact: Fact, now: MonotonicTime, local: MonotonicTime) -> (Violation.Rule, String)? {
        switch fact {
        case .stored(let fleet):
            for window in fleet.orders.maintenance where window.atDeadline == .end { emptied.insert(window.server) }
            return nil
        case .handedOver(let grant, let request, _, _, _, let limit?) where limit.memory == .zero:
            return (.readiness, "\(grant) went to \(request) with no memory set aside")
        case .managerNoticed(let notice):
            noticed[notice.grant] = now + .seconds(notice.endsIn.inSeconds * (1 - Self.clockDrift))
            return nil
        case .managerCommanded(let command) where command.goal == .taken:
            let isOver = noticed[command.grant].map { now >= $0 } ?? false
            guard isOver || emptied.contains(command.device.server) else {
                return (.attachment, "\(command.grant) is to be taken before its notice is over")
            }
            taken.insert(command.grant)
            return nil
        case .workerStopped(let server, let grant, inUse: true):
            return taken.contains(grant) ? nil : (.attachment, "\(server) ended \(grant) while a program used it")
        case .stuck(let detail):
            return (.liveness, detail)
        default:
            return nil
        }
    }
}
