import FleetModel

/// What a run of `presync up` under one policy came to.
struct PolicySummary: Hashable, Encodable {
    /// How much of the forecasts' outcomes lay within the two-sided intervals; nil before any was scored.
    struct Coverage: Hashable, Encodable {
        var two80: Double?
        var two95: Double?

        private enum Key: CodingKey { case two80, two95 }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Key.self)
            try container.encode(two80, forKey: .two80)
            try container.encode(two95, forKey: .two95)
        }
    }

    var policy: String
    /// Bursts that began, failed ones included.
    var starts: Int
    /// Of these, how many came after the instance had been idle for longer than the grace period.
    var startsAfterIdle: Int
    /// Of the starts after an idle gap, how many found the GPU reserved before they asked.
    var readyBeforeRequest: Int
    var timeToFirstCommandMs: ReadinessSplit
    var timeToFirstKernelMs: ReadinessSplit
    /// Sums over instances, of the manager.
    var reservedSeconds: Double
    var reservedIdleSeconds: Double
    var usedSeconds: Double
    var contention: UInt64
    /// Starts that failed, and checks that found a wrong result.
    var errors: Int
    var coverage: Coverage
    /// How long the clock ran. Not part of the JSON object.
    var measuredSeconds: Double

    private enum CodingKeys: CodingKey {
        case policy, starts, startsAfterIdle, readyBeforeRequest, timeToFirstCommandMs, timeToFirstKernelMs
        case reservedSeconds, reservedIdleSeconds, usedSeconds, contention, errors, coverage
    }

    /// - Parameters:
    ///   - records: of the measured phase; others are left out.
    ///   - idleThreshold: seconds; a start after a longer gap counts as one after idle, and so does a first one.
    ///   - totals: what the manager counted between the start of the clock and the end.
    init(
        policy: String, records: [BurstRecord], idleThreshold: Double, totals: FleetTotals, accuracy: AccuracyOverview,
        measuredSeconds: Double
    ) {
        let measured = records.filter { $0.phase == .measured }
        let afterIdle = measured.filter { ($0.idleGapSeconds ?? .infinity) > idleThreshold }
        self.policy = policy
        starts = measured.count
        startsAfterIdle = afterIdle.count
        readyBeforeRequest = afterIdle.count { $0.wasReady }
        timeToFirstCommandMs = ReadinessSplit(measured, \.firstCommandMilliseconds)
        timeToFirstKernelMs = ReadinessSplit(measured, \.firstKernelMilliseconds)
        reservedSeconds = totals.reservedSeconds
        reservedIdleSeconds = totals.reservedIdleSeconds
        usedSeconds = totals.usedSeconds
        contention = totals.contention
        errors = measured.count { !$0.succeeded }
        coverage = Coverage(two80: accuracy.coverage80, two95: accuracy.coverage95)
        self.measuredSeconds = measuredSeconds
    }
}

extension FleetTotals {
    /// What was counted since `earlier`.
    func since(_ earlier: FleetTotals) -> FleetTotals {
        func difference(_ path: KeyPath<FleetTotals, UInt64>) -> UInt64 {
            let (now, before) = (self[keyPath: path], earlier[keyPath: path])
            return now >= before ? now - before : 0
        }
        var result = FleetTotals()
        result.requests = difference(\.requests)
        result.requestsFoundReserved = difference(\.requestsFoundReserved)
        result.requestsFoundWarm = difference(\.requestsFoundWarm)
        result.requestsRefused = difference(\.requestsRefused)
        result.reservedSeconds = max(0, reservedSeconds - earlier.reservedSeconds)
        result.reservedIdleSeconds = max(0, reservedIdleSeconds - earlier.reservedIdleSeconds)
        result.usedSeconds = max(0, usedSeconds - earlier.usedSeconds)
        result.contention = difference(\.contention)
        result.reclaimed = difference(\.reclaimed)
        result.grants = difference(\.grants)
        return result
    }
}
