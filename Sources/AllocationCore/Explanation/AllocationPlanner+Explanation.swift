package import FleetModel

extension AllocationPlanner {
    /// Why `subject` has what it has, and the least that would have to be different for it to get its reservation.
    ///
    /// What decides is seen as the plan sees it when the subject's turn comes: with those served who come before it. It
    /// is the plan that is asked, so that the answer cannot differ from it. Costs as much as ``plan(_:pool:price:now:)``,
    /// and O(devices) more.
    ///
    /// - Parameters:
    ///   - others: every other subject of the plan; one of the subject's own name is left out.
    ///   - isAsked: whether a program waits for it: then its turn is now, and no forecast decides.
    package func explain(
        _ subject: AllocationSubject, others: [AllocationSubject], pool: Pool, price: IdlePrice = IdlePrice(),
        limits: AllocationLimits = AllocationLimits(), now: MonotonicTime, isAsked: Bool = false
    ) -> AllocationExplanation {
        let others = others.filter { $0.instance != subject.instance }
        // A program that asks is served whatever idle memory costs.
        let price = isAsked ? IdlePrice() : price
        var draft = draft(
            before: subject, others: others, pool: pool, price: price, limits: limits, now: now, isAsked: isAsked)
        let turn = draft.pool
        var subject = subject
        if let siblings = subject.siblings { subject.siblings?.devices = draft.devices(of: siblings) }
        let judged = judged(subject, pool: turn, price: price, isAsked: isAsked)
        if !isAsked || (subject.holding?.level ?? .cold) < .reserved { draft.decide(subject, judged.demand) }
        let actions = draft.actions.filter { $0.instance == subject.instance }
        let (decision, reason) = decision(on: judged, actions, now: now)
        let holding = subject.holding
        let devices = consideredDevices(judged, turn)
        let reservations = consideredReservations(for: subject, others, isAsked: isAsked)
        return AllocationExplanation(
            instance: subject.instance, priority: subject.priority, held: holding?.level ?? .cold,
            slice: holding?.slice ?? .zero, device: holding?.device, wanted: judged.wanted, isAsked: isAsked,
            needed: judged.needed, decision: decision, reason: reason,
            steps: steps(of: subject, judged, pool: turn, price: price),
            devices: Array(devices.prefix(AllocationExplanation.deviceLimit)), deviceCount: devices.count,
            reservations: Array(reservations.prefix(AllocationExplanation.reservationLimit)),
            reservationCount: reservations.count,
            change: smallestChange(judged, actions, devices: devices, pool: turn, price: price, now: now))
    }

    /// The pool as the plan finds it when the subject's turn comes: those before it served, and what they wait beside
    /// held back for them.
    package func poolAtTurn(
        of subject: AllocationSubject, others: [AllocationSubject], pool: Pool, price: IdlePrice = IdlePrice(),
        now: MonotonicTime
    ) -> Pool {
        draft(
            before: subject, others: others, pool: pool, price: price, limits: AllocationLimits(), now: now,
            isAsked: false
        ).pool
    }

    private func draft(
        before subject: AllocationSubject, others: [AllocationSubject], pool: Pool, price: IdlePrice,
        limits: AllocationLimits, now: MonotonicTime, isAsked: Bool
    ) -> PlanDraft {
        let all = others.filter { $0.instance != subject.instance } + [subject]
        var draft = PlanDraft(
            planner: self, others: all, pool: pool, price: price, limits: limits, now: now, isCertain: isAsked)
        // A program that asks is served at once.
        guard !isAsked else { return draft }
        let order = servingOrder(all)
        for turn in order.reversed() { draft.takeBackExcess(of: all[turn.index]) }
        for turn in order {
            guard all[turn.index].instance != subject.instance else { break }
            draft.decide(all[turn.index], turn.demand)
        }
        return draft
    }

    private func judged(
        _ subject: AllocationSubject, pool: Pool, price: IdlePrice, isAsked: Bool
    ) -> JudgedSubject {
        let prospect = subject.prospect
        let demand = isAsked ? DiscountedDemand.certain : demand(of: prospect)
        let bars = bars(for: prospect, pool: pool, price: price)
        let wanted = wantedReadiness(of: prospect, demand, bars)
        // More than the class's service level asks for is set aside where it is to be had, and kept from nobody by it.
        return JudgedSubject(
            subject: subject, isAsked: isAsked, demand: demand, bars: bars, wanted: wanted,
            needed: Slice(memory: subject.amount.memory, compute: isAsked ? .zero : subject.expectedCompute))
    }

    private func decision(
        on judged: JudgedSubject, _ actions: [AllocationAction], now: MonotonicTime
    ) -> (AllocationExplanation.Decision, String) {
        let holding = judged.subject.holding
        var isRaised = false
        for action in actions {
            switch action {
            case .contend(_, let contention): return (.short, contention.description)
            case .release(_, _, .graceEnded): return (.givenBack, "not wanted, and its grace has passed")
            case .lower(_, _, .graceEnded):
                return (.givenBack, "not wanted, and its grace has passed; a warm session is kept")
            case .release(_, _, .ordered) where actions.count == 1:
                return (.givenBack, "an operator has pinned it elsewhere")
            case .reserve, .openWarm: isRaised = true
            case .release, .lower: break
            }
        }
        if isRaised { return (.raised, "") }
        if !actions.isEmpty { return (.givenBack, "taken back for another that needs it more") }
        guard let holding else { return (.improbable, "") }
        if holding.level == .attached { return (.inUse, "") }
        guard holding.settled else { return (.changing, "") }
        guard judged.wanted < holding.level else {
            return (holding.level == .reserved ? .settled : .improbable, "")
        }
        let left = grace(of: judged.subject.prospect, judged.demand, judged.bars) - (now - holding.unusedSince)
        return (.inGrace, "\(Int64(max(left.inSeconds, 0).rounded(.up))) s of its grace are left")
    }

    private func steps(
        of subject: AllocationSubject, _ judged: JudgedSubject, pool: Pool, price: IdlePrice
    ) -> [ExplainedStep] {
        let held = subject.holding?.level ?? .cold
        let costs = subject.costs ?? configuration.costs
        func step(
            _ level: Readiness, _ horizon: ForecastHorizon, _ bar: Double, share: Double, savedMs: Double
        ) -> ExplainedStep {
            ExplainedStep(
                level: level, horizonSeconds: configuration.horizons[horizon],
                probability: subject.onsetProbability(within: horizon),
                confidence: configuration.confidence(relativeWidth: subject.relativeWidth),
                bar: held >= level ? bar * configuration.keepShare : bar, share: share,
                price: configuration.idlePrice * price.factor, load: min(max(price.load ?? 0, 0), 1), savedMs: savedMs,
                weight: subject.priority.weight)
        }
        return [
            step(
                .warm, configuration.warmHorizon, judged.bars.warm, share: costs.warmShare,
                savedMs: costs.openMs),
            step(
                .reserved, configuration.reserveHorizon, judged.bars.reserve,
                share: pool.share(of: subject.prospect.setAside),
                savedMs: costs.reserveMs),
        ]
    }
}

/// A subject, and what is wanted for it.
struct JudgedSubject {
    var subject: AllocationSubject
    var isAsked: Bool
    var demand: DiscountedDemand
    var bars: Bars
    var wanted: Readiness
    /// What a device must have free.
    var needed: Slice
}
