import ControlLoop
import Determinism
import FleetModel
import InterfaceCore

/// What operators do in the middle of it: drains, rollouts, revocations.
extension FaultyWorld {
    /// Carries out an operator's order at the manager that is the manager now; what it refuses is not done.
    private mutating func order(
        _ order: (inout ManagerMachine, MonotonicTime) throws(OrderError) -> [ManagerEffect]
    ) -> Bool {
        guard let index = managers.indices.last, managers[index].process.isUp else { return false }
        let local = managers[index].process.clock.reading(at: now)
        guard let effects = try? order(&managers[index].machine, local) else { return false }
        carryOut(effects, manager: index)
        return true
    }

    mutating func drainServer() {
        guard let server = pick(servers.filter { !$0.isLost }) else { return }
        let deadline = WallTime(rawValue: now.rawValue / 1_000_000) + delay(1_000...8_000)
        let ends = random.chance(1, in: 2)
        let window = MaintenanceWindow(
            server: server.id, from: WallTime(rawValue: 0), deadline: deadline, atDeadline: ends ? .end : .wait)
        guard order({ machine, local throws(OrderError) in try machine.change([.addMaintenance(window)], at: local) })
        else { return }
        schedule(.serverReturns(server.id), after: delay(2_000...12_000))
    }

    /// Tried again until a manager is there to hear it.
    mutating func takeBack(_ server: GPUServerID) {
        guard let manager = managers.last, manager.process.isUp else {
            return schedule(.serverReturns(server), after: .seconds(1))
        }
        guard manager.machine.settings.orders.maintenance.contains(where: { $0.server == server }) else { return }
        _ = order { machine, local throws(OrderError) in
            try machine.change([.removeMaintenance(server, from: nil)], at: local)
        }
    }

    mutating func orderRollout() {
        guard let target = published.last, let manager = managers.last else { return }
        let isUnderWay = manager.machine.rolloutOverviews.contains { !$0.phase.isTerminal }
        let limit = Permille(clamping: 100 + Int(random.below(400)))
        let plan = RolloutPlan(
            target: target, canary: Permille(clamping: 100 + Int(random.below(900))),
            batch: Permille(clamping: 200 + Int(random.below(800))), soak: delay(0...4_000),
            leastSessions: Int(random.below(3)), evidenceWithin: .seconds(10),
            limits: RolloutLimits(perTenant: limit, perClass: limit, perFailureDomain: limit))
        let drawn = random.below(6)
        let change: RolloutChange =
            switch drawn {
            case 0 where isUnderWay: .abort(nil)
            case 1 where isUnderWay: .pause(nil)
            case _ where isUnderWay: .resume(nil)
            default: .start(plan)
            }
        _ = order { machine, local throws(OrderError) in try machine.change(change, at: local) }
    }

    /// One version is always left that no rollout found to be bad.
    mutating func revoke(_ version: InterfaceVersion) {
        let bad = (managers.last?.machine.rolloutOverviews ?? []).filter {
            [.rollingBack, .rolledBack, .aborted].contains($0.phase)
        }.map(\.target)
        guard published.contains(where: { $0 != version && !bad.contains($0) }) else { return }
        published.removeAll { $0 == version }
        observe(.published(published))
        guard let current = managers.indices.last else { return }
        tell(manager: current, .interfacesPublished(published.map { InterfaceOffer($0) }, source: ""))
    }
}
