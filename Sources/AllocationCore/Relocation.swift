package import FleetModel

/// Unused reservations that would do as well on other devices: where each of them is placed there, one device has room for a
/// slice that had none. Nothing is taken from anybody, of whatever class; each loses what it takes to open a session.
package struct Relocation: Sendable {
    package struct Move: Sendable {
        package var instance: InstanceID
        package var grant: GrantID
        package var slice: Slice
        package var to: DeviceID
    }

    /// So many devices at most are looked at, those that lack least.
    private static let maximumDevices = 16

    package private(set) var moves: [Move]
    /// Where they leave room.
    package let from: DeviceID
    /// With what is moved promised where it goes; what it leaves is still counted.
    package private(set) var pool: Pool

    /// The moves after which a program that asks finds room: of the devices where that is possible, on the one where they are
    /// of the least memory. Nil where none is. O(devices log devices + holders), and for each of at most 16 devices
    /// a copy of the pool.
    package init?(for subject: AllocationSubject, moving others: [AllocationSubject], pool: Pool) {
        let movable = Dictionary(grouping: others.filter(\.isMovable)) { $0.holding?.device }
        let needed = subject.amount.memory
        let places = pool.devices.filter { account in
            account.available && subject.admits(account.device) && account.memory >= needed
                && movable[account.device] != nil
        }
        var best: (relocation: Self, memory: Bytes)?
        for place in places.sorted(by: { $0.freeMemory > $1.freeMemory }).prefix(Self.maximumDevices) {
            let holders = movable[place.device] ?? []
            guard let found = Self(freeing: needed - place.freeMemory, on: place.device, of: holders, pool: pool) else {
                continue
            }
            let memory = found.moves.reduce(Bytes.zero) { $0 + $1.slice.memory }
            if best.map({ memory < $0.memory }) ?? true { best = (found, memory) }
        }
        guard let best else { return nil }
        self = best.relocation
    }

    /// The least first, until they leave `missing`.
    private init?(freeing missing: Bytes, on device: DeviceID, of holders: [AllocationSubject], pool: Pool) {
        moves = []
        from = device
        self.pool = pool
        self.pool.setAvailable(device, false)
        var missing = missing
        let order = holders.sorted { one, other in
            let memory = (one.holding?.slice.memory ?? .zero, other.holding?.slice.memory ?? .zero)
            return memory.0 == memory.1 ? one.instance < other.instance : memory.0 < memory.1
        }
        for holder in order where missing > .zero {
            guard let holding = holder.holding else { continue }
            // Where compute is short its commands may be late; the program that waits has nothing at all.
            let memory = Slice(memory: holding.slice.memory, compute: .zero)
            let whole = Slice(memory: memory.memory, compute: holder.expectedCompute)
            guard let place = self.pool.place(for: whole) ?? self.pool.place(for: memory), holder.admits(place),
                (try? self.pool.adopt(whole, on: place)) != nil
            else { continue }
            moves.append(Move(instance: holder.instance, grant: holding.grant, slice: holding.slice, to: place))
            missing -= holding.slice.memory
        }
        guard missing <= .zero, !moves.isEmpty else { return nil }
        self.pool.setAvailable(device, true)
    }
}

extension AllocationSubject {
    /// Whether what it holds is a reservation that no program uses, and that may be elsewhere. Where a second is kept for the
    /// loss of a GPU server, that one would follow, perhaps to where room was made.
    fileprivate var isMovable: Bool {
        guard let holding else { return false }
        return holding.level == .reserved && holding.settled && staged && priority.backup == .none
            && !order.isReserved
    }
}
