import Determinism
import FleetModel
import Foundation
import Observability
import RemotingCore

/// A user before an instance of the sample, simulated: at work for some seconds before most bursts, and now and then
/// without a burst that follows.
struct SampleUser: Hashable {
    /// When the user is at work, in seconds of the clock: ascending, apart from each other.
    let visits: [Range<Double>]

    /// Equal arrivals and seeds give equal visits.
    init(before arrivals: [Arrival], for duration: Double, seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var visits: [Range<Double>] = []
        func visit(from first: Double, to end: Double) {
            let start = max(first, visits.last.map { $0.upperBound + 0.5 } ?? 0)
            if start < end { visits.append(start..<end) }
        }
        var last = 0.0
        for at in arrivals.map(\.at) + [duration] {
            let lead = 2 + 6 * generator.unit()
            // Half of the longer gaps see a visit that leads to nothing.
            if at - last > 12, generator.unit() < 0.5 {
                let start = last + 3 + (at - last - 12) * generator.unit()
                visit(from: start, to: start + 1 + 4 * generator.unit())
            }
            if at < duration, generator.unit() < 0.85 { visit(from: at - lead, to: at) }
            last = at
        }
        self.visits = visits
    }

    /// For how long the user has done nothing at `time`, seconds; 0 while at work. O(log visits).
    func idleSeconds(at time: Double) -> Double {
        var (low, high) = (0, visits.count)
        while low < high {
            let middle = (low + high) / 2
            if visits[middle].lowerBound <= time { low = middle + 1 } else { high = middle }
        }
        guard low > 0 else { return max(0, time) }
        return max(0, time - visits[low - 1].upperBound)
    }
}

/// Tells the agent twice a second, on a thread of its own, for how long the user of this instance has done nothing.
enum SampleUserReports {
    private static let period = Duration.milliseconds(500)

    /// Begins with `clock`, and ends with the process or when the agent does not take reports.
    static func start(_ user: SampleUser, clock: MonotonicTime) {
        Thread.detachNewThread {
            do throws(CommandFailure) {
                var due = clock
                while true {
                    MonotonicClock.sleep(until: due)
                    let idle = user.idleSeconds(at: (due - clock).inSeconds)
                    // The agent takes one report a connection.
                    var agent = try AgentSocket(path: AgentSocket.path(option: nil))
                    defer { agent.close() }
                    try agent.report(ApplicationReport(userIdleMilliseconds: UInt64(idle * 1_000)))
                    due = due + period
                }
            } catch {
                StandardError.write("presync sample: no more reports of the user: \(error.cause)\n")
            }
        }
    }
}
