import FleetModel

/// How long a worker bears with what its session does. They reach it in its environment: a worker of an earlier version
/// would not start with an option that it does not know.
package struct WorkerLimits: Hashable, Sendable {
    /// How long it waits for its program after the connection broke; 0 for not at all.
    package var resumption: Duration
    /// How long a build of a program may take before it has failed.
    package var build: Duration

    package init(resumption: Duration = .seconds(10), build: Duration = .seconds(300)) {
        self.resumption = resumption
        self.build = build
    }

    private static let resumptionKey = "PRESYNC_RESUMPTION_MS"
    private static let buildKey = "PRESYNC_BUILD_MS"

    /// What is not there, or is no number, is as by default.
    package init(environment: (String) -> String?) {
        self.init()
        func duration(_ key: String) -> Duration? {
            environment(key).flatMap { UInt32($0) }.map { .milliseconds(Int64($0)) }
        }
        if let resumption = duration(Self.resumptionKey) { self.resumption = resumption }
        if let build = duration(Self.buildKey) { self.build = build }
    }

    /// The variables that say it.
    package var environment: [String: String] {
        func text(_ duration: Duration) -> String {
            String(UInt32(clamping: duration.nanoseconds / 1_000_000))
        }
        return [Self.resumptionKey: text(resumption), Self.buildKey: text(build)]
    }
}
