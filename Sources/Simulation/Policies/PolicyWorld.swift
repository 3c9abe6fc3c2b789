import AllocationCore
import FleetModel

/// What one instance holds in a ``PolicyWorld``.
struct PolicyHolding: Sendable {
    var grant: GrantID
    var device: DeviceID
    /// ``Readiness/warm``, ``Readiness/reserved`` or ``Readiness/attached``.
    var level: Readiness
    var slice: Slice
    /// When the level is reached, seconds from the trace's first; until then what was there before counts.
    var readyAt: Double
    var before: Readiness
    /// The second in which it was last used or wanted.
    var unusedSince: Int

    func level(at time: Double) -> Readiness { time >= readyAt ? level : before }
}

/// One pool under one policy, second by second: who holds what, what each start of demand found, and what idled.
///
/// A program starts in the second in which its instance's demand begins and ends after ``idleSeconds`` without any. Real
/// demand takes precedence over what is held unused, under every policy alike: where nothing is free, the reservations
/// that no program uses are taken back, the longest unused first.
struct PolicyWorld: Sendable {
    static let idleSeconds = TraceReplay.idleSeconds

    let costs: LadderCosts
    let share: DeviceShare
    let description: [InstanceDescription]
    private(set) var pool: Pool
    private(set) var holdings: [PolicyHolding?]
    private(set) var tally = PolicyTally()
    /// What a policy promises an instance's program of compute; nil where a program has what it asks for at its peak.
    private var computePromises: [MilliShare?]
    /// The last second with demand of the program that runs; nil where none does.
    private var busyAt: [Int?]
    /// Since when a program waits for room.
    private var waitingSince: [Double?]
    private var running: Set<Int> = []
    private var computeOnDevice: [DeviceID: Double] = [:]
    private var grants: UInt64 = 0
    private let indexOf: [InstanceID: Int]
    /// Instances for which the last plan found no room.
    private var contending: Set<Int> = []

    /// - Parameter computeOvercommit: how often a device's compute may be promised.
    init(
        instances: [InstanceDescription], devices: Int, memory: Bytes, costs: LadderCosts, computeOvercommit: Double
    ) {
        self.costs = costs
        description = instances
        indexOf = Dictionary(zip(instances.map(\.id), 0...)) { first, _ in first }
        share = DeviceShare(of: memory)
        pool = Pool(
            computeOvercommit: computeOvercommit,
            maximumWarmPerDevice: max(16, (instances.count + devices - 1) / devices))
        for index in 0..<devices {
            pool.add(
                DeviceID(server: GPUServerID(unchecked: "server"), index: index), memory: memory,
                compute: MilliShare(1_000))
        }
        holdings = Array(repeating: nil, count: instances.count)
        computePromises = Array(repeating: nil, count: instances.count)
        busyAt = Array(repeating: nil, count: instances.count)
        waitingSince = Array(repeating: nil, count: instances.count)
    }

    func isRunning(_ instance: Int) -> Bool { busyAt[instance] != nil }

    // MARK: What policies do

    /// Sets a slice aside for an instance that runs no program, in place of what it holds; nothing changes where it holds
    /// just as much.
    mutating func reserve(_ slice: Slice, for instance: Int, at second: Int) {
        guard !isRunning(instance) else { return }
        if holdings[instance]?.level == .reserved, holdings[instance]?.slice == slice {
            holdings[instance]?.unusedSince = second
            return
        }
        var free = pool
        if let held = holdings[instance] { Self.giveBack(held, to: &free) }
        let here = holdings[instance].flatMap { free.canReserve(slice, on: $0.device) ? $0.device : nil }
        guard let device = here ?? free.place(for: slice) else {
            tally.contention += 1
            return
        }
        reserve(slice, for: instance, on: device, at: second)
    }

    private mutating func reserve(_ slice: Slice, for instance: Int, on device: DeviceID, at second: Int) {
        var slice = slice
        if let promise = computePromises[instance] { slice.compute = promise }
        let held = holdings[instance]
        let before = held?.device == device ? held?.level(at: Double(second)) ?? .staged : .staged
        if let held { Self.giveBack(held, to: &pool) }
        holdings[instance] = nil
        guard (try? pool.reserve(slice, on: device)) != nil else {
            tally.contention += 1
            return
        }
        place(instance, .reserved, slice, on: device, before: before, at: second)
    }

    private mutating func openWarm(_ instance: Int, on device: DeviceID, at second: Int) {
        let held = holdings[instance]
        if let held { Self.giveBack(held, to: &pool) }
        holdings[instance] = nil
        guard (try? pool.openWarm(on: device)) != nil else { return }
        let before = held?.device == device ? min(held?.level(at: Double(second)) ?? .staged, .warm) : .staged
        place(instance, .warm, .zero, on: device, before: before, at: second)
    }

    mutating func release(_ instance: Int) {
        guard !isRunning(instance), let held = holdings[instance] else { return }
        Self.giveBack(held, to: &pool)
        holdings[instance] = nil
        tally.notifications += 1
    }

    mutating func touch(_ instance: Int, at second: Int) { holdings[instance]?.unusedSince = second }

    private mutating func place(
        _ instance: Int, _ level: Readiness, _ slice: Slice, on device: DeviceID, before: Readiness, at second: Int
    ) {
        grants += 1
        let lead = costs.leadMs(from: before, to: level)
        holdings[instance] = PolicyHolding(
            grant: GrantID(rawValue: grants), device: device, level: level, slice: slice,
            readyAt: Double(second) + lead / 1_000, before: before, unusedSince: second)
        tally.notifications += 1
    }

    private static func giveBack(_ held: PolicyHolding, to pool: inout Pool) {
        if held.level == .warm { pool.closeWarm(on: held.device) } else { pool.free(held.slice, on: held.device) }
    }

    /// Says what the instances' programs are promised of compute from now on, those that run included.
    mutating func promise(_ compute: [MilliShare]) {
        computePromises = compute
        var sums: [DeviceID: Int32] = [:]
        for (index, held) in holdings.enumerated() {
            guard let held, held.level != .warm else { continue }
            holdings[index]?.slice.compute = compute[index]
            sums[held.device, default: 0] += compute[index].rawValue
        }
        for account in pool.devices { pool.expect(MilliShare(sums[account.device] ?? 0), on: account.device) }
    }

    /// Says what slices are expected (``Pool/expect(slices:)``).
    mutating func expect(slices: some RandomAccessCollection<Bytes>) { pool.expect(slices: slices) }

    /// Does what a plan made on ``pool`` says.
    mutating func carryOut(_ actions: [AllocationAction], at second: Int) {
        var contending: Set<Int> = []
        for action in actions {
            guard let instance = indexOf[action.instance] else { continue }
            switch action {
            case .openWarm(_, let device):
                openWarm(instance, on: device, at: second)
            case .reserve(_, let device, let slice, _):
                reserve(slice, for: instance, on: device, at: second)
            case .lower:
                if let held = holdings[instance] { openWarm(instance, on: held.device, at: second) }
            case .release:
                release(instance)
            case .contend:
                // What lasts is counted once.
                if !self.contending.contains(instance) { tally.contention += 1 }
                contending.insert(instance)
            }
        }
        self.contending = contending
    }

    // MARK: What comes true

    /// What the instances did in `second`, all entries of it: programs start, grow and end, and what is idle is counted.
    mutating func advance(_ entries: ArraySlice<DemandTrace.Entry>, second: Int) {
        computeOnDevice.removeAll(keepingCapacity: true)
        for entry in entries where entry.load.hasDemand { demand(entry, in: second) }
        for index in holdings.indices {
            guard let held = holdings[index] else { continue }
            switch held.level {
            case .warm: tally.warmIdleSeconds += 1
            case .reserved: tally.reservedIdleSeconds += share(held.slice)
            default: break
            }
        }
        tally.overloadSeconds += computeOnDevice.values.reduce(0) { $0 + ($1 > 1_000 ? 1 : 0) }
        // Ascending, so that equal runs add in equal order.
        for instance in running.sorted() {
            guard let last = busyAt[instance], second - last >= Int(Self.idleSeconds) else { continue }
            end(instance, in: second)
        }
    }

    private mutating func demand(_ entry: DemandTrace.Entry, in second: Int) {
        let instance = entry.instance
        var wanted = Self.slice(of: entry.load)
        if let promise = computePromises[instance] { wanted.compute = promise }
        let isStart = busyAt[instance] == nil
        busyAt[instance] = second
        if isStart {
            running.insert(instance)
            start(instance, wanted, at: Double(second) + entry.offset, second: second)
        } else if let held = holdings[instance] {
            if wanted.memory > held.slice.memory { grow(instance, held, to: wanted) }
            if wanted.compute > held.slice.compute { speedUp(instance, to: wanted.compute) }
        } else {
            // It still waits for room.
            attach(instance, wanted, found: .staged, at: Double(second), second: second)
        }
        guard let held = holdings[instance] else { return }
        tally.usedSeconds += max(
            share(Slice(memory: wanted.memory, compute: .zero)), entry.load.gpuCompute / 1_000)
        computeOnDevice[held.device, default: 0] += entry.load.gpuCompute
    }

    /// What covers a second's demand.
    static func slice(of load: LoadObservation) -> Slice {
        Slice(
            memory: Bytes(Int64(min(load.gpuMemory, 0x1p50).rounded(.up))),
            compute: MilliShare(covering: load.gpuCompute))
    }

    private mutating func start(_ instance: Int, _ wanted: Slice, at time: Double, second: Int) {
        var found = holdings[instance]?.level(at: time) ?? .staged
        // A reservation that is too small is a session without its memory.
        if found == .reserved, let held = holdings[instance], held.slice.memory < wanted.memory { found = .warm }
        waitingSince[instance] = time
        tally.count(attach(instance, wanted, found: found, at: time, second: second))
    }

    /// Gives a program its slice, where its instance's holding is if that is possible.
    ///
    /// - Returns: what it found: `found`, or ``Readiness/staged`` where it has to go elsewhere or wait for room.
    @discardableResult
    private mutating func attach(
        _ instance: Int, _ wanted: Slice, found: Readiness, at time: Double, second: Int
    ) -> Readiness {
        var slice = wanted
        var place: DeviceID?
        if let held = holdings[instance] {
            if held.level == .reserved { slice.memory = max(wanted.memory, held.slice.memory) }
            Self.giveBack(held, to: &pool)
            holdings[instance] = nil
            if (pool.account(of: held.device)?.freeMemory ?? .zero) < slice.memory { slice = wanted }
            if (pool.account(of: held.device)?.freeMemory ?? .zero) >= slice.memory { place = held.device }
        }
        let here = place != nil
        // Compute that is short makes a program late, and does not keep it out.
        place = place ?? pool.place(for: slice) ?? pool.leastLoaded(with: slice.memory) ?? makeRoom(for: slice)
        guard let place, (try? pool.adopt(slice, on: place)) != nil else {
            tally.contention += 1
            return .staged
        }
        grants += 1
        holdings[instance] = PolicyHolding(
            grant: GrantID(rawValue: grants), device: place, level: .attached, slice: slice, readyAt: time,
            before: .attached, unusedSince: second)
        let began = waitingSince[instance] ?? time
        waitingSince[instance] = nil
        let level = here ? found : .staged
        tally.waited((time - began) * 1_000 + costs.waitMs(found: level))
        return level
    }

    private mutating func grow(_ instance: Int, _ held: PolicyHolding, to wanted: Slice) {
        let more = Slice(memory: wanted.memory - held.slice.memory, compute: .zero)
        if !pool.canReserve(more, on: held.device) { takeBack(on: held.device, until: more) }
        guard (try? pool.adopt(more, on: held.device)) != nil else {
            tally.shortSeconds += 1
            return
        }
        holdings[instance]?.slice.memory = wanted.memory
    }

    /// Compute is promised as far as there is some; what is beyond is late, not lost.
    private mutating func speedUp(_ instance: Int, to compute: MilliShare) {
        guard let held = holdings[instance] else { return }
        let more = Slice(memory: .zero, compute: compute - held.slice.compute)
        guard (try? pool.reserve(more, on: held.device)) != nil else { return }
        holdings[instance]?.slice.compute = compute
    }

    private mutating func end(_ instance: Int, in second: Int) {
        busyAt[instance] = nil
        waitingSince[instance] = nil
        running.remove(instance)
        guard holdings[instance] != nil else { return }
        holdings[instance]?.level = .reserved
        holdings[instance]?.before = .reserved
        holdings[instance]?.unusedSince = second
    }

    // MARK: Shortage

    /// Takes unused reservations back where that makes room for `slice` with the fewest of them; nil where none does.
    private mutating func makeRoom(for slice: Slice) -> DeviceID? {
        var best: (device: DeviceID, victims: [Int])?
        for account in pool.devices {
            guard let victims = victims(on: account, for: slice) else { continue }
            if best.map({ victims.count < $0.victims.count }) ?? true { best = (account.device, victims) }
        }
        guard let best else { return nil }
        for victim in best.victims { takeBack(victim) }
        return best.device
    }

    private mutating func takeBack(on device: DeviceID, until slice: Slice) {
        guard let account = pool.account(of: device) else { return }
        for victim in victims(on: account, for: slice) ?? [] { takeBack(victim) }
    }

    private mutating func takeBack(_ instance: Int) {
        guard let held = holdings[instance] else { return }
        Self.giveBack(held, to: &pool)
        holdings[instance] = nil
        tally.preemptions += 1
        tally.notifications += 1
    }

    /// The longest unused reservations of a device that make room for a slice's memory; nil where all do not.
    private func victims(on account: DeviceAccount, for slice: Slice) -> [Int]? {
        var memory = account.freeMemory
        func suffices() -> Bool { memory >= slice.memory }
        var victims: [Int] = []
        let unused = holdings.indices.filter {
            holdings[$0]?.device == account.device && holdings[$0]?.level == .reserved
        }
        for index in unused.sorted(by: { (holdings[$0]?.unusedSince ?? 0, $0) < (holdings[$1]?.unusedSince ?? 0, $1) })
        {
            if suffices() { break }
            guard let held = holdings[index] else { continue }
            memory += held.slice.memory
            victims.append(index)
        }
        return suffices() ? victims : nil
    }
}
