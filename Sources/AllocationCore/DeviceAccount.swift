package import FleetModel

/// One device of the pool: what it has, and what of it is promised.
package struct DeviceAccount: Equatable, Sendable {
    package let device: DeviceID
    /// The device's memory: the sum of all promises never exceeds it.
    package internal(set) var memory: Bytes
    /// The compute that may be promised: what there is of the device's for slices, times the pool's overcommit.
    package internal(set) var compute: MilliShare
    /// The same of the whole device.
    var wholeCompute: MilliShare
    /// What is promised: reserved and attached slices, and those that are being released.
    package internal(set) var reserved = Slice.zero
    /// Sessions that hold a worker and a context, and no memory.
    package internal(set) var warmSessions = 0
    /// How many of these it may carry.
    package internal(set) var maximumWarm: Int
    /// Whether something new may be placed here.
    package internal(set) var available = true
    /// Grows with each device added: decides between equals.
    let order: UInt64

    init(device: DeviceID, memory: Bytes, compute: MilliShare, maximumWarm: Int, order: UInt64) {
        self.maximumWarm = maximumWarm
        self.device = device
        self.memory = memory
        self.compute = compute
        wholeCompute = compute
        self.order = order
    }

    /// How many warm sessions more it may carry; below 0 where it carries more than it may by now.
    var warmRoom: Int { maximumWarm - warmSessions }

    /// What is promised of its compute, as the pool counts it: what there is no room for any more on a device of which less than all
    /// can be promised fills no other.
    var countedCompute: MilliShare { compute < wholeCompute ? min(reserved.compute, compute) : reserved.compute }

    package var freeMemory: Bytes { memory - reserved.memory }

    /// Below 0 where grants were adopted that would not be promised today.
    package var freeCompute: MilliShare { compute - reserved.compute }
}

/// Why a promise cannot be made.
package enum PoolError: Error, Hashable, Sendable {
    case unknownDevice
    case notAvailable
    case memory(shortBy: Bytes)
    case compute(shortBy: MilliShare)
    case warmLimit
}
