import FleetModel

/// A plan in the making: a transaction on a copy of the pool. Instances are decided one by one, in serving order.
struct PlanDraft: Sendable {
    private let planner: AllocationPlanner
    /// Whose reservations ``unused`` is built of.
    private let others: [AllocationSubject]
    private let price: IdlePrice
    private var now: MonotonicTime
    private var limits: AllocationLimits
    /// Unused reservations beyond their limit, with what is short: they are given back.
    private var excess: [GrantID: Contention.Reason] = [:]
    /// Whether the plan is for a program that asks.
    private let isAsked: Bool
    /// Whether what is decided now is for a program that asks, or by an operator's order.
    private var isCertain: Bool
    private(set) var pool: Pool
    /// All of the pool, while what is decided is for a part of it.
    private var whole: Pool?
    /// Devices that are there, and on which nothing is placed ahead of demand.
    private var closed: [DeviceID] = []
    /// Where this plan has placed something for members of a set.
    private var placedForSets: [Int: [DeviceID]] = [:]
    /// What all devices have, while some are closed to the instance that is decided.
    private var memoryOfAll: Double?
    private(set) var actions: [AllocationAction] = []
    /// Built at the first shortage.
    private var unused: UnusedReservations?
    /// What is set aside until the plan is finished, so that nobody who comes later takes what a higher class waits
    /// beside.
    private var heldBack: [(slice: Slice, device: DeviceID)] = []

    init(
        planner: AllocationPlanner, others: [AllocationSubject] = [], pool: Pool, price: IdlePrice,
        limits: AllocationLimits = AllocationLimits(), now: MonotonicTime, isCertain: Bool = false,
        unused: UnusedReservations? = nil
    ) {
        self.unused = unused
        self.limits = limits
        isAsked = isCertain
        self.isCertain = isCertain
        self.price = price
        self.planner = planner
        self.others = others
        self.pool = pool
        self.now = now
        if !isCertain { close() }
    }

    private mutating func close() {
        closed = limits.closing.filter { pool.account(of: $0)?.available == true }
        for device in closed { pool.setAvailable(device, false) }
    }

    /// The plan, once every instance is decided.
    consuming func finish() -> AllocationPlan {
        for (slice, device) in heldBack { pool.free(slice, on: device) }
        for device in closed { pool.setAvailable(device, true) }
        return AllocationPlan(actions: actions, pool: pool)
    }

    // MARK: In parts

    /// Leaves the plan to be gone on with later (``PlanInParts``).
    /// - Returns: what was decided since it was last left, and the pool, in which what is held back stays promised.
    mutating func pause() -> (actions: [AllocationAction], pool: Pool) {
        for device in closed { pool.setAvailable(device, true) }
        var left = Pool(computeOvercommit: pool.computeOvercommit, maximumWarmPerDevice: pool.maximumWarmPerDevice)
        swap(&left, &pool)
        defer { actions = [] }
        return (actions, left)
    }

    /// Goes on, on the pool as it is by now, which is taken out. What has `changed` is taken from nobody.
    mutating func resume(on pool: inout Pool, without changed: [GrantID], now: MonotonicTime) {
        swap(&self.pool, &pool)
        self.now = now
        close()
        unused?.withdraw(changed)
    }

    /// How often room was searched for among what others hold.
    var searches: Int { unused?.searches ?? 0 }

    /// - Returns: the devices on which something was held back, and is free now.
    mutating func releaseHeldBack(in pool: inout Pool) -> [DeviceID] {
        defer { heldBack = [] }
        for (slice, device) in heldBack { pool.free(slice, on: device) }
        return heldBack.map(\.device)
    }

    // MARK: Deciding

    /// The rule for one instance: what it holds, against what it should have.
    mutating func decide(_ subject: AllocationSubject, _ demand: DiscountedDemand) {
        isCertain = isAsked || subject.order.isReserved
        // What a program has, or is under way, stays as it is.
        let isFixed = subject.holding.map { $0.level == .attached || !$0.settled } ?? false
        guard subject.siblings != nil || !subject.closed.isEmpty, !isFixed else { return decideByPin(subject, demand) }
        let siblings = subject.siblings
        let taken = siblings.map(devices) ?? []
        let closed = subject.closed.filter { $0 != subject.holding?.device }
        let apart = (taken + closed).filter { pool.account(of: $0)?.available == true }
        memoryOfAll = pool.availableMemory
        for device in apart { pool.setAvailable(device, false) }
        let before = actions.count
        decideByPin(subject, demand)
        for device in apart { pool.setAvailable(device, true) }
        memoryOfAll = nil
        unused?.othersAreAdmitted()
        guard let siblings else { return }
        for action in actions[before...] where action.instance == subject.instance {
            if let device = action.newDevice { placedForSets[siblings.set, default: []].append(device) }
        }
    }

    /// Where other members of a set have something, or this plan has placed it.
    func devices(of siblings: Siblings) -> [DeviceID] { siblings.devices + (placedForSets[siblings.set] ?? []) }

    /// One that is pinned is decided on the part of the pool where it may be.
    private mutating func decideByPin(_ subject: AllocationSubject, _ demand: DiscountedDemand) {
        guard let pin = subject.order.pin else { return decideHere(subject, demand) }
        whole = pool
        pool = pool.part(admittedBy: pin)
        decideHere(subject, demand)
        unused?.othersAreAdmitted()
        guard var all = whole.take() else { return }
        all.takeOver(pool)
        pool = all
    }

    private mutating func decideHere(_ subject: AllocationSubject, _ demand: DiscountedDemand) {
        let prospect = subject.prospect
        let bars = planner.bars(for: prospect, pool: whole ?? pool, price: price)
        // A program that asks gets what it needs at any price: its demand is there, and nothing stands idle for it.
        let wanted = isAsked ? .reserved : planner.wantedReadiness(of: prospect, demand, bars)
        // Most that hold nothing want nothing, and are not copied.
        guard subject.holding != nil || wanted > .staged else { return }
        let least = subject.amount.memory
        var subject = subject
        if demand.forReserve >= bars.ample { subject.amount.memory = subject.amplest }
        guard let holding = subject.holding else { return open(for: subject, at: wanted, demand, atLeast: least) }
        guard holding.settled, unused?.isTaken(holding.grant) != true else { return }
        guard holding.level == .attached || subject.order.admits(holding.device) else {
            // It is pinned elsewhere since.
            actions.append(.release(subject.instance, holding.grant, .ordered))
            subject.holding = nil
            return open(for: subject, at: wanted, demand, atLeast: least)
        }
        switch holding.level {
        case .attached, .cold, .staged:
            break
        case .warm where wanted == .reserved:
            reserve(for: subject, demand, atLeast: least)
        case .reserved where excess[holding.grant] != nil:
            contend(subject, excess[holding.grant] ?? .noDevice, wanted: .reserved)
            giveBack(holding, of: subject, keepWarm: wanted >= .warm)
        case .reserved where wanted == .reserved:
            grow(holding, for: subject, atLeast: least)
        case .warm, .reserved:
            guard wanted < holding.level,
                now - holding.unusedSince >= planner.grace(of: prospect, demand, bars)
            else { return }
            giveBack(holding, of: subject, keepWarm: wanted == .warm)
        }
    }

    // MARK: Raising

    /// What is wanted for an instance that holds nothing.
    private mutating func open(
        for subject: AllocationSubject, at wanted: Readiness, _ demand: DiscountedDemand, atLeast least: Bytes
    ) {
        switch wanted {
        case .reserved, .attached: reserve(for: subject, demand, atLeast: least)
        case .warm: openWarm(for: subject)
        case .cold, .staged: break
        }
    }

    /// Reserves where the warm session is, else where the slice fits best, else records why not. Of an ample amount that is
    /// not to be had, what the class's service level asks for is.
    private mutating func reserve(
        for subject: AllocationSubject, _ demand: DiscountedDemand, atLeast least: Bytes
    ) {
        guard subject.staged else { return contend(subject, .notStaged, wanted: .reserved) }
        func reserveLess() {
            var subject = subject
            subject.amount.memory = least
            reserve(for: subject, demand, atLeast: least)
        }
        if let obstacle = obstacle(to: subject.amount.memory, for: subject) {
            guard subject.amount.memory <= least else { return reserveLess() }
            contend(subject, obstacle, wanted: .reserved)
            if subject.holding == nil {
                _ = openWarm(for: subject, on: pool.deviceForWarmSession(laterNeeding: subject.amount))
            }
            return
        }
        let charge = Slice(memory: subject.amount.memory, compute: subject.expectedCompute)
        if let holding = subject.holding,
            take(charge, on: holding.device) || takeShortOfCompute(charge, on: holding.device)
        {
            pool.closeWarm(on: holding.device)
            actions.append(.reserve(subject.instance, holding.device, subject.amount, existing: holding.grant))
        } else if let device = takeAnywhere(charge) {
            // Others have filled the device beside the warm session: it is given up for a place that has room.
            if let holding = subject.holding {
                actions.append(.release(subject.instance, holding.grant, .preempted))
            }
            actions.append(.reserve(subject.instance, device, subject.amount, existing: nil))
        } else if subject.amount.memory > least {
            return reserveLess()
        } else {
            return waitForRoom(for: subject, demand)
        }
        limits.count(subject.amount.memory, isAttached: isCertain, of: subject.priority.name, for: subject.tenant)
    }

    /// Takes a slice where there is room; for a program that asks also where only compute is short, for a late command
    /// is late, not lost.
    private mutating func takeAnywhere(_ slice: Slice) -> DeviceID? {
        if let device = pool.place(for: slice), take(slice, on: device) { return device }
        guard let device = pool.leastLoaded(with: slice.memory), takeShortOfCompute(slice, on: device) else {
            return nil
        }
        return device
    }

    /// Takes a slice for a program that asks on a device where compute may be short: where its warm session is, a command
    /// that is late costs less than another session.
    private mutating func takeShortOfCompute(_ slice: Slice, on device: DeviceID) -> Bool {
        guard isCertain, pool.account(of: device)?.available == true else { return false }
        return (try? pool.adopt(slice, on: device)) != nil
    }

    /// What limits what is foreseen; a program that asks is never limited.
    private func obstacle(to memory: Bytes, for subject: AllocationSubject) -> Contention.Reason? {
        let available = memoryOfAll ?? (whole ?? pool).availableMemory
        return isCertain ? nil : limits.obstacle(to: memory, for: subject, of: available)
    }

    /// Marks an unused reservation that is beyond a limit, which was lowered since or which attached sessions now use.
    /// Those that are the first to lose are asked about first.
    mutating func takeBackExcess(of subject: AllocationSubject) {
        guard let holding = subject.holding, holding.level == .reserved, holding.settled,
            !subject.order.isReserved, let obstacle = limits.obstacle(to: .zero, for: subject, of: pool.availableMemory)
        else { return }
        excess[holding.grant] = obstacle
        limits.uncount(holding.slice.memory, of: subject)
    }

    /// Whether a subject's class or tenant holds more than it may.
    func isBeyondLimit(_ subject: AllocationSubject) -> Bool {
        limits.obstacle(to: .zero, for: subject, of: pool.availableMemory) != nil
    }

    /// Enlarges a reservation in place where the amount has outgrown it; where an ample one is not to be had, to what the
    /// class's service level asks for.
    private mutating func grow(_ holding: Holding, for subject: AllocationSubject, atLeast least: Bytes) {
        let isOrdered = subject.order.isReserved
        guard planner.outgrows(holding.slice.memory, subject.amount.memory, isOrdered: isOrdered) else { return }
        func growLess(_ reason: Contention.Reason) {
            guard subject.amount.memory > least else { return contend(subject, reason, wanted: .reserved) }
            var subject = subject
            subject.amount.memory = least
            grow(holding, for: subject, atLeast: least)
        }
        let target = Slice(
            memory: subject.amount.memory, compute: max(subject.amount.compute, holding.slice.compute))
        let increase = Slice(
            memory: target.memory - holding.slice.memory, compute: target.compute - holding.slice.compute)
        if let obstacle = obstacle(to: increase.memory, for: subject) {
            return growLess(obstacle)
        }
        do {
            try pool.reserve(increase, on: holding.device)
            limits.count(increase.memory, isAttached: false, of: subject.priority.name, for: subject.tenant)
            actions.append(.reserve(subject.instance, holding.device, target, existing: holding.grant))
        } catch {
            growLess(Contention.Reason(error))
        }
    }

    private mutating func openWarm(for subject: AllocationSubject) {
        guard subject.staged else { return contend(subject, .notStaged, wanted: .warm) }
        if !openWarm(for: subject, on: pool.deviceForWarmSession(laterNeeding: subject.amount)) {
            contend(subject, pool.hasAvailableDevice ? .warmLimit : .noDevice, wanted: .warm)
        }
    }

    private mutating func openWarm(for subject: AllocationSubject, on device: DeviceID?) -> Bool {
        guard let device, (try? pool.openWarm(on: device)) != nil else { return false }
        actions.append(.openWarm(subject.instance, device))
        return true
    }

    private mutating func take(_ slice: Slice, on device: DeviceID) -> Bool {
        (try? pool.reserve(slice, on: device)) != nil
    }

    // MARK: Shortage

    /// Resources are short: take back what lower classes hold unused, and have the cheap level ready meanwhile.
    private mutating func waitForRoom(for subject: AllocationSubject, _ demand: DiscountedDemand) {
        let shortage = pool.shortage(for: subject.amount) ?? .notAvailable
        var waitingOn: DeviceID?
        if let place = preempt(for: subject, demand) {
            waitingOn = place.device
            contend(subject, .waitingForPreemption(place.grant), wanted: .reserved)
        } else {
            contend(subject, Contention.Reason(shortage), wanted: .reserved)
        }
        guard subject.holding == nil else { return }
        if !openWarm(for: subject, on: waitingOn) {
            _ = openWarm(for: subject, on: pool.deviceForWarmSession(laterNeeding: subject.amount))
        }
    }

    /// Takes unused reservations back on one device until the subject's amount will fit there (``TakingRight``). Their
    /// sessions stay warm where the device may carry them: memory alone is free sooner than a worker has ended, and
    /// their instances get it back sooner. Returns where, and one of the grants that are awaited; nil where that is
    /// not possible.
    private mutating func preempt(
        for subject: AllocationSubject, _ demand: DiscountedDemand
    ) -> (device: DeviceID, grant: GrantID)? {
        guard pool.hasAvailableDevice else { return nil }
        let right = TakingRight(
            of: subject.priority, demand, isAsked: isCertain, planner.configuration.displacementShare)
        // Taken out while it changes: a second reference would copy it.
        var unused = self.unused.take() ?? unusedOfOthers
        defer { self.unused = unused }
        // A program that asks does not wait for compute.
        let needed = Slice(memory: subject.amount.memory, compute: isCertain ? .zero : subject.amount.compute)
        guard let choice = unused.choose(for: needed, by: right, pool: pool, of: whole ?? pool),
            let account = pool.account(of: choice.device)
        else { return nil }
        for victim in choice.victims {
            let staysWarm = keepsWarm(on: choice.device, beside: subject)
            actions.append(
                staysWarm
                    ? .lower(victim.instance, victim.grant, .preempted)
                    : .release(victim.instance, victim.grant, .preempted))
        }
        let heldBack = Slice(
            memory: min(account.freeMemory, subject.amount.memory),
            compute: min(max(account.freeCompute, .zero), subject.amount.compute))
        if take(heldBack, on: choice.device) { self.heldBack.append((heldBack, choice.device)) }
        unused.commit(
            choice,
            claim: Slice(
                memory: subject.amount.memory - heldBack.memory, compute: subject.amount.compute - heldBack.compute))
        return (choice.device, choice.awaited)
    }

    private var unusedOfOthers: UnusedReservations {
        var unused = UnusedReservations(maximumSearches: planner.configuration.maximumPreemptionSearches)
        for other in others { unused.add(other, planner.demand(of: other.prospect)) }
        return unused
    }

    /// Counts the warm session that a reservation becomes, unless it would take the last place of the subject's own.
    private mutating func keepsWarm(on device: DeviceID, beside subject: AllocationSubject) -> Bool {
        let own = subject.holding == nil ? 1 : 0
        guard let account = pool.account(of: device), account.warmRoom > own else { return false }
        return (try? pool.openWarm(on: device)) != nil
    }

    private mutating func contend(_ subject: AllocationSubject, _ reason: Contention.Reason, wanted: Readiness) {
        let slice = wanted == .reserved ? subject.amount : .zero
        actions.append(.contend(subject.instance, Contention(reason: reason, wanted: wanted, slice: slice)))
    }

    // MARK: Giving back

    private mutating func giveBack(_ holding: Holding, of subject: AllocationSubject, keepWarm: Bool) {
        if keepWarm, (try? pool.openWarm(on: holding.device)) != nil {
            actions.append(.lower(subject.instance, holding.grant, .graceEnded))
        } else {
            actions.append(.release(subject.instance, holding.grant, .graceEnded))
        }
    }
}

extension Contention.Reason {
    init(_ error: PoolError) {
        switch error {
        case .unknownDevice, .notAvailable: self = .noDevice
        case .memory(let missing): self = .memory(shortBy: missing)
        case .compute(let missing): self = .compute(shortBy: missing)
        case .warmLimit: self = .warmLimit
        }
    }
}
