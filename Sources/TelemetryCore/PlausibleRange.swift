import FleetModel

/// What a value of telemetry can be at most; beyond it, or below 0, it is an error of the sender.
enum PlausibleRange {
    /// 10,000 cores.
    static let cpuMilli = 0.0...1e7
    /// 1 PiB.
    static let hostMemory = 0.0...0x1p50
    /// 1 TB/s.
    static let networkRate = 0.0...1e12
    /// 256 TiB.
    static let gpuMemory = 0.0...0x1p48
    /// 64 devices.
    static let gpuCompute = 0.0...64_000
    static let workInFlight = 0.0...1e9
    /// A year.
    static let userIdleSeconds = 0.0...31_622_400
}

/// The values of one sample or more that fall into one second.
struct SecondOfSamples: Sendable {
    let second: Int64
    /// The end of the latest sample's period, on the sender's clock.
    private(set) var at: MonotonicTime
    private var count = 0.0
    private(set) var cpuMilli: Double?
    private(set) var hostMemory: Double?
    private(set) var networkIn: Double?
    private(set) var networkOut: Double?
    private(set) var workInFlight: Double?
    private(set) var userIdleSeconds: Double?
    private(set) var gpuMemory: Double?
    private(set) var gpuCompute: Double?

    init(second: Int64, at: MonotonicTime) {
        self.second = second
        self.at = at
    }

    /// Adds a sample: rates become the mean, amounts the greatest, idleness the
    /// least. Returns how many values were implausible.
    mutating func add(_ sample: TelemetrySample) -> Int {
        at = max(at, sample.at)
        count += 1
        var dropped = 0
        func plausible(_ value: Double?, _ range: ClosedRange<Double>) -> Double? {
            guard let value else { return nil }
            if range.contains(value) { return value }
            dropped += 1
            return nil
        }
        cpuMilli = mean(cpuMilli, plausible(sample.cpuMilli, PlausibleRange.cpuMilli))
        networkIn = mean(networkIn, plausible(sample.networkInRate, PlausibleRange.networkRate))
        networkOut = mean(networkOut, plausible(sample.networkOutRate, PlausibleRange.networkRate))
        gpuCompute = mean(
            gpuCompute, plausible(sample.gpuCompute.map { Double($0.rawValue) }, PlausibleRange.gpuCompute))
        hostMemory = greatest(
            hostMemory, plausible(sample.memory.map { Double($0.rawValue) }, PlausibleRange.hostMemory))
        gpuMemory = greatest(
            gpuMemory, plausible(sample.gpuMemory.map { Double($0.rawValue) }, PlausibleRange.gpuMemory))
        workInFlight = greatest(workInFlight, plausible(sample.workInFlight, PlausibleRange.workInFlight))
        userIdleSeconds = least(
            userIdleSeconds, plausible(sample.userIdle?.inSeconds, PlausibleRange.userIdleSeconds))
        return dropped
    }

    private func mean(_ old: Double?, _ new: Double?) -> Double? {
        guard let old, let new else { return new ?? old }
        return old + (new - old) / count
    }

    private func greatest(_ old: Double?, _ new: Double?) -> Double? {
        guard let old, let new else { return new ?? old }
        return max(old, new)
    }

    private func least(_ old: Double?, _ new: Double?) -> Double? {
        guard let old, let new else { return new ?? old }
        return min(old, new)
    }
}
