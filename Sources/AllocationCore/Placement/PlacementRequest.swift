package import FleetModel

/// What one request takes of a server's devices.
package enum DeviceDemand: Hashable, Sendable {
    /// Nothing: it runs on the host's processors alone.
    case none
    /// A share of one device's compute (1 to 1,000 thousandths), and device memory in MiB (0: not counted).
    case share(MilliShare, memory: Int)
    /// So many whole devices, 1 to 16, with all their memory.
    case whole(Int)
    /// One hardware partition by the name of its profile, such as `2g.20gb`.
    case partition(String)
}

/// What a request needs of whichever server takes it. Requests that are equal here are placed alike, which is what the
/// scores of a ``ServerFleet`` are kept for.
package struct RequestShape: Hashable, Sendable {
    /// Of the server's processors, in thousandths of a core; 0 or more.
    package var cpuMilli: Int
    /// Of the server's memory, in MiB; 0 or more.
    package var memory: Int
    package var devices: DeviceDemand
    /// Device models that will do; empty where all do. Meant for requests that need a device.
    package var models: Set<String>

    package init(cpuMilli: Int, memory: Int = 0, devices: DeviceDemand, models: Set<String> = []) {
        precondition(cpuMilli >= 0 && memory >= 0, "a request for less than nothing")
        switch devices {
        case .none, .partition: break
        case .share(let share, let memory):
            precondition((1...1_000).contains(share.rawValue) && memory >= 0, "a share is 1 to 1,000 thousandths")
        case .whole(let count):
            precondition((1...DeviceLanes.maximum).contains(count), "1 to \(DeviceLanes.maximum) whole devices")
        }
        self.cpuMilli = cpuMilli
        self.memory = memory
        self.devices = devices
        self.models = models
    }

    /// The compute asked for over all devices, in thousandths of one device; partitions count as 0.
    package var totalShare: Int {
        switch devices {
        case .none, .partition: 0
        case .share(let share, _): Int(share.rawValue)
        case .whole(let count): count * 1_000
        }
    }

    /// What a share comes to on a device of `deviceMemory` MiB (0 where unknown), in thousandths: the larger of its
    /// share of compute and its share of memory, rounded up. Nil for anything but a share.
    func dominantShare(deviceMemory: Int) -> Int? {
        guard case .share(let share, let memory) = devices else { return nil }
        guard deviceMemory > 0 else { return Int(share.rawValue) }
        return max(Int(share.rawValue), (memory * 1_000 + deviceMemory - 1) / deviceMemory)
    }
}

/// One request, and what is special about it.
package struct PlacementRequest: Hashable, Sendable {
    package var shape: RequestShape
    /// Where it must not go: a backup keeps out of the failure domain of what it backs up.
    package var excludedDomains: Set<FailureDomain>
    /// What a server is worth beyond its fit, because the interface version is staged there or a warm worker waits:
    /// in millionths of a device, 0 or more. See ``Affinity``.
    package var affinity: [GPUServerID: Int]

    package init(
        _ shape: RequestShape, excludedDomains: Set<FailureDomain> = [], affinity: [GPUServerID: Int] = [:]
    ) {
        self.shape = shape
        self.excludedDomains = excludedDomains
        self.affinity = affinity
    }
}

/// What it is worth, in millionths of a device, to place a request where something is prepared for it. One device that
/// is left with a gap of a fifth that nothing fills is 200,000.
package enum Affinity {
    /// The shared interface version lies there: no transfer.
    package static let staged = 20_000
    /// A worker with an open device context waits there.
    package static let warm = 100_000
}
