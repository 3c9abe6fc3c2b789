import AllocationCore
import FleetModel

/// What has become free, between two steps.
extension ManagerMachine {
    /// What has become free goes at once to those who wait for it, and does not wait for the next step: programs first,
    /// then those for whom it was taken back.
    mutating func useFreedRoom(_ now: MonotonicTime) -> [ManagerEffect] {
        guard hasFreedRoom else { return [] }
        hasFreedRoom = false
        var effects = serveWaiting(now, fitting: true)
        guard !awaitingRoom.isEmpty else { return effects }
        // Ascending, so that equal histories make equal plans.
        let places = awaitingRoom.compactMap { instanceIndex[$0] }.sorted()
        let subjects = attentiveSubjects(places, now)
        let plan = actingPlanner.plan(
            subjects, pool: pool, price: idlePrice, limits: allocationLimits(now), now: now)
        pool = plan.pool
        // Who still lacks something goes on waiting, for the reason that the step gave.
        awaitingRoom = Set(plan.actions.filter(\.isContention).map(\.instance))
        let served = subjects.filter { !awaitingRoom.contains($0.instance) }
        effects += carryOut(plan.actions.filter { !$0.isContention }, for: served, now: now)
        return effects
    }
}
