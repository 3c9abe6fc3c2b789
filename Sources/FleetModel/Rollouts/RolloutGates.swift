/// A figure of the new version that is compared with the version before.
package enum RolloutGate: String, Hashable, Sendable, Codable, CaseIterable, Comparable {
    /// Sessions that could not be opened, among those that were to be.
    case errors
    /// Sessions whose worker failed, beside those that were opened.
    case crashes
    /// How long a session takes to open.
    case openTime = "open-time"
    /// Small commands a second, as GPU servers' self-tests measure it.
    case commandRate = "command-rate"
    /// GPU servers and hosts that could not put the version in force: its self-test failed there, or it could not be
    /// verified.
    case selfTests = "self-tests"

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// What each gate allows. A gate that is nil does not judge.
package struct RolloutGates: Hashable, Sendable, Codable {
    /// What is allowed of failures.
    package struct Failures: Hashable, Sendable, Codable {
        /// Up to how many times as often as the version before; 1 or more.
        package var ratio: Double
        /// A share of failures up to which no version is judged, whatever the version before was like; above 0, below 1.
        package var allowance: Double

        package init(ratio: Double, allowance: Double) {
            self.ratio = ratio
            self.allowance = allowance
        }
    }

    package var errors: Failures?
    package var crashes: Failures?
    package var selfTests: Failures?
    /// Up to how many times as long as the version before nine of ten sessions may take to open; 1 or more.
    package var openTimeRatio: Double?
    /// Down to which share of the rate of the version before small commands may fall; above 0, at most 1.
    package var commandRateRatio: Double?

    package init(
        errors: Failures? = Failures(ratio: 2, allowance: 0.02),
        crashes: Failures? = Failures(ratio: 2, allowance: 0.01),
        selfTests: Failures? = Failures(ratio: 2, allowance: 0.05), openTimeRatio: Double? = 1.5,
        commandRateRatio: Double? = 0.8
    ) {
        self.errors = errors
        self.crashes = crashes
        self.selfTests = selfTests
        self.openTimeRatio = openTimeRatio
        self.commandRateRatio = commandRateRatio
    }

    package func validate() throws(OrderError) {
        for failures in [errors, crashes, selfTests].compactMap(\.self) {
            guard failures.ratio.isFinite, failures.ratio >= 1, failures.ratio <= 1_000 else {
                throw OrderError("a gate's ratio of failures is 1 to 1000")
            }
            guard failures.allowance > 0, failures.allowance < 1 else {
                throw OrderError("a gate's allowance is above 0% and below 100%")
            }
        }
        if let ratio = openTimeRatio, !ratio.isFinite || ratio < 1 || ratio > 1_000 {
            throw OrderError("the gate of the open time is a ratio of 1 to 1000")
        }
        if let ratio = commandRateRatio, !(ratio > 0 && ratio <= 1) {
            throw OrderError("the gate of the command rate is a ratio above 0 and up to 1")
        }
    }
}
