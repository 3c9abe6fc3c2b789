import FleetModel

extension AllocationPlanner {
    /// The least single thing after which the plan reserves for the subject.
    ///
    /// Room on one device comes first, on the device where it is the smallest share of the device; then a device that is
    /// away and would have room; then a version that is shared with a server that would have room;
    /// then a device that there is none of. Room and a device that is away are tried
    /// before they are named: applied to the pool, the plan does reserve. O(devices)
    ///
    /// - Parameter devices: as ``consideredDevices(_:_:)`` gives them, the nearest first.
    func smallestChange(
        _ judged: JudgedSubject, _ actions: [AllocationAction], devices: [ConsideredDevice], pool: Pool,
        price: IdlePrice, now: MonotonicTime
    ) -> SmallestChange {
        let holding = judged.subject.holding
        if holding?.level == .attached || actions.contains(where: \.raisesToReserved) { return .nothing }
        guard judged.wanted == .reserved else { return probability(for: judged) }
        // What is limited is not placed: the limit stands in the way before any device does.
        for action in actions {
            guard case .contend(_, let contention) = action else { continue }
            switch contention.reason {
            case .quota(let missing): return .quota(missing)
            case .idleBudget(let missing): return .idleBudget(missing)
            default: break
            }
        }
        let isShort = actions.contains { if case .contend = $0 { true } else { false } }
        // It has what it should have, or a command for it is under way.
        if holding?.level == .reserved || holding?.settled == false, !isShort { return .nothing }
        guard judged.subject.staged else {
            // While no GPU server is there, none has a version to share.
            let away = pool.hasAvailableDevice ? nil : devices.first { $0.verdict == .away && $0.missing == .zero }
            return away.map { .available($0.device) } ?? .sharedVersion
        }
        // A reservation grows where it is.
        let places = holding?.level == .reserved ? devices.filter { $0.device == holding?.device } : devices
        // Closed once, and not for each that is tried.
        var (open, subject) = (pool, judged.subject)
        for device in subject.closed where device != holding?.device { open.setAvailable(device, false) }
        subject.closed = []
        func reserves(_ change: (inout Pool) -> Void) -> Bool {
            var changed = open
            change(&changed)
            var draft = PlanDraft(
                planner: self, others: [], pool: changed, price: price, now: now, isCertain: judged.isAsked)
            draft.decide(subject, judged.demand)
            return draft.actions.contains(where: \.raisesToReserved)
        }
        // The first will do but for figures on the edge, so that few are ever tried.
        for place in places.lazy.filter({ $0.verdict == .short }).prefix(Self.triedPlaces)
        where reserves({ $0.free(place.missing, on: place.device) }) {
            return .room(place.missing, place.device)
        }
        for place in places.lazy.filter({ $0.verdict == .away && $0.missing == .zero }).prefix(Self.triedPlaces)
        where reserves({ $0.setAvailable(place.device, true) }) {
            return .available(place.device)
        }
        if places.contains(where: { $0.verdict == .noVersion && $0.missing == .zero }) { return .sharedVersion }
        return .device(Slice(memory: judged.needed.memory, compute: judged.needed.compute))
    }

    private static var triedPlaces: Int { 16 }

    /// From which probability on the reservation would be justified.
    private func probability(for judged: JudgedSubject) -> SmallestChange {
        let confidence = configuration.confidence(relativeWidth: judged.subject.relativeWidth)
        let held = judged.subject.holding?.level ?? .cold
        let bar = held >= .reserved ? judged.bars.reserve * configuration.keepShare : judged.bars.reserve
        guard configuration.mode == .presync, confidence > 0, bar <= confidence else { return .request }
        return .probability(min(max(bar / confidence, 0), 1))
    }
}

extension AllocationAction {
    fileprivate var raisesToReserved: Bool { if case .reserve = self { true } else { false } }
}
