package import FleetModel

/// Decides who gets which slice of which device, and who gives one back.
///
/// The rule, for each instance (`docs/allocation.md`): the probability that demand begins within the horizon that fits
/// a step's lead time, times the confidence in the forecast, against the class's threshold for that step. What is held
/// is kept while that product is at least ``AllocationConfiguration/keepShare`` of the threshold, or until the class's
/// grace has passed. Instances are served by class weight, then by probability, then by id, so that equal inputs give
/// equal plans.
package struct AllocationPlanner: Sendable {
    package let configuration: AllocationConfiguration

    package init(configuration: AllocationConfiguration = .init()) { self.configuration = configuration }

    /// One step's decisions for the instances given: those for which
    /// ``AllocationConfiguration/deservesAttention(onset:holding:)`` is true. The plan's actions come in the order in
    /// which they were decided; the pool given is left as it is. O(subjects × log (subjects + devices)), and a bounded
    /// number of searches through the subjects that hold something.
    package func plan(_ subjects: [AllocationSubject], pool: Pool, now: MonotonicTime) -> AllocationPlan {
        let demands = subjects.map(demand(of:))
        var draft = PlanDraft(planner: self, others: subjects, pool: pool, now: now)
        for index in servingOrder(subjects, demands) { draft.decide(subjects[index], demands[index]) }
        return draft.finish()
    }

    /// The plan for a program that asks for its virtual GPU now: the same path, for one instance and with certainty.
    /// A holding that is reserved or attached already, or is not settled, is left as it is: the plan is empty.
    ///
    /// - Parameter others: whose unused reservations may be taken; looked at only where resources are short.
    package func serve(
        _ subject: AllocationSubject, others: [AllocationSubject], pool: Pool, now: MonotonicTime
    ) -> AllocationPlan {
        var draft = PlanDraft(planner: self, others: others, pool: pool, now: now)
        if (subject.holding?.level ?? .cold) < .reserved { draft.decide(subject, .certain) }
        return draft.finish()
    }

    /// The level that the forecast justifies: ``Readiness/reserved``, ``Readiness/warm`` or ``Readiness/cold``. For
    /// what is held already a lower probability suffices. A holding is wanted while this is at least its level.
    package func wantedReadiness(of subject: AllocationSubject) -> Readiness {
        wantedReadiness(of: subject, demand(of: subject))
    }

    func wantedReadiness(of subject: AllocationSubject, _ demand: DiscountedDemand) -> Readiness {
        let held = subject.holding?.level ?? .cold
        func threshold(_ level: Readiness, _ toRaise: Double) -> Double {
            held >= level ? toRaise * configuration.keepShare : toRaise
        }
        if demand.forReserve >= threshold(.reserved, subject.priority.reserveThreshold) { return .reserved }
        return demand.forWarm >= threshold(.warm, subject.priority.warmThreshold) ? .warm : .cold
    }

    func demand(of subject: AllocationSubject) -> DiscountedDemand {
        guard configuration.mode == .presync else { return .never }
        let confidence = configuration.confidence(relativeWidth: subject.relativeWidth)
        return DiscountedDemand(
            forReserve: subject.onsetProbability(within: configuration.reserveHorizon) * confidence,
            forWarm: subject.onsetProbability(within: configuration.warmHorizon) * confidence)
    }

    /// Indices of the subjects: the heaviest class first, in it the most probable, of equals the least id.
    private func servingOrder(_ subjects: [AllocationSubject], _ demands: [DiscountedDemand]) -> [Int] {
        subjects.indices.sorted { one, other in
            let weights = (subjects[one].priority.weight, subjects[other].priority.weight)
            if weights.0 != weights.1 { return weights.0 > weights.1 }
            let probabilities = (demands[one], demands[other])
            if probabilities.0 != probabilities.1 { return probabilities.0.exceeds(probabilities.1) }
            return subjects[one].instance < subjects[other].instance
        }
    }
}

/// How probable demand is, discounted by how sure the forecast is, for each step that could be taken.
struct DiscountedDemand: Hashable {
    var forReserve: Double
    var forWarm: Double

    /// A program has asked.
    static let certain = DiscountedDemand(forReserve: 1, forWarm: 1)
    /// Below every threshold, one of 0 included.
    static let never = DiscountedDemand(forReserve: -1, forWarm: -1)

    func exceeds(_ other: Self) -> Bool {
        forReserve == other.forReserve ? forWarm > other.forWarm : forReserve > other.forReserve
    }
}
