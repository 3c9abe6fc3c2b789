import FleetModel

/// Which devices of a server a request takes, and which part of a partitioned one.
package struct DevicePlace: Hashable, Sendable {
    /// A bit for each device.
    package private(set) var mask: UInt16 = 0
    /// The footprint of a hardware partition; 0 for shares and whole devices.
    package var partition: UInt32 = 0

    /// No device: the request runs on the host alone.
    package static let host = DevicePlace()

    private init() {}

    package init(device: Int, partition: UInt32 = 0) {
        mask = 1 << UInt16(device)
        self.partition = partition
    }

    init(mask: UInt16) { self.mask = mask }

    /// Ascending.
    package var devices: [Int] { (0..<DeviceLanes.maximum).filter { mask >> UInt16($0) & 1 == 1 } }

    /// The first device; 0 where there is none.
    package var firstDevice: Int { mask == 0 ? 0 : mask.trailingZeroBitCount }
}

extension ServerState {
    /// Whether what does not depend on the choice of device suffices: the server takes something new, has the
    /// processors and memory, and its model will do.
    func admits(_ shape: RequestShape, _ kind: ServerKind) -> Bool {
        guard acceptsNew, freeCPU >= shape.cpuMilli, freeMemory >= shape.memory else { return false }
        return shape.models.isEmpty || shape.models.contains(kind.model)
    }

    /// The first whole devices, as many as asked for; nil where there are fewer.
    func wholeDevices(_ count: Int) -> DevicePlace? {
        var mask: UInt16 = 0
        var missing = count
        for device in 0..<deviceCount where missing > 0 && isWhole(device) {
            mask |= 1 << UInt16(device)
            missing -= 1
        }
        return missing == 0 ? DevicePlace(mask: mask) : nil
    }

    /// The device with the smallest gap on which the share fits, the first of equals: best fit within a server.
    func tightestDevice(share: Int, memory: Int) -> Int? {
        var best: Int?
        for device in 0..<deviceCount where fits(share: share, memory: memory, on: device) {
            if best.map({ gaps[device] < gaps[$0] }) ?? true { best = device }
        }
        return best
    }

    /// Where a partition goes: the device and start that take the fewest other choices away, the first of equals.
    /// `loss` is what ``PartitionGeometry/openness(of:)`` falls by.
    func partitionPlace(_ profileName: String, _ geometry: PartitionGeometry?) -> (place: DevicePlace, loss: Int)? {
        guard let geometry, let profile = geometry.profile(named: profileName) else { return nil }
        var best: (place: DevicePlace, loss: Int)?
        for device in 0..<deviceCount {
            let occupied = partitions[device]
            guard let (start, openness) = geometry.bestStart(for: profile, occupied: occupied) else { continue }
            let loss = geometry.openness(of: occupied) - openness
            if best.map({ loss < $0.loss }) ?? true {
                best = (DevicePlace(device: device, partition: profile.footprint(at: start)), loss)
            }
        }
        return best
    }

    /// The plainest place: best fit for a share, the first whole devices, the start that leaves most open for a
    /// partition. What most reference policies take within a server.
    func plainPlace(for shape: RequestShape, _ kind: ServerKind) -> DevicePlace? {
        guard admits(shape, kind) else { return nil }
        switch shape.devices {
        case .none: return .host
        case .share(let share, let memory):
            return tightestDevice(share: Int(share.rawValue), memory: memory).map { DevicePlace(device: $0) }
        case .whole(let count): return wholeDevices(count)
        case .partition(let name): return partitionPlace(name, kind.geometry)?.place
        }
    }
}
