import FleetModel

/// CPU and memory of an instance at one moment, as counters.
struct UsageReading: Hashable, Sendable {
    /// Changes when the instance has started anew and its counters begin again.
    var incarnation: UInt64
    /// CPU time used, in nanoseconds; grows within one incarnation.
    var cpuNanoseconds: UInt64?
    var memory: Bytes?
}

/// Where one instance's CPU and memory are read. Called once a period, from one thread.
protocol UsageReader {
    var source: TelemetrySource { get }
    /// The present counters; nil while there is nothing to measure.
    mutating func read() -> UsageReading?
    /// The processes that belong to the instance, for finding its sockets; nil for all of the host's.
    mutating func processes() -> [Int32]?
    /// The names of the instance's living processes, the oldest first, at most `count`; none of a whole host.
    mutating func programs(atMost count: Int) -> [ProgramName]
}
