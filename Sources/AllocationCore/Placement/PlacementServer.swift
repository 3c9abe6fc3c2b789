package import FleetModel

/// Up to 16 devices of one server side by side: a lane for each.
package enum DeviceLanes {
    package static let maximum = 16
}

/// What servers have in common that are equal to a request: the model of their devices and its size. All devices of a
/// server are of one kind.
package struct ServerKind: Hashable, Sendable {
    /// Empty where the server has no devices.
    package var model: String
    /// MiB of each device; 0 where unknown, then memory is not counted.
    package var deviceMemory: Int
    /// How the devices are partitioned in hardware; nil where they are shared by time.
    package var geometry: PartitionGeometry?

    package init(model: String, deviceMemory: Int = 0, geometry: PartitionGeometry? = nil) {
        precondition(deviceMemory >= 0)
        self.model = model
        self.deviceMemory = deviceMemory
        self.geometry = geometry
    }
}

/// One GPU server as it joins.
package struct PlacementServer: Hashable, Sendable {
    package var id: GPUServerID
    package var kind: ServerKind
    /// Thousandths of a core.
    package var cpuMilli: Int
    /// MiB.
    package var memory: Int
    /// 0 to 16.
    package var devices: Int
    package var domain: FailureDomain?

    package init(
        id: GPUServerID, kind: ServerKind, cpuMilli: Int, memory: Int, devices: Int, domain: FailureDomain? = nil
    ) {
        precondition(cpuMilli >= 0 && memory >= 0 && (0...DeviceLanes.maximum).contains(devices))
        self.id = id
        self.kind = kind
        self.cpuMilli = cpuMilli
        self.memory = memory
        self.devices = devices
        self.domain = domain
    }
}

/// What a server has free. A value without references, small enough to be copied and tried on.
package struct ServerState: Sendable {
    /// Index into the fleet's kinds.
    package let kind: Int
    package let deviceCount: Int
    /// MiB of each device; 0 where unknown.
    let deviceMemory: Int
    /// Thousandths of a core.
    package internal(set) var freeCPU: Int
    let cpuCapacity: Int
    /// MiB.
    package internal(set) var freeMemory: Int
    /// Of each device: the smaller of free compute and free memory, in thousandths of the device. Lanes without a
    /// device are 0, and so are devices that are partitioned.
    package private(set) var gaps = SIMD16<Int16>(repeating: 0)
    /// The sum of ``gaps``.
    package private(set) var totalGap = 0
    private var freeCompute = SIMD16<Int16>(repeating: 0)
    private var freeDeviceMemory = SIMD16<Int32>(repeating: 0)
    /// The partitions of each device, where its kind has a geometry.
    var partitions = SIMD16<UInt32>(repeating: 0)
    /// How many requests are here, by ``RequestShape/cluster``.
    var hosted = SIMD16<Int16>(repeating: 0)
    /// False while the server is drained for maintenance or away: what is there stays, nothing new comes.
    package internal(set) var acceptsNew = true

    init(_ server: PlacementServer, kind: Int) {
        self.kind = kind
        deviceCount = server.devices
        deviceMemory = server.kind.deviceMemory
        freeCPU = server.cpuMilli
        cpuCapacity = server.cpuMilli
        freeMemory = server.memory
        guard server.kind.geometry == nil else { return }
        for device in 0..<server.devices {
            freeCompute[device] = 1_000
            freeDeviceMemory[device] = Int32(clamping: server.kind.deviceMemory)
            gaps[device] = 1_000
        }
        totalGap = 1_000 * server.devices
    }

    /// Whether nothing of device `device` is taken.
    func isWhole(_ device: Int) -> Bool { gaps[device] == 1_000 }

    /// Whether a share fits on one device.
    func fits(share: Int, memory: Int, on device: Int) -> Bool {
        device < deviceCount && Int(freeCompute[device]) >= share
            && (deviceMemory == 0 || Int(freeDeviceMemory[device]) >= memory)
    }

    /// How many devices have at least `gap` thousandths free.
    func devices(withGap gap: Int16) -> Int {
        (0..<deviceCount).reduce(0) { $0 + (gaps[$1] >= gap ? 1 : 0) }
    }

    /// Takes (`sign` 1) or gives back (`sign` -1) what a placed request has.
    mutating func change(_ shape: RequestShape, _ place: DevicePlace, sign: Int) {
        freeCPU -= sign * shape.cpuMilli
        freeMemory -= sign * shape.memory
        if let lane = shape.cluster { hosted[lane] += Int16(sign) }
        switch shape.devices {
        case .none: break
        case .share(let share, let memory):
            changeDevice(place.firstDevice, share: sign * Int(share.rawValue), memory: sign * memory)
        case .whole:
            for device in place.devices { changeDevice(device, share: sign * 1_000, memory: sign * deviceMemory) }
        case .partition:
            partitions[place.firstDevice] =
                sign > 0
                ? place.partition | partitions[place.firstDevice]
                : partitions[place.firstDevice] & ~place.partition
        }
    }

    private mutating func changeDevice(_ device: Int, share: Int, memory: Int) {
        freeCompute[device] -= Int16(share)
        let before = Int(gaps[device])
        var gap = Int(freeCompute[device])
        if deviceMemory > 0 {
            freeDeviceMemory[device] -= Int32(memory)
            gap = min(gap, Int(freeDeviceMemory[device]) * 1_000 / deviceMemory)
        }
        gaps[device] = Int16(gap)
        totalGap += gap - before
    }
}

extension RequestShape {
    /// Which requests are like each other to the clustering policy: shares, or whole devices by their number. Nil
    /// without a device.
    var cluster: Int? {
        switch devices {
        case .none, .partition: nil
        case .share: 0
        case .whole(let count): min(count, DeviceLanes.maximum - 1)
        }
    }
}
