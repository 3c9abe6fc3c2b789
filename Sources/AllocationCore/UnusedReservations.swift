import FleetModel

/// What may be taken back for another: reservations that no program has attached to, of classes that may be taken from.
/// By device, and on each device in the order in which they would be taken.
struct UnusedReservations: Sendable {
    struct Candidate: Sendable {
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

    private struct Group: Sendable {
        var device: DeviceID
        /// Where the whole pool has it; nil where it does not know it, or was not asked yet.
        var slot: Int?
        /// In the order in which they would be taken.
        var candidates: [Candidate] = []
        /// What those who wait beside this device have been promised of what is coming.
        var claimed = Slice.zero
        /// The memory of all that is coming, whoever may have it, and how many that are.
        var coming = Bytes.zero
        var comingCount = 0
        /// The first candidate that is not coming; the number of them where all are.
        var firstStaying = 0

        /// Before any is taken. O(candidates), a move each
        mutating func add(_ candidate: Candidate) {
            var (low, high) = (0, candidates.count)
            while low < high {
                let middle = (low + high) / 2
                if candidate.isTaken(before: candidates[middle]) { high = middle } else { low = middle + 1 }
            }
            candidates.insert(candidate, at: low)
            if candidate.isComing { count(candidate) }
        }

        mutating func take(_ index: Int) {
            candidates[index].isComing = true
            count(candidates[index])
            noteStaying()
        }

        /// Nothing comes of it any more, whether or not it was on its way.
        mutating func withdraw(_ index: Int) {
            if candidates[index].isComing {
                coming -= candidates[index].slice.memory
                comingCount -= 1
            }
            candidates[index].isComing = true
            candidates[index].slice = .zero
            count(candidates[index])
            noteStaying()
        }

        private mutating func count(_ candidate: Candidate) {
            coming += candidate.slice.memory
            comingCount += 1
        }

        mutating func noteStaying() {
            while firstStaying < candidates.count, candidates[firstStaying].isComing { firstStaying += 1 }
        }

        /// Whether nothing that stays may be taken by this right. Candidates stand in the order in which they would be
        /// taken: where the first is out of reach for being too heavy or too probable, so are the others.
        func isOutOfReach(of right: TakingRight) -> Bool {
            guard firstStaying < candidates.count else { return true }
            return right.isBelow(candidates[firstStaying])
        }
    }

    /// How many devices that would do are compared before the best of them is chosen.
    private static let maximumComparedDevices = 16

    private let maximumSearches: Int
    /// How many searches were made.
    private(set) var searches = 0
    /// Ascending by device once one is looked for.
    private var groups: [Group] = []
    private var groupOfDevice: [DeviceID: Int] = [:]
    private var deviceOfGrant: [GrantID: DeviceID] = [:]
    private var isOrdered = false
    private var taken: Set<GrantID> = []
    /// The last slice for which no device could make room: in the same plan none can for a greater one, by a right that
    /// reaches no further.
    private var impossible: (slice: Slice, right: TakingRight)?

    /// Of nobody yet.
    init(maximumSearches: Int) { self.maximumSearches = maximumSearches }

    /// Takes in what a subject holds, before anything is looked for. O(log candidates of its device), and a move of each
    mutating func add(_ subject: AllocationSubject, _ demand: DiscountedDemand) {
        guard let holding = subject.holding, holding.level == .reserved, subject.priority.mayBeTakenFrom else { return }
        add(holding, of: subject.instance, weight: subject.priority.weight, demand)
    }

    /// The same, of a reservation that may be taken.
    mutating func add(_ holding: Holding, of instance: InstanceID, weight: Double, _ demand: DiscountedDemand) {
        let group = groupOfDevice[holding.device] ?? groups.count
        if group == groups.count {
            groups.append(Group(device: holding.device))
            groupOfDevice[holding.device] = group
        }
        deviceOfGrant[holding.grant] = holding.device
        groups[group].add(
            Candidate(
                instance: instance, grant: holding.grant, slice: holding.slice, weight: weight,
                demand: demand, unusedSince: holding.unusedSince, isComing: !holding.settled))
    }

    /// O(devices log devices)
    private mutating func orderGroups(in pool: Pool) {
        isOrdered = true
        groups.sort { $0.device < $1.device }
        for index in groups.indices {
            groupOfDevice[groups[index].device] = index
            groups[index].slot = pool.slot(of: groups[index].device)
            groups[index].noteStaying()
        }
    }

    func isTaken(_ grant: GrantID) -> Bool { taken.contains(grant) }

    /// The device where taking by this right costs least: the lightest classes, then the fewest grants, then the least
    /// memory. Nil where none can make room, or no search is left for this plan. O(devices)
    ///
    /// - Parameter whole: the pool of which `pool` may be a part.
    mutating func choose(for slice: Slice, by right: TakingRight, pool: Pool, of whole: Pool) -> Choice? {
        if !isOrdered { orderGroups(in: whole) }
        if let impossible, impossible.slice.memory <= slice.memory, impossible.slice.compute <= slice.compute,
            !right.reachesFurther(than: impossible.right)
        {
            return nil
        }
        guard searches < maximumSearches else { return nil }
        searches += 1
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
            groups[choice.group].take(index)
            taken.insert(groups[choice.group].candidates[index].grant)
        }
        groups[choice.group].claimed.memory += claim.memory
        groups[choice.group].claimed.compute += claim.compute
    }

    /// What no device could make room for, among fewer than all, one of the others may.
    mutating func othersAreAdmitted() { impossible = nil }

    /// Takes reservations out that are not what they were: attached, lowered or released by others since. O(grants ×
    /// candidates of a device)
    mutating func withdraw(_ grants: [GrantID]) {
        guard !grants.isEmpty else { return }
        for grant in grants where !taken.contains(grant) {
            guard let group = deviceOfGrant[grant].flatMap({ groupOfDevice[$0] }),
                let index = groups[group].candidates.firstIndex(where: { $0.grant == grant })
            else { continue }
            groups[group].withdraw(index)
        }
        // What no device could make room for then, one may by now.
        impossible = nil
    }

    private func choose(
        for slice: Slice, by right: TakingRight, group index: Int, pool: Pool
    ) -> Choice? {
        let group = groups[index]
        guard let account = pool.account(of: group.device, expectedAt: group.slot), account.available,
            slice.memory <= account.memory
        else { return nil }
        // Most devices that are full of what others have as much a right to are told by this.
        guard account.freeMemory - group.claimed.memory + group.coming >= slice.memory || !group.isOutOfReach(of: right)
        else { return nil }
        var memory = account.freeMemory - group.claimed.memory
        var compute = Int64(account.freeCompute.rawValue) - Int64(group.claimed.compute.rawValue)
        var firstComing: GrantID?
        var indices: [Int] = []
        // Where no compute is asked for, it does not matter by how much there is too little.
        func suffices() -> Bool {
            memory >= slice.memory && (slice.compute == .zero || compute >= Int64(slice.compute.rawValue))
        }
        // Read where they lie: this is looked at for each device and each who lacks something.
        group.candidates.withUnsafeBufferPointer { candidates in
            guard let base = candidates.baseAddress else { return }
            if group.comingCount > 0 {
                for position in candidates.indices {
                    let candidate = base + position
                    guard candidate.pointee.isComing,
                        right.reaches(candidate.pointee) || taken.contains(candidate.pointee.grant)
                    else { continue }
                    firstComing = firstComing ?? candidate.pointee.grant
                    memory += candidate.pointee.slice.memory
                    compute += Int64(candidate.pointee.slice.compute.rawValue)
                }
            }
            for position in group.firstStaying..<candidates.count where !suffices() {
                let candidate = base + position
                guard !candidate.pointee.isComing, right.reaches(candidate.pointee) else { continue }
                indices.append(position)
                memory += candidate.pointee.slice.memory
                compute += Int64(candidate.pointee.slice.compute.rawValue)
            }
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
        guard let awaited = victims.first?.grant ?? firstComing else { return nil }
        return Choice(
            group: index, indices: indices, device: group.device, victims: victims, awaited: awaited)
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
