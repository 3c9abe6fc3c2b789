import AllocationCore
import FleetModel

/// The shipped judgement: ``AllocationPlanner`` on the shipped forecasts.
struct PresyncPolicy: Sendable {
    let planner: AllocationPlanner
    let priority: PriorityClass
    private var price = IdlePrice()

    init(planner: AllocationPlanner, priority: PriorityClass) {
        self.planner = planner
        self.priority = priority
    }

    /// One step of the manager at the beginning of `second`.
    mutating func decide(at second: Int, _ forecasts: FleetForecasts, in world: inout PolicyWorld) {
        world.promise(forecasts.outlooks.map(\.expectedCompute))
        price.advance(world.pool, elapsed: 1)
        var subjects: [AllocationSubject] = []
        for (instance, outlook) in forecasts.outlooks.enumerated() where !world.isRunning(instance) {
            let held = world.holdings[instance]
            let holding = held.map { held in
                Holding(
                    grant: held.grant, device: held.device, level: held.level, slice: held.slice,
                    unusedSince: .seconds(Double(held.unusedSince)), settled: true)
            }
            guard AllocationConfiguration.deservesAttention(onset: outlook.onset, holding: holding) else { continue }
            var subject = AllocationSubject(
                instance: world.description[instance].id, priority: priority, onset: outlook.onset,
                relativeWidth: outlook.relativeWidth, amount: outlook.amount, amplest: outlook.amplest,
                expectedCompute: outlook.expectedCompute, holding: holding, staged: true)
            if let level = holding?.level,
                planner.wantedReadiness(of: subject.prospect, pool: world.pool, price: price) >= level
            {
                world.touch(instance, at: second)
                subject.holding?.unusedSince = .seconds(Double(second))
            }
            subjects.append(subject)
        }
        world.expect(slices: subjects.lazy.map(\.amount.memory))
        let plan = planner.plan(subjects, pool: world.pool, price: price, now: .seconds(Double(second)))
        world.carryOut(plan.actions, at: second)
    }
}
