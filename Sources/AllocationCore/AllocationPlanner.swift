package import FleetModel

/// Decides who gets which slice of which device, and who gives one back.
///
/// The rule, for each instance and step (`docs/allocation.md`): what the step is expected to save, against what it is
/// expected to cost. That is the probability that demand begins within the step's horizon, times the confidence in the
/// forecast, the wait that the step saves and the class's weight; against the share of a device that it takes, the time
/// it will stand idle and the price of that. Solved for the probability it is a bar for each step (``Bars``). What is
/// held is kept while the probability is at least ``AllocationConfiguration/keepShare`` of the bar, or until the grace
/// has passed. Instances are served by class weight, then by probability, then by id, so that equal inputs give equal
/// plans.
package struct AllocationPlanner: Sendable {
    package let configuration: AllocationConfiguration

    package init(configuration: AllocationConfiguration = .init()) { self.configuration = configuration }

    /// One step's decisions for the instances given: those for which
    /// ``AllocationConfiguration/deservesAttention(onset:holding:)`` is true. The plan's actions come in the order in
    /// which they were decided; the pool given is left as it is. O(subjects × log (subjects + devices)), and a bounded
    /// number of searches through the subjects that hold something.
    ///
    /// - Parameters:
    ///   - price: of idle device-seconds, as ``IdlePrice`` says it of this pool.
    ///   - limits: on what is held ahead of demand, with all that is held counted.
    package func plan(
        _ subjects: [AllocationSubject], pool: Pool, price: IdlePrice = IdlePrice(),
        limits: AllocationLimits = AllocationLimits(), now: MonotonicTime
    ) -> AllocationPlan {
        let order = servingOrder(subjects)
        var draft = PlanDraft(planner: self, others: subjects, pool: pool, price: price, limits: limits, now: now)
        // Read where they lie: a subject is large, and a fleet has many.
        subjects.withUnsafeBufferPointer { subjects in
            guard let subjects = subjects.baseAddress else { return }
            for turn in order.reversed() { draft.takeBackExcess(of: subjects[turn.index]) }
            for turn in order { draft.decide(subjects[turn.index], turn.demand) }
        }
        return draft.finish()
    }

    /// The plan for a program that asks for its virtual GPU now: the same path, for one instance and with certainty.
    /// A holding that is reserved or attached already, or is not settled, is left as it is: the plan is empty.
    ///
    /// - Parameter others: whose unused reservations may be taken; looked at only where resources are short.
    package func serve(
        _ subject: AllocationSubject, others: [AllocationSubject], pool: Pool, now: MonotonicTime
    ) -> AllocationPlan {
        var draft = PlanDraft(planner: self, others: others, pool: pool, price: IdlePrice(), now: now, isCertain: true)
        if (subject.holding?.level ?? .cold) < .reserved { draft.decide(subject, .certain) }
        return draft.finish()
    }

    /// The level that the forecast justifies: ``Readiness/reserved``, ``Readiness/warm`` or ``Readiness/cold``. For
    /// what is held already a lower probability suffices. A holding is wanted while this is at least its level.
    package func wantedReadiness(
        of subject: AllocationProspect, pool: Pool, price: IdlePrice = IdlePrice()
    ) -> Readiness {
        wantedReadiness(of: subject, demand(of: subject), bars(for: subject, pool: pool, price: price))
    }

    func wantedReadiness(of subject: AllocationProspect, _ demand: DiscountedDemand, _ bars: Bars) -> Readiness {
        guard !subject.isCertain else { return .reserved }
        let held = subject.held?.level ?? .cold
        func bar(_ level: Readiness, _ toRaise: Double) -> Double {
            held >= level ? toRaise * configuration.keepShare : toRaise
        }
        if demand.forReserve >= bar(.reserved, bars.reserve) { return .reserved }
        return demand.forWarm >= bar(.warm, bars.warm) ? .warm : .cold
    }

    /// How much a plan has to look at a subject.
    enum Attention {
        /// It stays as it is, however full the pool is, unless what it holds is beyond a limit: neither is more wanted than
        /// it holds, nor has it held what is not wanted for longer than its grace.
        case none
        /// It holds nothing and wants a warm session, no more: where there is room for none, there is nothing to decide.
        case forWarmSession
        case full
    }

    /// O(1)
    func attention(
        to subject: AllocationProspect, _ demand: DiscountedDemand, pool: Pool, price: IdlePrice, now: MonotonicTime
    ) -> Attention {
        if let held = subject.held, !held.isSettled || held.level == .attached { return .none }
        guard !subject.isOrdered else { return .full }
        let bars = bars(for: subject, pool: pool, price: price)
        let wanted = wantedReadiness(of: subject, demand, bars)
        guard let held = subject.held else {
            if wanted <= .staged { return .none }
            return wanted == .warm && subject.staged ? .forWarmSession : .full
        }
        guard wanted >= held.level else {
            return now - held.unusedSince < grace(of: subject, demand, bars) ? .none : .full
        }
        guard wanted == .reserved else { return .none }
        let amount = demand.forReserve >= bars.ample ? subject.amplest : subject.amount.memory
        return held.level == .reserved && !outgrows(held.memory, amount, isOrdered: false) ? .none : .full
    }

    /// Whether an amount is so much more than what is reserved that this is enlarged.
    func outgrows(_ held: Bytes, _ amount: Bytes, isOrdered: Bool) -> Bool {
        let held = Double(held.rawValue)
        let tolerated = isOrdered ? held : held * (1 + configuration.growthTolerance)
        return Double(amount.rawValue) > tolerated
    }

    /// From which discounted probability on each step is worth its cost for a subject.
    ///
    /// With demand coming at any time of a horizon alike, a slice that is held for it stands idle for
    /// `horizon × (1 - P / 2)`; the bar is the P at which that, at its price, equals what is saved. Above 1 it is never
    /// reached.
    func bars(for subject: AllocationProspect, pool: Pool, price: IdlePrice) -> Bars {
        let costs = subject.costs ?? configuration.costs
        let perSecond = idleCost(price, weight: subject.weight)
        // More memory saves the wait of those starts alone that the class's service level does not cover.
        let more = Slice(memory: subject.amplest - subject.amount.memory, compute: .zero)
        let uncovered = max(AllocationSubject.highestServiceLevel - subject.serviceLevel, 0)
        return Bars(
            ample: bar(
                perSecond * pool.share(of: more), configuration.reserveHorizon,
                savedMs: costs.reserveMs * uncovered),
            reserve: bar(
                perSecond * pool.share(of: subject.setAside), configuration.reserveHorizon, savedMs: costs.reserveMs),
            warm: bar(perSecond * costs.warmShare, configuration.warmHorizon, savedMs: costs.openMs))
    }

    /// What a whole device that stands idle for a second costs, in seconds of waiting of a class.
    private func idleCost(_ price: IdlePrice, weight: Double) -> Double {
        configuration.idlePrice * price.factor / max(weight, .leastNormalMagnitude)
    }

    /// The bar of a step that saves `savedMs` and costs `perSecond` for each second of its horizon.
    private func bar(_ perSecond: Double, _ horizon: ForecastHorizon, savedMs: Double) -> Double {
        let idle = perSecond * Double(configuration.horizons[horizon])
        guard idle > 0 else { return 0 }
        return idle / (max(savedMs, 0) / 1_000 + idle / 2)
    }

    /// Whether nothing is wanted for an instance that holds nothing, whatever amount from `least` on it would need and
    /// however sure its forecast is: a comparison that spares finding out both. O(1)
    package func isBelowEveryBar(
        _ onset: InlineArray<3, Float>, weight: Double, costs: LadderCosts, least: Bytes, pool: Pool, price: IdlePrice
    ) -> Bool {
        guard configuration.mode == .presync else { return true }
        let perSecond = idleCost(price, weight: weight)
        let share = pool.share(of: Slice(memory: least, compute: .zero))
        func isBelow(_ horizon: ForecastHorizon, _ perSecond: Double, savedMs: Double) -> Bool {
            AllocationProspect.probability(onset, within: horizon) < bar(perSecond, horizon, savedMs: savedMs)
        }
        return isBelow(configuration.reserveHorizon, perSecond * share, savedMs: costs.reserveMs)
            && isBelow(configuration.warmHorizon, perSecond * costs.warmShare, savedMs: costs.openMs)
    }

    /// How long what is no longer wanted is kept: the class's grace while it is almost wanted, and the less of it the
    /// further the probability has fallen.
    func grace(of subject: AllocationProspect, _ demand: DiscountedDemand, _ bars: Bars) -> Duration {
        let isReserved = subject.held?.level == .reserved
        let (probability, bar) = isReserved ? (demand.forReserve, bars.reserve) : (demand.forWarm, bars.warm)
        guard bar > 0 else { return subject.grace }
        return subject.grace * min(max(probability / (bar * configuration.keepShare), 0), 1)
    }

    func demand(of subject: AllocationProspect) -> DiscountedDemand {
        if subject.isReserved { return .ordered }
        guard !subject.isCertain else { return .certain }
        guard configuration.mode == .presync else { return .never }
        let confidence = configuration.confidence(relativeWidth: subject.relativeWidth)
        return DiscountedDemand(
            forReserve: AllocationProspect.probability(subject.onset, within: configuration.reserveHorizon)
                * confidence,
            forWarm: AllocationProspect.probability(subject.onset, within: configuration.warmHorizon) * confidence)
    }

    /// The subjects in the order in which they are served. O(subjects log subjects)
    func servingOrder(_ subjects: [AllocationSubject]) -> [ServingTurn] {
        var turns: [ServingTurn] = []
        turns.reserveCapacity(subjects.count)
        for (index, subject) in subjects.enumerated() {
            let prospect = subject.prospect
            turns.append(ServingTurn(prospect, demand(of: prospect), index))
        }
        turns.sort { $0.precedes($1) }
        return turns
    }
}

/// The discounted probabilities from which on a warm session and a reservation are worth what they cost; 0 or more.
struct Bars: Hashable {
    /// For reserving ``AllocationSubject/amplest``.
    var ample: Double
    var reserve: Double
    var warm: Double
}

/// How probable demand is, discounted by how sure the forecast is, for each step that could be taken.
struct DiscountedDemand: Hashable {
    var forReserve: Double
    var forWarm: Double

    /// A program has asked.
    static let certain = DiscountedDemand(forReserve: 1, forWarm: 1)
    /// An operator has: above every bar, whatever idle memory costs.
    static let ordered = DiscountedDemand(forReserve: .infinity, forWarm: .infinity)
    /// Below every bar, one of 0 included.
    static let never = DiscountedDemand(forReserve: -1, forWarm: -1)

    func exceeds(_ other: Self) -> Bool {
        forReserve == other.forReserve ? forWarm > other.forWarm : forReserve > other.forReserve
    }
}
