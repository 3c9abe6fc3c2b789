package import FleetModel

/// The devices of the fleet: what each has, what of it is promised, and where the next slice goes.
///
/// Memory is never promised beyond the device's memory. Compute is promised up to ``computeOvercommit`` times the
/// device, because a late command is late, not lost. The design size is 5,000 GPU servers: choosing a device and
/// changing an account take O(log devices); copying a pool that is then changed takes O(devices).
package struct Pool: Sendable {
    /// How often a device's compute may be promised; at least 1.
    package let computeOvercommit: Double
    /// How many warm sessions (workers with a context and no memory) a device may carry, where nothing else is said of it
    /// (``setMaximumWarm(_:on:)``).
    package let maximumWarmPerDevice: Int

    /// By slot; nil where a device was removed and the slot waits for the next one.
    private var accounts: [DeviceAccount?] = []
    private var slots: [DeviceID: Int] = [:]
    private var freeSlots: [Int] = []
    private var added: UInt64 = 0
    /// Of all available devices: what may be promised, and what of that is; bytes and thousandths, whole numbers.
    private var totalMemory = 0.0
    private var totalCompute = 0.0
    private var promisedMemory = 0.0
    private var promisedCompute = 0.0
    /// So many expected slices are looked at, and up to twice as many.
    private static let expectedSamples = 4_096
    /// Of all devices, available or not, in bytes.
    private var greatestMemory: Int64 = 0
    /// Available devices: by free memory, with free compute as capacity.
    private(set) var byFreeMemory = PlacementIndex()
    /// Available devices: by free memory, with the warm sessions more that they may carry as capacity.
    private(set) var warmByFreeMemory = PlacementIndex()
    /// What free memory is worth to the slices that are expected (``expect(slices:)``).
    private(set) var memoryValue = FreeMemoryValue.unknown

    package init(computeOvercommit: Double = 4, maximumWarmPerDevice: Int = 16) {
        precondition((1...1_000).contains(computeOvercommit) && maximumWarmPerDevice >= 0)
        self.computeOvercommit = computeOvercommit
        self.maximumWarmPerDevice = maximumWarmPerDevice
    }

    package var isEmpty: Bool { slots.isEmpty }
    package var count: Int { slots.count }

    /// Every device's account, in the order in which the devices were added. O(devices log devices)
    package var devices: [DeviceAccount] {
        accounts.compactMap { $0 }.sorted { $0.order < $1.order }
    }

    package func account(of device: DeviceID) -> DeviceAccount? {
        slots[device].flatMap { accounts[$0] }
    }

    /// Where a device's account is, until devices come or go; nil of one that is not known.
    func slot(of device: DeviceID) -> Int? { slots[device] }

    /// A device's account, without a search where it is at `slot`.
    func account(of device: DeviceID, expectedAt slot: Int?) -> DeviceAccount? {
        if let slot, accounts.indices.contains(slot), let account = accounts[slot], account.device == device {
            return account
        }
        return account(of: device)
    }

    func device(at slot: Int) -> DeviceID? { accounts[slot]?.device }

    // MARK: Shares

    /// How much of an available device of mean size a slice takes: of its memory or of its compute, whichever is more. 0 where there
    /// is no device.
    package func share(of slice: Slice) -> Double {
        let devices = Double(byFreeMemory.count)
        return max(
            Self.share(Double(slice.memory.rawValue) * devices, of: totalMemory),
            Self.share(Double(slice.compute.rawValue) * devices * computeOvercommit, of: totalCompute))
    }

    /// The memory of all available devices, in bytes.
    var availableMemory: Double { totalMemory }

    /// How much of the pool is promised, of what may be: of its memory or of its compute, whichever is more; 0 to 1.
    package var promisedShare: Double {
        min(max(Self.share(promisedMemory, of: totalMemory), Self.share(promisedCompute, of: totalCompute)), 1)
    }

    static func share(_ part: Double, of whole: Double) -> Double { whole > 0 ? part / whole : 0 }

    /// Says what slices are expected, each by its memory, so that what is placed leaves room for them. Those of no memory
    /// are left out; where there is none, what was said before holds. Of very many some thousands are looked at, evenly
    /// spread. Some milliseconds more where they differ from what was said before.
    package mutating func expect(slices: some RandomAccessCollection<Bytes>) {
        guard greatestMemory > 0 else { return }
        let part = FreeMemoryValue.part(of: greatestMemory)
        var counts = [Int](repeating: 0, count: FreeMemoryValue.parts + 1)
        var isNothing = true
        let interval = max(slices.count / Self.expectedSamples, 1)
        for offset in Swift.stride(from: 0, to: slices.count, by: interval) {
            let memory = slices[slices.index(slices.startIndex, offsetBy: offset)].rawValue
            guard memory > 0, memory <= greatestMemory else { continue }
            counts[Int((memory - 1) / part) + 1] += 1
            isNothing = false
        }
        guard !isNothing, !memoryValue.stillHolds(for: counts, greatest: greatestMemory) else { return }
        memoryValue = FreeMemoryValue(counts: counts, greatest: greatestMemory)
    }

    // MARK: Devices

    /// Adds a device, available. Of a device that is known only the size changes, and never to less than what is
    /// promised on it. Amounts below 0 count as 0.
    package mutating func add(_ device: DeviceID, memory: Bytes, compute: MilliShare) {
        let memory = max(memory, .zero)
        greatestMemory = max(greatestMemory, memory.rawValue)
        let compute = promisable(compute)
        if let slot = slots[device] {
            update(slot) { account in
                account.memory = max(memory, account.reserved.memory)
                account.compute = max(compute, account.reserved.compute)
                account.wholeCompute = account.compute
            }
            return
        }
        let account = DeviceAccount(
            device: device, memory: memory, compute: compute, maximumWarm: maximumWarmPerDevice, order: added)
        added += 1
        let slot: Int
        if let free = freeSlots.popLast() {
            slot = free
            accounts[free] = account
        } else {
            slot = accounts.count
            accounts.append(account)
        }
        slots[device] = slot
        enterIndexes(slot, account)
    }

    private func promisable(_ compute: MilliShare) -> MilliShare {
        MilliShare(Int32(min(Double(max(compute.rawValue, 0)) * computeOvercommit, Double(Int32.max / 2))))
    }

    /// Says how much compute a device has for slices, where that is not all of it. What is promised stays.
    package mutating func setCompute(_ compute: MilliShare, on device: DeviceID) {
        let compute = promisable(compute)
        guard let slot = slots[device], accounts[slot]?.compute != compute else { return }
        update(slot) { $0.compute = compute }
    }

    /// Forgets a device and all that is promised on it. The grants there are over: nothing of them is freed later.
    package mutating func remove(_ device: DeviceID) {
        guard let slot = slots.removeValue(forKey: device), let account = accounts[slot] else { return }
        leaveIndexes(slot, account)
        accounts[slot] = nil
        freeSlots.append(slot)
        if account.memory.rawValue == greatestMemory {
            greatestMemory = accounts.reduce(0) { max($0, $1?.memory.rawValue ?? 0) }
        }
    }

    /// A device that is not available keeps its account, and nothing new is placed on it.
    package mutating func setAvailable(_ device: DeviceID, _ available: Bool) {
        guard let slot = slots[device] else { return }
        update(slot) { $0.available = available }
    }

    /// Says how many warm sessions a device may carry, at most ``maximumWarmPerDevice``. Those that it has stay.
    package mutating func setMaximumWarm(_ most: Int, on device: DeviceID) {
        let most = min(max(most, 0), maximumWarmPerDevice)
        guard let slot = slots[device], accounts[slot]?.maximumWarm != most else { return }
        update(slot) { $0.maximumWarm = most }
    }

    // MARK: Promises

    /// Whether ``reserve(_:on:)`` would succeed.
    package func canReserve(_ slice: Slice, on device: DeviceID) -> Bool { obstacle(to: slice, on: device) == nil }

    /// Promises a slice of a device that is available and has it free.
    package mutating func reserve(_ slice: Slice, on device: DeviceID) throws(PoolError) {
        if let obstacle = obstacle(to: slice, on: device) { throw obstacle }
        try adopt(slice, on: device)
    }

    /// Accounts for a slice that a GPU server already holds, on a device that need not be available yet. Compute may
    /// exceed what would be promised today; memory may not exceed the device's.
    package mutating func adopt(_ slice: Slice, on device: DeviceID) throws(PoolError) {
        guard let slot = slots[device], let account = accounts[slot] else { throw .unknownDevice }
        precondition(slice.memory >= .zero && slice.compute >= .zero, "a slice below 0 is promised")
        guard slice.memory <= account.freeMemory else { throw .memory(shortBy: slice.memory - account.freeMemory) }
        update(slot) { account in
            account.reserved.memory += slice.memory
            account.reserved.compute += slice.compute
        }
    }

    /// Says anew what compute the tenants of a device are expected to take together: what was promised of it so far is
    /// replaced, as their forecasts change while they hold it. A device that is not known is left alone.
    package mutating func expect(_ compute: MilliShare, on device: DeviceID) {
        guard let slot = slots[device] else { return }
        update(slot) { $0.reserved.compute = max(compute, .zero) }
    }

    /// Takes back what was promised before; a device that was removed since is left alone. Of compute no more is taken
    /// back than the device's tenants were last expected to use (``expect(_:on:)``).
    package mutating func free(_ slice: Slice, on device: DeviceID) {
        guard let slot = slots[device] else { return }
        update(slot) { account in
            account.reserved.memory -= slice.memory
            account.reserved.compute = max(account.reserved.compute - slice.compute, .zero)
            precondition(account.reserved.memory >= .zero, "more is freed than was promised")
        }
    }

    /// Counts a warm session on a device that is available and has fewer than it may.
    package mutating func openWarm(on device: DeviceID) throws(PoolError) {
        guard let account = account(of: device) else { throw .unknownDevice }
        guard account.available else { throw .notAvailable }
        guard account.warmRoom > 0 else { throw .warmLimit }
        adoptWarm(on: device)
    }

    /// Counts a warm session that is there already, whatever the bound; an unknown device is left alone.
    package mutating func adoptWarm(on device: DeviceID) {
        guard let slot = slots[device] else { return }
        update(slot) { $0.warmSessions += 1 }
    }

    /// Counts a warm session less; a device that was removed since is left alone.
    package mutating func closeWarm(on device: DeviceID) {
        guard let slot = slots[device] else { return }
        update(slot) { account in
            account.warmSessions -= 1
            precondition(account.warmSessions >= 0, "more warm sessions are closed than were opened")
        }
    }

    /// The free memory of the available device that has most of it; 0 where there is none. O(log devices)
    package var greatestFreeMemory: Bytes { Bytes(byFreeMemory.greatestKey ?? 0) }

    /// The memory of the largest available devices, at most `count`, the largest first. O(devices log devices)
    package func greatestMemories(_ count: Int) -> [Bytes] {
        Array(accounts.lazy.compactMap { $0?.available == true ? $0?.memory : nil }.sorted(by: >).prefix(count))
    }

    /// How many devices are available.
    package var availableCount: Int { byFreeMemory.count }

    /// Whether something could be placed at all, room permitting.
    package var hasAvailableDevice: Bool { byFreeMemory.count > 0 }

    /// Whether some available device carries fewer warm sessions than it may. O(1)
    package var hasRoomForWarmSession: Bool {
        warmByFreeMemory.greatestCapacity.map { $0 > 0 } ?? false
    }

    /// What is missing for the slice on the device that comes nearest to it; nil where it fits. O(log devices)
    package func shortage(for slice: Slice) -> PoolError? {
        guard let freeMemory = byFreeMemory.greatestKey else { return .notAvailable }
        guard slice.memory.rawValue <= freeMemory else {
            return .memory(shortBy: Bytes(slice.memory.rawValue - freeMemory))
        }
        let freeCompute = byFreeMemory.greatestCapacity(keyAtLeast: slice.memory.rawValue) ?? 0
        let missing = Int64(slice.compute.rawValue) - freeCompute
        return missing > 0 ? .compute(shortBy: MilliShare(Int32(clamping: missing))) : nil
    }

    private func obstacle(to slice: Slice, on device: DeviceID) -> PoolError? {
        guard let account = account(of: device) else { return .unknownDevice }
        guard account.available else { return .notAvailable }
        guard slice.memory <= account.freeMemory else { return .memory(shortBy: slice.memory - account.freeMemory) }
        guard slice.compute == .zero || slice.compute <= account.freeCompute else {
            return .compute(shortBy: slice.compute - account.freeCompute)
        }
        return nil
    }

    // MARK: Accounts and indexes

    private mutating func update(_ slot: Int, _ change: (inout DeviceAccount) -> Void) {
        guard var account = accounts[slot] else { return }
        leaveIndexes(slot, account)
        change(&account)
        accounts[slot] = account
        enterIndexes(slot, account)
    }

    private mutating func enterIndexes(_ slot: Int, _ account: DeviceAccount) {
        guard account.available else { return }
        totalMemory += Double(account.memory.rawValue)
        totalCompute += Double(account.compute.rawValue)
        promisedMemory += Double(account.reserved.memory.rawValue)
        promisedCompute += Double(account.countedCompute.rawValue)
        byFreeMemory.insert(
            slot: slot, order: account.order, key: account.freeMemory.rawValue,
            capacity: Int64(account.freeCompute.rawValue))
        warmByFreeMemory.insert(
            slot: slot, order: account.order, key: account.freeMemory.rawValue,
            capacity: Int64(account.warmRoom))
    }

    private mutating func leaveIndexes(_ slot: Int, _ account: DeviceAccount) {
        guard account.available else { return }
        totalMemory -= Double(account.memory.rawValue)
        totalCompute -= Double(account.compute.rawValue)
        promisedMemory -= Double(account.reserved.memory.rawValue)
        promisedCompute -= Double(account.countedCompute.rawValue)
        byFreeMemory.remove(slot: slot)
        warmByFreeMemory.remove(slot: slot)
    }

    /// Stops the program where an account or an index is wrong. O(devices)
    package func checkInvariants() {
        var available = 0
        for (slot, account) in accounts.enumerated() {
            guard let account else { continue }
            precondition(slots[account.device] == slot, "a device is not where it is looked for")
            precondition(account.reserved.memory >= .zero && account.reserved.compute >= .zero, "a promise below 0")
            precondition(account.reserved.memory <= account.memory, "memory is promised beyond the device")
            precondition(account.warmSessions >= 0, "a count below 0")
            available += account.available ? 1 : 0
        }
        precondition(accounts.count == slots.count + freeSlots.count, "a slot is lost")
        checkIndex(byFreeMemory, available) { ($0.freeMemory.rawValue, Int64($0.freeCompute.rawValue)) }
        checkIndex(warmByFreeMemory, available) { ($0.freeMemory.rawValue, Int64($0.warmRoom)) }
    }

    private func checkIndex(
        _ index: PlacementIndex, _ available: Int, _ figures: (DeviceAccount) -> (key: Int64, capacity: Int64)
    ) {
        let entries = index.entries()
        precondition(entries.count == available && index.count == available, "an index has lost a device")
        for entry in entries {
            guard let account = accounts[entry.slot] else { preconditionFailure("a removed device in an index") }
            precondition(figures(account) == (entry.key, entry.capacity), "an index is out of date")
        }
        precondition(zip(entries, entries.dropFirst()).allSatisfy { $0.key <= $1.key }, "an index is out of order")
    }
}

extension Pool: Equatable {
    /// Equal pools make equal choices: same bounds, same accounts, in the same order.
    package static func == (left: Self, right: Self) -> Bool {
        left.computeOvercommit == right.computeOvercommit && left.maximumWarmPerDevice == right.maximumWarmPerDevice
            && left.memoryValue == right.memoryValue && left.devices == right.devices
    }
}
