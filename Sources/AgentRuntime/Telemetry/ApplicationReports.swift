import FleetModel
import RemotingCore

/// The newest that applications said of their instances, until it is too old to be true. Bounded by the instances.
struct ApplicationReports {
    private struct Entry {
        var report: ApplicationReport
        var at: MonotonicTime
    }

    /// A report counts for so long after it came.
    static let lifetime: Duration = .seconds(10)

    private var entries: [InstanceID: Entry] = [:]

    /// Takes a report in; what it leaves out is not known from then on.
    mutating func take(_ report: ApplicationReport, of instance: InstanceID, now: MonotonicTime) {
        entries[instance] = Entry(report: report, at: now)
    }

    mutating func remove(_ instance: InstanceID) { entries[instance] = nil }

    /// Adds what is known to the samples of a period, and forgets what is too old.
    mutating func complete(_ telemetry: inout [InstanceTelemetry], now: MonotonicTime) {
        entries = entries.filter { now - $0.value.at <= Self.lifetime }
        for index in telemetry.indices {
            guard let entry = entries[telemetry[index].instance], var sample = telemetry[index].samples.popLast()
            else { continue }
            if let count = entry.report.workInFlight { sample.workInFlight = Double(count) }
            if let idle = entry.report.userIdleMilliseconds {
                // Nothing was heard of the user since; terminals may know of something later.
                let reported = Duration.milliseconds(Int64(clamping: min(idle, Self.longestIdle))) + (now - entry.at)
                sample.userIdle = min(sample.userIdle ?? reported, reported)
            }
            telemetry[index].samples.append(sample)
        }
    }

    /// A year, in milliseconds: more says no more.
    private static let longestIdle: UInt64 = 31_622_400_000
}
