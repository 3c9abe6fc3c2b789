import FleetModel

/// What may be taken back for another: reservations that no program has attached to, of classes that may be taken from.
/// By device, and on each device in the order in which they would be taken.
struct UnusedReservations {
    struct Candidate {
        var instance: InstanceID
        var grant: GrantID
        var slice: Slice
        var weight: Double
        var demand: DiscountedDemand
        var unusedSince: MonotonicTime
        /// On its way: being changed, most often released, or released by this plan. Never released once more.
        var isComing: Bool
    }

    /// Where room is made, and whose reservations make it.
    struct Choice {
        fileprivate var group: Int
        fileprivate var indices: [Int]
        var device: DeviceID
        var victims: [Candidate]
        /// A grant whose release is waited for.
        var awaited: GrantID
    }

    private struct Group {
        var device: DeviceID
        var candidates: [Candidate]
        /// What those who wait beside this device have been promised of what is coming.
        var claimed = Slice.zero
    }

    /// How many devices that would do are compared before the best of them is chosen.
    private static let maximumComparedDevices = 16

    private var groups: [Group] = []
    private var taken: Set<GrantID> = []
    private var remainingSearches: Int
    /// The last slice for which no device could make room: in the same plan none can for a greater one, by a right that
    /// reaches no further.
    private var impossible: (slice: Slice, right: TakingRight)?

    /// O(subjects log subjects)
    init(of subjects: [AllocationSubject], planner: AllocationPlanner) {
        remainingSearches = planner.configuration.maximumPreemptionSearches
        var byDevice: [(device: DeviceID, candidate: Candidate)] = []
        for subject in subjects {
            guard let holding = subject.holding, holding.level == .reserved, subject.priority.mayBeTakenFrom
            else { continue }
            let candidate = Candidate(
                instance: subject.instance, grant: holding.grant, slice: holding.slice,
                weight: subject.priority.weight, demand: planner.demand(of: subject),
                unusedSince: holding.unusedSince, isComing: !holding.settled)
            byDevice.append((holding.device, candidate))
        }
        byDevice.sort { one, other in
            one.device == other.device ? one.candidate.isTaken(before: other.candidate) : one.device < other.device
        }
        for (device, candidate) in byDevice {
            if groups.last?.device == device {
                groups[groups.count - 1].candidates.append(candidate)
            } else {
                groups.append(Group(device: device, candidates: [candidate]))
            }
        }
    }

    func isTaken(_ grant: GrantID) -> Bool { taken.contains(grant) }

    /// The device where taking by this right costs least: the lightest classes, then the fewest grants, then the least
    /// memory. Nil where none can make room, or no search is left for this plan.
    mutating func choose(for slice: Slice, by right: TakingRight, pool: Pool) -> Choice? {
        if let impossible, impossible.slice.memory <= slice.memory, impossible.slice.compute <= slice.compute,
            !right.reachesFurther(than: impossible.right)
        {
            return nil
        }
        guard remainingSearches > 0 else { return nil }
        remainingSearches -= 1
        var best: (choice: Choice, cost: (Double, Int, Int64))?
        var compared = 0
        for index in groups.indices where compared < Self.maximumComparedDevices {
            guard let choice = choose(for: slice, by: right, group: index, pool: pool) else { continue }
            compared += 1
            let cost = (
                choice.victims.map(\.weight).max() ?? 0, choice.victims.count,
                choice.victims.reduce(0) { $0 + $1.slice.memory.rawValue }
            )
            if best.map({ cost < $0.cost }) ?? true { best = (choice, cost) }
        }
        if best == nil { impossible = (slice, right) }
        return best?.choice
    }

    /// Marks the victims as released, and `claim` of what is coming as promised.
    mutating func commit(_ choice: Choice, claim: Slice) {
        for index in choice.indices {
            groups[choice.group].candidates[index].isComing = true
            taken.insert(groups[choice.group].candidates[index].grant)
        }
        groups[choice.group].claimed.memory += claim.memory
        groups[choice.group].claimed.compute += claim.compute
    }

    private func choose(
        for slice: Slice, by right: TakingRight, group index: Int, pool: Pool
    ) -> Choice? {
        let group = groups[index]
        guard let account = pool.account(of: group.device), account.available, slice.memory <= account.memory
        else { return nil }
        let coming = group.candidates.filter {
            $0.isComing && (right.reaches($0) || taken.contains($0.grant))
        }
        var memory = account.freeMemory - group.claimed.memory
        var compute = Int64(account.freeCompute.rawValue) - Int64(group.claimed.compute.rawValue)
        for candidate in coming {
            memory += candidate.slice.memory
            compute += Int64(candidate.slice.compute.rawValue)
        }
        func suffices() -> Bool { memory >= slice.memory && compute >= Int64(slice.compute.rawValue) }
        var indices: [Int] = []
        for (position, candidate) in group.candidates.enumerated() {
            guard !suffices() else { break }
            guard !candidate.isComing, right.reaches(candidate) else { continue }
            indices.append(position)
            memory += candidate.slice.memory
            compute += Int64(candidate.slice.compute.rawValue)
        }
        guard suffices() else { return nil }
        // A large one that came last may make small ones before it needless; the dearest are spared first.
        for position in indices.reversed() {
            let spared = group.candidates[position].slice
            memory -= spared.memory
            compute -= Int64(spared.compute.rawValue)
            if suffices() {
                indices.removeAll { $0 == position }
            } else {
                memory += spared.memory
                compute += Int64(spared.compute.rawValue)
            }
        }
        let victims = indices.map { group.candidates[$0] }
        guard right.covers(victims) else { return nil }
        guard let awaited = victims.first ?? coming.first else { return nil }
        return Choice(
            group: index, indices: indices, device: group.device, victims: victims, awaited: awaited.grant)
    }
}

extension UnusedReservations.Candidate {
    /// The lightest class first, in it the least probable, then the longest unused, then by id.
    fileprivate func isTaken(before other: Self) -> Bool {
        if weight != other.weight { return weight < other.weight }
        if demand != other.demand { return other.demand.exceeds(demand) }
        if unusedSince != other.unusedSince { return unusedSince < other.unusedSince }
        return instance < other.instance
    }
}
