package import FleetModel

/// What the loss of a GPU server asks of the pool.
extension Pool {
    /// Where a second session of an instance goes, kept at `level` for a slice that its program has elsewhere: of the
    /// devices that `admits` allows, for a reservation the one that it fits best, and for a warm session the one with the
    /// fewest of those that have the memory free now. Nil where there is none. O(log devices), and a visit more for each
    /// device that is refused.
    package func standbyPlace(
        for slice: Slice, at level: Readiness, where admits: (DeviceID) -> Bool
    ) -> DeviceID? {
        let isAdmitted = { (slot: Int) in self.device(at: slot).map(admits) ?? false }
        let slot =
            level == .warm
            ? warmByFreeMemory.greatest(keysIn: slice.memory.rawValue...Int64.max, where: isAdmitted)?.slot
            : byFreeMemory.first(
                keyAtLeast: slice.memory.rawValue, capacityAtLeast: Int64(slice.compute.rawValue), where: isAdmitted)
        guard let device = slot.flatMap(device(at:)), let account = account(of: device) else { return nil }
        return level == .warm && account.warmRoom <= 0 ? nil : device
    }

    /// What of `slices` would find no memory on the other devices, were these lost: each is placed where it fits best,
    /// in the order given. The pool is afterwards as it was. O((devices lost + slices) × log devices)
    package mutating func unplaced(_ slices: [Slice], losing lost: [DeviceID]) -> UnplacedSlices {
        let available = lost.filter { account(of: $0)?.available == true }
        for device in available { setAvailable(device, false) }
        var placed: [(slice: Slice, device: DeviceID)] = []
        var unplaced = UnplacedSlices()
        for slice in slices {
            // Compute that is short makes a program late, and does not keep it out.
            let needed = Slice(memory: slice.memory, compute: .zero)
            if let device = bestFit(for: needed), (try? adopt(needed, on: device)) != nil {
                placed.append((needed, device))
            } else if let device = leastLoaded(with: needed.memory), (try? adopt(needed, on: device)) != nil {
                placed.append((needed, device))
            } else {
                unplaced.count += 1
                unplaced.memory += slice.memory
            }
        }
        for (slice, device) in placed { free(slice, on: device) }
        for device in available { setAvailable(device, true) }
        return unplaced
    }
}

/// What found no room.
package struct UnplacedSlices: Hashable, Sendable {
    package var count = 0
    package var memory = Bytes.zero

    package init() {}
}
