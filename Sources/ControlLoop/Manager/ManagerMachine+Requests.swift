import AllocationCore
import FleetModel
import SessionCore

/// Programs that ask for what was not foreseen, or was not there yet.
extension ManagerMachine {
    mutating func requested(
        _ request: GPURequest, by agent: AgentID, now: MonotonicTime
    ) -> [ManagerEffect] {
        guard let link = agentLink(agent) else { return [] }
        guard let instance = record(of: request.instance), instance.agent == agent else {
            totals.requestsRefused += 1
            return [
                .sendToAgent(
                    .requestRefused(request.request, reason: "\(request.instance) is not an instance of \(agent)"), link
                )
            ]
        }
        guard
            !requests.contains(where: {
                $0.agent == agent && $0.request == request.request && $0.instance == request.instance
            }),
            !instance.grants.contains(where: { grants[$0]?.request == request.request })
        else { return [] }
        guard requests.count < configuration.maximumWaiting else {
            totals.requestsRefused += 1
            return [.sendToAgent(.requestRefused(request.request, reason: "too many requests wait"), link)]
        }
        totals.requests += 1
        update(request.instance) { $0.library = request.library }
        let found = preparing(instance).flatMap { grants[$0]?.lifecycle.readiness } ?? .staged
        if found == .warm { totals.requestsFoundWarm += 1 }
        let rehearsed = countRehearsed(request.instance)
        wait(request, of: agent, since: now)
        return [
            .record(
                FleetEvent(
                    at: now, kind: .requested, instance: request.instance,
                    detail: "not foreseen, found \(found)" + rehearsed))
        ]
            + (isIncomplete(AskingProgram(agent: agent, request: request.request), together: request.together)
                ? [] : serveWaiting(now)) + releaseUnfit(request.instance, now: now)
    }

    /// - Parameter instance: where only its part of what a program asked for is meant.
    mutating func cancelled(_ request: RequestID, by agent: AgentID, of instance: InstanceID? = nil) {
        func isMeant(_ other: InstanceID) -> Bool { instance == nil || instance == other }
        requests.removeAll { $0.agent == agent && $0.request == request && isMeant($0.instance) }
        for id in grants.grants(of: agent) {
            guard let grant = grants[id], grant.request == request, isMeant(grant.stored.instance.id) else { continue }
            grants[id]?.request = nil
        }
    }

    mutating func wait(_ request: GPURequest, of agent: AgentID, since: MonotonicTime) {
        requests.append(
            WaitingRequest(
                request: request.request, agent: agent, instance: request.instance, together: request.together,
                since: since))
    }

    /// A grant is for a program's request from now on.
    mutating func claim(_ id: GrantID, for waiting: WaitingRequest) {
        grants[id]?.request = waiting.request
        grants[id]?.together = waiting.together
        grants[id]?.askedSince = waiting.since
    }

    /// A session went to a program; one that had not asked the manager found it reserved.
    mutating func countHandOver(_ request: RequestID?, _ grant: GrantRecord) {
        guard request != nil, grant.request == nil else { return }
        totals.requests += 1
        totals.requestsFoundReserved += 1
    }

    /// Serves what waits, in the order of ``queue(_:)``. O(requests × holders)
    /// - Parameter fitting: leaves alone what lacked more memory than any device has free now.
    mutating func serveWaiting(_ now: MonotonicTime, fitting: Bool = false) -> [ManagerEffect] {
        guard !requests.isEmpty else { return [] }
        let most = fitting ? pool.greatestFreeMemory : Bytes(.max)
        let order = queue(now).filter { requests[$0].needed <= most }
        let programs = programsThatAskForSeveral
        let collector = collector(now, among: programs)
        var served: Set<Int> = []
        var asked: Set<AskingProgram> = []
        var effects: [ManagerEffect] = []
        for index in order {
            guard requests[index].together > 1 else {
                effects += serve(index, &served, now: now)
                continue
            }
            let program = AskingProgram(requests[index])
            guard asked.insert(program).inserted, let parts = programs[program] else { continue }
            effects += serveTogether(program, parts, collects: program == collector, &served, now: now)
        }
        requests = requests.indices.filter { !served.contains($0) }.map { requests[$0] }
        return effects + refuseImpatient(now)
    }

    func weight(_ instance: InstanceID) -> Double { record(of: instance)?.priority.weight ?? 0 }

    /// Serves one request; where it has its slice, or nobody to give it to, it is among `served` afterwards.
    mutating func serve(_ index: Int, _ served: inout Set<Int>, now: MonotonicTime) -> [ManagerEffect] {
        let waiting = requests[index]
        guard let instance = record(of: waiting.instance), !instance.isGone else {
            served.insert(index)
            return []
        }
        guard !isPaused(instance, now) else { return [] }
        if let id = reservation(for: instance) {
            // It is on its way, or the agent missed that it is there: the next notification names the request.
            claim(id, for: waiting)
            grants[id]?.lifecycle.agentHoldsNothing()
            grants.touch(id)
            served.insert(index)
            return []
        }
        let subject = askingSubject(instance)
        requests[index].needed = subject.amount.memory
        let plan = plan(for: subject, on: pool, now: now) { holders(besides: [waiting.instance]) }
        pool = plan.pool
        var effects: [ManagerEffect] = []
        for action in plan.actions {
            if case .contend(_, let contention) = action, requests[index].isRecorded {
                update(waiting.instance) { $0.shortfall = contention }
                continue
            }
            if case .contend = action { requests[index].isRecorded = true }
            if case .openWarm(_, let device) = action, preparing(instance) != nil || waiting.together > 1 {
                // One session ahead is enough, however many programs of the instance wait; and one of a set could be in the
                // way of the others.
                pool.closeWarm(on: device)
                continue
            }
            effects += carryOut(action, for: waiting, now: now)
        }
        let isServed = record(of: waiting.instance)?.grants.contains { grants[$0]?.request == waiting.request } ?? true
        if isServed {
            served.insert(index)
        } else {
            effects += makeRoom(for: index, now: now)
        }
        return effects
    }

    /// Room is made for a program without taking anything from anybody: what is prepared for other members of its set, and for
    /// no program, is given back, or unused reservations go to other devices.
    mutating func makeRoom(for index: Int, now: MonotonicTime) -> [ManagerEffect] {
        // Room is being made elsewhere.
        if case .waitingForPreemption = record(of: requests[index].instance)?.shortfall?.reason { return [] }
        let effects = makeWay(for: requests[index], now: now)
        return effects.isEmpty ? moveOthers(for: index, now: now) : effects
    }

    /// How often at most it is looked for what could be moved: each time looks at every device and all that hold something.
    private static let searchInterval: Duration = .milliseconds(100)
    /// Reservations are moved for the same program no more often than this: what was moved takes a moment to be out of the way.
    private static let movingTime: Duration = .seconds(10)

    private mutating func moveOthers(for index: Int, now: MonotonicTime) -> [ManagerEffect] {
        let waiting = requests[index]
        guard mode == .active, waiting.movedAt.map({ now - $0 >= Self.movingTime }) ?? true,
            lastRoomSearch.map({ now - $0 >= Self.searchInterval }) ?? true,
            let instance = record(of: waiting.instance), case .memory = instance.shortfall?.reason
        else { return [] }
        requests[index].movedAt = now
        lastRoomSearch = now
        let relocation = Relocation(
            for: askingSubject(instance), moving: holders(besides: [waiting.instance]), pool: pool)
        guard let relocation, (try? sharedVersion(waiting.instance, on: relocation.from)) != nil else { return [] }
        var versions: [InterfaceVersion] = []
        for move in relocation.moves {
            guard let version = try? sharedVersion(move.instance, on: move.to) else { return [] }
            versions.append(version)
        }
        pool = relocation.pool
        var effects: [ManagerEffect] = []
        for (move, version) in zip(relocation.moves, versions) {
            begin(move.instance, on: move.to, slice: move.slice, version: version, now: now)
            effects += release(move.grant, .preempted, now: now)
        }
        return effects
    }

    /// So many kinds of GPU servers at most are tried that turn out to share no interface version.
    private static let serversTried = 8

    /// The devices on which sessions can be opened in no other version than on this one. O(devices)
    private func devicesLike(_ device: DeviceID) -> [DeviceID] {
        guard let record = servers[device.server], record.devices.indices.contains(device.index) else {
            return [device]
        }
        let kind = versionKind(of: record, device.server, model: record.devices[device.index].model)
        return servers.flatMap { server, record in
            record.devices.filter { versionKind(of: record, server, model: $0.model) == kind }.map(\.id)
        }
    }

    /// The plan for a program that asks, on devices where a session can be opened for it if there are any.
    /// - Parameter others: whose unused reservations may be taken; asked for only where resources are short.
    func plan(
        for subject: AllocationSubject, on pool: Pool, now: MonotonicTime, _ others: () -> [AllocationSubject]
    ) -> AllocationPlan {
        var subject = subject
        var first: AllocationPlan?
        for _ in 0..<Self.serversTried {
            var plan = planner.serve(subject, others: [], pool: pool, now: now)
            if plan.isShort { plan = planner.serve(subject, others: others(), pool: pool, now: now) }
            let device = plan.actions.lazy.compactMap(\.newDevice).first
            guard let device, (try? sharedVersion(subject.instance, on: device)) == nil else {
                return plan.isShort ? first ?? plan : plan
            }
            first = first ?? plan
            subject.closed.formUnion(devicesLike(device))
        }
        return first ?? AllocationPlan(actions: [], pool: pool)
    }

    /// What is set aside for an instance, or about to be, and is for no program yet.
    func reservation(for instance: InstanceRecord) -> GrantID? {
        guard let id = preparing(instance), let grant = grants[id], grant.request == nil, isReachable(id),
            grant.lifecycle.goal == .reserved
        else { return nil }
        return id
    }
}
