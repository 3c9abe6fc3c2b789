import FleetModel

/// The hybrid histogram policy (Shahrad et al., "Serverless in the Wild", USENIX ATC 2020, section 4): per application a
/// histogram of its idle times tells how long after a program nothing need be held (up to the histogram's head), and
/// until when something is (its tail).
///
/// The authors' bins of one minute over four hours are bins of one second over four minutes here, since demand comes and
/// goes in seconds. A histogram that says little (the coefficient of variation of its bins is below 2) falls back to
/// keeping for its whole range; where most idle times lie beyond the range, the next one is predicted from the last
/// ones (by an autoregression of first order, in place of the authors' automatic ARIMA), with 15 % to either side.
struct IdleHistogramPolicy: ReplayedPolicy {
    static let range = 240
    static let head = 0.05
    private static let margin = 0.1
    private static let leastVariation = 2.0
    private static let predictionMargin = 0.15
    private static let rememberedBeyond = 32

    /// The share of the idle times up to which something is held, 0 to 1; the authors' is 0.99.
    let tail: Double

    private struct Record: Sendable {
        var bins = [Int32](repeating: 0, count: IdleHistogramPolicy.range)
        var count = 0
        var beyond = 0
        var recent: [Double] = []
        /// The sum of the squares of the bins.
        var squares = 0.0
        var last: Int?
        var slice = Slice.zero
    }

    private var records: [Record] = []

    init(tail: Double) { self.tail = tail }

    mutating func decide(at second: Int, seen: ArraySlice<DemandTrace.Entry>, in world: inout PolicyWorld) {
        while records.count < world.holdings.count { records.append(Record()) }
        for entry in seen where entry.load.hasDemand { learn(entry, at: second - 1) }
        for instance in records.indices where !world.isRunning(instance) {
            guard let last = records[instance].last else { continue }
            if let held = world.holdings[instance], held.level == .reserved { records[instance].slice = held.slice }
            let idle = second - last
            let window = window(records[instance])
            if window.contains(idle) {
                world.reserve(records[instance].slice, for: instance, at: second)
            } else {
                world.release(instance)
            }
        }
    }

    private mutating func learn(_ entry: DemandTrace.Entry, at second: Int) {
        let index = entry.instance
        defer { records[index].last = second }
        guard let last = records[index].last, second - last > Int(PolicyWorld.idleSeconds) else { return }
        let idle = second - last
        records[index].count += 1
        records[index].recent.append(Double(idle))
        if records[index].recent.count > Self.rememberedBeyond { records[index].recent.removeFirst() }
        guard idle < Self.range else {
            records[index].beyond += 1
            return
        }
        records[index].squares += Double(2 * records[index].bins[idle] + 1)
        records[index].bins[idle] += 1
    }

    /// For which idle times, in seconds, the application is held ready.
    private func window(_ record: Record) -> ClosedRange<Int> {
        let within = record.count - record.beyond
        if record.beyond * 2 > record.count { return predicted(record) }
        let mean = Double(within) / Double(Self.range)
        let variance = record.squares / Double(Self.range) - mean * mean
        guard within > 0, variance >= Self.leastVariation * Self.leastVariation * mean * mean else {
            return 0...Self.range
        }
        let head = Int(Double(percentile(record, Self.head)) * (1 - Self.margin))
        let end = Int((Double(percentile(record, tail) + 1) * (1 + Self.margin)).rounded(.up))
        return head...max(head, end)
    }

    private func percentile(_ record: Record, _ share: Double) -> Int {
        let wanted = share * Double(record.count - record.beyond)
        var sum = 0.0
        for (bin, count) in record.bins.enumerated() {
            sum += Double(count)
            if sum >= wanted, sum > 0 { return bin }
        }
        return Self.range
    }

    /// About the next idle time, as the last ones predict it.
    private func predicted(_ record: Record) -> ClosedRange<Int> {
        let times = record.recent
        guard let last = times.last else { return 0...Self.range }
        let mean = times.reduce(0, +) / Double(times.count)
        var covariance = 0.0
        var variance = 0.0
        for (one, next) in zip(times, times.dropFirst()) {
            covariance += (one - mean) * (next - mean)
            variance += (one - mean) * (one - mean)
        }
        let slope = variance > 0 ? min(max(covariance / variance, -1), 1) : 0
        let expected = max(mean + slope * (last - mean), 1)
        let from = Int(expected * (1 - Self.predictionMargin))
        return from...max(from, Int((expected * (1 + Self.predictionMargin)).rounded(.up)))
    }
}
