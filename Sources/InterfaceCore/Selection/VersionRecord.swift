package import FleetModel

/// What was measured of one version on one kind of device.
package struct VersionRecord: Hashable, Sendable {
    /// Sessions that were opened, and those that could not be, or whose worker failed.
    package private(set) var opened: UInt64 = 0
    package private(set) var failed: UInt64 = 0
    /// The mean over about the last ``memory`` sessions, from the decision to the open session; nil before the first.
    package private(set) var timeToOpen: Duration?
    /// Small commands a second, as the last self-test measured it; nil before the first.
    package private(set) var commandRate: Double?

    /// How many sessions a mean remembers.
    package static let memory = 64
    /// Sessions after which a version is no longer an unknown one.
    package static let enough: UInt64 = 20

    package init() {}

    package mutating func sessionOpened(in time: Duration) {
        opened += 1
        guard let mean = timeToOpen else { return timeToOpen = time }
        timeToOpen = mean + (time - mean) / Int(min(opened, UInt64(Self.memory)))
    }

    package mutating func sessionFailed() { failed += 1 }

    package mutating func selfTested(_ measurement: InterfaceMeasurement) {
        commandRate = measurement.commandRate
        if opened == 0 { timeToOpen = measurement.timeToOpen }
    }

    /// Whether enough sessions have shown what the version is like.
    package var isKnown: Bool { opened + failed >= Self.enough }

    /// The share of sessions that failed, 0 to 1. Before any is known it is taken for 1 in 100, and 100 sessions count as
    /// much as that belief: a single failure is no verdict.
    package var errorRate: Double { (Double(failed) + 1) / (Double(opened + failed) + 100) }
}
