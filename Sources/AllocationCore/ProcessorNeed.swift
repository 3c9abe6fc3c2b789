package import FleetModel

/// What commands on a GPU server's devices take of its host's processors, and how much of the devices' compute these can keep up
/// with.
///
/// Each command goes through a worker: it is received, checked, handed to the driver and awaited. How much that takes is the
/// programs' doing (many small commands, or few large ones) and the driver's, so that it is measured: processor time for device
/// time. Of what was seen ``memory`` seconds ago a third counts, so that little remains of what nobody does any longer.
package struct ProcessorNeed: Hashable, Sendable {
    static let memory = 180.0
    /// So many device-seconds must be known before anything is concluded.
    static let least = 10.0
    /// Compute is not limited below this: where so little is left, it is something other than commands that takes the processors.
    static let leastShare = 50.0
    /// No device keeps more processors busy; what is beyond counts as this.
    static let mostPerDevice = 256.0

    /// In seconds, as of ``knownAt``.
    private var devices = 0.0
    private var processors = 0.0
    private var knownAt: MonotonicTime?

    package init() {}

    /// Takes in what commands took that have ended since the last time, which may be nothing. Times below 0 count as 0.
    package mutating func observe(_ time: CommandTime, at now: MonotonicTime) {
        // The rational form of an exponential's step, as IdlePrice.
        let kept = Self.memory / (Self.memory + max(knownAt.map { (now - $0).inSeconds } ?? 0, 0))
        let busy = max(time.busy.inSeconds, 0)
        devices = devices * kept + busy
        processors = processors * kept + min(max(time.processors.inSeconds, 0), busy * Self.mostPerDevice)
        knownAt = now
    }

    /// Processors that are busy for a device that is; nil while too little is known.
    package var perDevice: Double? { devices >= Self.least ? processors / devices : nil }

    /// How much of each of `count` devices may be promised, so that all of them together need no more than `available` processors:
    /// 50 to 1000 thousandths.
    package func promisable(of count: Int, with available: Double) -> MilliShare {
        guard let perDevice, perDevice > 0, count > 0, available > 0 else { return .wholeDevice }
        let share = available / (perDevice * Double(count)) * 1_000
        return MilliShare(Int32(min(max(share.rounded(), Self.leastShare), 1_000)))
    }
}
