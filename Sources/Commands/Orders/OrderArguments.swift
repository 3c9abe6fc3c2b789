import ArgumentParser
import FleetModel
import Observability

/// From when until when an order holds.
struct OrderTimes: ParsableArguments {
    @Option(help: "Its beginning: a time such as 2026-11-26T22:00Z, +10m from now, or now.")
    var from = "now"

    @Option(help: "Its end: a time, or +2h from now. Without one it holds until it is taken back.")
    var until: String?

    @Option(
        name: .customLong("for"), help: "How long it holds, in place of --until.", transform: DurationArgument.parse)
    var length: DurationArgument?

    static var now: WallTime { WallTime(rawValue: WallClock.unixMilliseconds()) }

    func span() throws(OrderError) -> (from: WallTime, until: WallTime?) {
        let now = Self.now
        let from = try Self.moment(from, "--from", now)
        guard let until else { return (from, length.map { from + $0.duration }) }
        guard length == nil else { throw OrderError("give --until or --for, not both") }
        return (from, try Self.moment(until, "--until", now))
    }

    /// Whole seconds, as they are shown.
    private static func moment(_ text: String, _ option: String, _ now: WallTime) throws(OrderError) -> WallTime {
        if text == "now" { return WallTime(rawValue: now.rawValue / 1_000 * 1_000) }
        if text.hasPrefix("+"), let ahead = Duration(text: String(text.dropFirst())) {
            return WallTime(rawValue: (now + ahead).rawValue / 1_000 * 1_000)
        }
        guard let time = WallTime(text) else {
            throw OrderError("\(option): '\(text)' is no time such as 2026-11-26T22:00Z, +10m or now")
        }
        return time
    }
}

enum OrderArgument {
    /// `gpu-1`, or `gpu-1#0`.
    static func place(_ text: String) throws -> PinnedPlace {
        let parts = text.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
        guard let name = parts.first, let server = GPUServerID(rawValue: String(name)) else {
            throw ValidationError("'\(text)' is no GPU server and no device")
        }
        guard parts.count == 2 else { return .server(server) }
        guard let index = Int(parts[1]), (0...1_023).contains(index) else {
            throw ValidationError("'\(text)' is no device: after # stands its number, from 0")
        }
        return .device(DeviceID(server: server, index: index))
    }
}
