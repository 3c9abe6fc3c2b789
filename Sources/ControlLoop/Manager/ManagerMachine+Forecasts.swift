package import FleetModel
import ForecastCore
import TelemetryCore

/// One instance's forecast, for someone who looks at it.
extension ManagerMachine {
    /// What is expected of an instance, what it did of late, and what had been said of that, as far as someone has
    /// been looking; nil where the instance is not known. What is said from now on is kept for those who look again.
    package mutating func forecast(of instance: InstanceID, at now: MonotonicTime) -> InstanceForecast? {
        guard let overview = overview(of: instance, at: now, true), let record = record(of: instance) else {
            return nil
        }
        watched.look(at: instance, now: now)
        return InstanceForecast(
            at: now, instance: overview, course: forecaster.course(record.slot), past: watched.past(of: instance),
            accuracy: forecaster.accuracy)
    }

    /// Keeps what the step has said of the instances that someone looks at. O(watched instances)
    mutating func keepWatched(_ now: MonotonicTime) {
        watched.expire(now)
        for instance in watched.instances {
            guard let record = record(of: instance), let forecast = forecasts[record.slot],
                let latest = record.intake.latest
            else { continue }
            watched.keep(forecast, madeIn: latest.second, of: instance)
        }
    }
}

/// What was said of instances that someone looks at, to be shown beside what then came: at most ``instanceLimit``
/// instances, and ``PastForecast/greatestCount`` seconds of each. Empty, and without cost, while nobody looks.
struct WatchedForecasts: Sendable {
    static let instanceLimit = 64
    /// How long after the last look.
    static let patience = Duration.seconds(120)

    private struct Entry {
        var lookedAt: MonotonicTime
        /// Ascending by second.
        var past: [PastForecast] = []
    }

    private var entries: [InstanceID: Entry] = [:]

    /// In no particular order.
    var instances: some Collection<InstanceID> { entries.keys }

    /// Oldest first.
    func past(of instance: InstanceID) -> [PastForecast] { entries[instance]?.past ?? [] }

    /// Someone looks at an instance. Where that would be one too many, the one looked at longest ago gives way.
    mutating func look(at instance: InstanceID, now: MonotonicTime) {
        if entries[instance] == nil, entries.count >= Self.instanceLimit {
            let oldest = entries.min { ($0.value.lookedAt, $0.key) < ($1.value.lookedAt, $1.key) }
            if let oldest { entries[oldest.key] = nil }
        }
        entries[instance, default: Entry(lookedAt: now)].lookedAt = now
    }

    mutating func expire(_ now: MonotonicTime) {
        entries = entries.filter { now - $0.value.lookedAt <= Self.patience }
    }

    mutating func forget(_ instance: InstanceID) { entries[instance] = nil }

    /// Keeps what was said in `second`, the last that was observed; what is said again of the same second counts.
    mutating func keep(_ forecast: DemandForecast, madeIn second: Int64, of instance: InstanceID) {
        let about = second + Int64(forecast.horizons[.short])
        // As far back as there is a course to compare with, and as far as there is something to come.
        let oldest = second - Int64(DemandCourse.length)
        entries[instance]?.past.removeAll { $0.second >= about || $0.second <= oldest }
        entries[instance]?.past.append(
            PastForecast(
                second: about, memory: forecast.curve(.memory, .point, .short),
                compute: forecast.curve(.compute, .point, .short)))
    }
}
