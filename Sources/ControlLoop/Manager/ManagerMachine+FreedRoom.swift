import AllocationCore
import FleetModel

/// What has become free, between two steps.
extension ManagerMachine {
    /// What has become free goes at once to those who wait for it, and does not wait for the next step: programs first,
    /// then those for whom it was taken back there. O(requests + those who wait beside the devices)
    mutating func useFreedRoom(_ now: MonotonicTime) -> [ManagerEffect] {
        guard !freedDevices.isEmpty else { return [] }
        let freed = freedDevices
        freedDevices.removeAll(keepingCapacity: true)
        var effects = serveWaiting(now, fitting: true)
        // Ascending, so that equal histories make equal plans.
        let places = awaitingRoom.filter { freed.contains($0.value) }.compactMap { instanceIndex[$0.key] }.sorted()
        guard !places.isEmpty else { return effects }
        var memo = SubjectMemo()
        let (subjects, decided) = attentiveSubjects(places, now, &memo)
        let plan = actingPlanner.plan(
            subjects, pool: pool, price: idlePrice, limits: allocationLimits(now), now: now)
        pool = plan.pool
        // Who still lacks something goes on waiting, for the reason that the step gave.
        let waiting = Set(plan.actions.filter(\.isContention).compactMap { instanceIndex[$0.instance] })
        for place in places where !waiting.contains(place) {
            guard let instance = instances.read(place, { $0.pointee.description.id }) else { continue }
            awaitingRoom[instance] = nil
        }
        let served = decided.filter { !waiting.contains($0) }
        effects += carryOut(plan.actions.filter { !$0.isContention }, for: served, now: now)
        return effects
    }
}
