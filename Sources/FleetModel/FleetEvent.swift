/// Something that happened and that a person may want to know: a line of `presync events`.
package struct FleetEvent: Hashable, Sendable, Codable {
    package enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
        case agentConnected = "agent-connected"
        case agentLost = "agent-lost"
        case serverConnected = "server-connected"
        case serverLost = "server-lost"
        case instanceAppeared = "instance-appeared"
        case instanceGone = "instance-gone"
        case prepared
        case reserved
        case attached
        case reclaimed
        case contention
        case requested
        case refused
        case interfaceInstalled = "interface-installed"
        case failure
        /// An operator changed something.
        case ordered
        /// What a manager that only records would have done.
        case rehearsed
        /// A program has been told that its session will be taken, and when.
        case noticed
    }
    /// When, on the reporting daemon's monotonic clock.
    package var at: MonotonicTime
    package var kind: Kind
    package var instance: InstanceID?
    package var grant: GrantID?
    package var device: DeviceID?
    /// One sentence fragment with the figures that decided.
    package var detail: String

    package init(
        at: MonotonicTime, kind: Kind, instance: InstanceID? = nil, grant: GrantID? = nil, device: DeviceID? = nil,
        detail: String = ""
    ) {
        self.at = at
        self.kind = kind
        self.instance = instance
        self.grant = grant
        self.device = device
        self.detail = detail
    }
}

/// An event as a manager recorded it.
package struct RecordedEvent: Hashable, Sendable {
    /// From 1, without gaps, since the manager started.
    package var sequence: UInt64
    /// Wall-clock time of recording, for people: milliseconds since 1970 UTC.
    package var recordedAtUnixMs: Int64
    package var event: FleetEvent

    package init(sequence: UInt64, recordedAtUnixMs: Int64, event: FleetEvent) {
        self.sequence = sequence
        self.recordedAtUnixMs = recordedAtUnixMs
        self.event = event
    }
}
