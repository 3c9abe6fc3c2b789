import FleetModel
import Observability

/// When this daemon was started, on both clocks: one for how long it runs, one for people.
struct DaemonStart: Sendable {
    let at = MonotonicClock.now()
    let unixMilliseconds = WallClock.unixMilliseconds()

    /// The overview with what a machine does not know.
    func completing(_ overview: FleetOverview) -> FleetOverview {
        var complete = overview
        complete.uptime = MonotonicClock.now() - at
        complete.startedAtUnixMs = unixMilliseconds
        return complete
    }
}
