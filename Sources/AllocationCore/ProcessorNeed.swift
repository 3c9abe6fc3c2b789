package import FleetModel

/// What the sessions on a GPU server's devices take of its host's processors, and how much of the devices' compute these can
/// keep up with.
///
/// Each command goes through a worker: it is received, checked, handed to the driver and awaited. How much that takes is the
/// programs' doing (many small commands, or few large ones) and the driver's, so that it is measured: processors kept busy
/// for each device kept busy, of the last ``memory`` device-seconds.
package struct ProcessorNeed: Hashable, Sendable {
    /// So many device-seconds are remembered; those before fade.
    static let memory = 120.0
    /// So many must have been seen before anything is concluded.
    static let least = 10.0
    /// Compute is not limited below this: where so little is left, it is something other than commands that takes the processors.
    static let leastShare = 50.0

    private var devices = 0.0
    private var processors = 0.0

    package init() {}

    /// Takes in a second of the sessions that are in use: `compute` thousandths of one device or several, for which `processors`
    /// were busy. What is below 0 or not a number is left out.
    package mutating func observe(compute: MilliShare, processors: Double) {
        guard compute > .zero, processors.isFinite, processors >= 0 else { return }
        let used = Double(compute.rawValue) / 1_000
        let kept = max(1 - used / Self.memory, 0)
        devices = devices * kept + used
        self.processors = self.processors * kept + processors
    }

    /// Processors that are busy for a device that is; nil before enough was seen.
    package var perDevice: Double? { devices >= Self.least ? processors / devices : nil }

    /// How much of each of `count` devices may be promised, so that all of them together need no more than `available` processors:
    /// 50 to 1000 thousandths.
    package func promisable(of count: Int, with available: Double) -> MilliShare {
        guard let perDevice, perDevice > 0, count > 0, available > 0 else { return .wholeDevice }
        let share = available / (perDevice * Double(count)) * 1_000
        return MilliShare(Int32(min(max(share, Self.leastShare), 1_000)))
    }
}
