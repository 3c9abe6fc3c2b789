package import FleetModel

/// Where slices and warm sessions go.
extension Pool {
    /// From this share of a device's memory on, a slice goes where it fits best.
    private static let largeShare = 0.125
    /// What a device's whole compute free, a device's whole memory free, and one warm session less are worth between
    /// places that are alike to slices to come: an eightieth of a device.
    private static let spread = 12_500

    /// The available device with the least free memory that the slice fits on: best fit leaves the large gaps to
    /// large slices. Of equals, the one that was added first. O(log devices)
    package func bestFit(for slice: Slice) -> DeviceID? {
        let slot = byFreeMemory.first(
            keyAtLeast: slice.memory.rawValue, capacityAtLeast: Int64(slice.compute.rawValue))
        return slot.flatMap(device(at:))
    }

    /// The available device with the most free compute among those with that much free memory. O(log devices)
    package func leastLoaded(with memory: Bytes) -> DeviceID? {
        (byFreeMemory.greatest(keysIn: memory.rawValue...Int64.max)?.slot).flatMap(device(at:))
    }

    /// Where a slice goes, of the devices that have room for it: where it takes least from the slices that are expected
    /// (``FreeMemoryValue``), which matters the more, the fuller the pool is. Between places that are alike to those, one
    /// that takes much of a device's memory goes where it fits best, and the others to the device with the most free
    /// compute, whose tenants they delay least. Nil where none has room. O(64 × log devices)
    package func place(for slice: Slice) -> DeviceID? {
        let memory = Self.share(Double(slice.memory.rawValue) * Double(byFreeMemory.count), of: availableMemory)
        let isLarge = memory >= Self.largeShare
        guard memoryValue.isFlat else { return valuedPlace(for: slice, isLarge: isLarge) }
        guard !isLarge, let device = leastLoaded(with: slice.memory), canReserve(slice, on: device) else {
            return bestFit(for: slice)
        }
        return device
    }

    /// Where a warm session goes: of the available devices that have the memory of `slice` free, the one where that
    /// would take least from the slices that are expected, and of those alike to them the one that may carry most warm
    /// sessions more; where none has, the one of all that may. Nil where that one has as many as it may, or is too small for
    /// the slice even when empty. O(64 × log devices)
    package func deviceForWarmSession(laterNeeding slice: Slice) -> DeviceID? {
        // Where each has as many as it may, as in a pool that is well used, there is nothing to look for.
        guard hasRoomForWarmSession else { return nil }
        let roomy =
            memoryValue.isFlat
            ? warmByFreeMemory.greatest(keysIn: slice.memory.rawValue...Int64.max)?.slot
            : valuedWarmPlace(laterNeeding: slice)
        let slot = roomy ?? warmByFreeMemory.greatest(keysIn: 0...Int64.max)?.slot
        guard let account = slot.flatMap(device(at:)).flatMap(account(of:)),
            account.warmRoom > 0, account.memory >= slice.memory
        else { return nil }
        return account.device
    }

    private func valuedPlace(for slice: Slice, isLarge: Bool) -> DeviceID? {
        let compute = Int64(slice.compute.rawValue)
        let slot = cheapest(for: slice) { keys in
            guard isLarge else {
                guard let most = byFreeMemory.greatest(keysIn: keys), most.capacity >= compute else { return nil }
                return (most.slot, -Int(most.capacity) * Self.spread / 1_000)
            }
            guard let slot = byFreeMemory.first(keyAtLeast: keys.lowerBound, capacityAtLeast: compute),
                let free = device(at: slot).flatMap(account(of:))?.freeMemory.rawValue, keys.contains(free)
            else { return nil }
            return (slot, Int(free / memoryValue.part) * Self.spread / FreeMemoryValue.parts)
        }
        return slot.flatMap(device(at:))
    }

    private func valuedWarmPlace(laterNeeding slice: Slice) -> Int? {
        cheapest(for: slice) { keys in
            guard let roomiest = warmByFreeMemory.greatest(keysIn: keys), roomiest.capacity > 0 else { return nil }
            return (roomiest.slot, (maximumWarmPerDevice - Int(roomiest.capacity)) * Self.spread)
        }
    }

    /// Of the best of each stretch of free memory, which `best` gives with what else speaks against it in millionths of a
    /// device, the one that costs least; the least free memory of equals.
    private func cheapest(
        for slice: Slice, _ best: (ClosedRange<Int64>) -> (slot: Int, cost: Int)?
    ) -> Int? {
        let part = memoryValue.part
        let needed = Int((slice.memory.rawValue + part - 1) / part)
        let urgency = IdlePrice.factor(at: promisedShare)
        var cheapest: (slot: Int, cost: Double)?
        for free in min(Int(slice.memory.rawValue / part), FreeMemoryValue.parts)...FreeMemoryValue.parts {
            let lower = max(Int64(free) * part, slice.memory.rawValue)
            let upper = free == FreeMemoryValue.parts ? Int64.max : (Int64(free) + 1) * part - 1
            guard let found = best(lower...upper) else { continue }
            let cost = Double(memoryValue.cost(of: needed, where: free)) * urgency + Double(found.cost)
            if cheapest.map({ cost < $0.cost }) ?? true { cheapest = (found.slot, cost) }
        }
        return cheapest?.slot
    }
}
