import FleetModel

/// The bounds of what may stand in one message. They are part of the protocol: `Protos/presync/v1` names them.
package enum ProtocolLimits {
    /// Bytes of one encoded message from an agent or a GPU server, or to one.
    package static let messageBytes = 8 << 20
    /// Bytes of one answer to an admin call.
    package static let adminAnswerBytes = 256 << 20
    package static let instances = 16_384
    package static let grants = 16_384
    package static let devices = 64
    package static let deviceIndex = 1_023
    package static let interfaceVersions = 64
    package static let extensions = 512
    package static let capabilities = 64
    package static let capabilityBytes = 64
    package static let softwareVersionBytes = 64
    package static let deviceTextBytes = 512
    package static let reasonBytes = 512
    package static let detailBytes = 1_024
    package static let hostBytes = 253
    package static let urlBytes = 1_024
    /// A version, or a range of versions, in words.
    package static let versionRuleBytes = 160
    /// Instances that are told of a version in one message.
    package static let assignedInstances = 1_024
    package static let platformBytes = 98
    package static let libcVersionBytes = 32
    package static let events = 4_096
    package static let drains = 4_096
    package static let rollouts = 256
    package static let gates = 16
    package static let applications = 64
    package static let explainedSteps = 8
    package static let pastForecasts = PastForecast.greatestCount
    /// Memory above this is taken for a mistake: 256 TiB, so that the sum over all that one message may list is far
    /// from overflowing.
    package static let memoryBytes: Int64 = 1 << 48
    /// Terms and counters from here on are refused: a manager counts on from the newest epoch that it hears of, and
    /// must never come to the end.
    package static let epoch: UInt64 = 1 << 62
    /// Durations above this are taken for a mistake: ten years, in nanoseconds.
    package static let durationNanoseconds: Int64 = 315_360_000_000_000_000
    /// Rates and counts above this are taken for a mistake.
    package static let rate = 1e18
}
