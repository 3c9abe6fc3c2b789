package import FleetModel
import Foundation

/// The clock that daemons hand to their machines: it never goes back, and counts while the host is suspended.
package enum MonotonicClock {
    /// The time since the host was started. Costs tens of nanoseconds.
    package static func now() -> MonotonicTime {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return MonotonicTime(rawValue: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }
}

/// The wall clock, for what people read. No decision rests on it.
package enum WallClock {
    /// Milliseconds since 1970 UTC.
    package static func unixMilliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// A moment as RFC 3339 writes it, in UTC with milliseconds: `2026-11-22T16:20:13.042Z`.
    package static func text(unixMilliseconds: Int64) -> String {
        var seconds = time_t(unixMilliseconds / 1_000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func digits(_ value: some BinaryInteger, _ width: Int) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
        let date = "\(digits(parts.tm_year + 1_900, 4))-\(digits(parts.tm_mon + 1, 2))-\(digits(parts.tm_mday, 2))"
        let time = "\(digits(parts.tm_hour, 2)):\(digits(parts.tm_min, 2)):\(digits(parts.tm_sec, 2))"
        return "\(date)T\(time).\(digits(unixMilliseconds % 1_000, 3))Z"
    }
}
