/// Which interface version an instance gets, and what speaks for and against each.
package struct InterfaceExplanation: Hashable, Sendable {
    /// One version on one device.
    package struct Candidate: Hashable, Sendable {
        package var version: InterfaceVersion
        package var isAtClient: Bool
        package var isAtServer: Bool
        /// What speaks against it, a phrase each; none where it is possible.
        package var obstacles: [String]
        /// Older versions at the client that its worker serves.
        package var serves: [InterfaceVersion]
        /// Sessions that were opened in it on this kind of device, and those that failed.
        package var opened: UInt64
        package var failed: UInt64
        /// Nil where it has not been measured.
        package var timeToOpen: Duration?
        /// Small commands a second; nil where it has not been measured.
        package var commandRate: Double?

        package init(
            version: InterfaceVersion, isAtClient: Bool, isAtServer: Bool, obstacles: [String] = [],
            serves: [InterfaceVersion] = [], opened: UInt64 = 0, failed: UInt64 = 0, timeToOpen: Duration? = nil,
            commandRate: Double? = nil
        ) {
            self.version = version
            self.isAtClient = isAtClient
            self.isAtServer = isAtServer
            self.obstacles = obstacles
            self.serves = serves
            self.opened = opened
            self.failed = failed
            self.timeToOpen = timeToOpen
            self.commandRate = commandRate
        }
    }

    /// The choice on one device.
    package struct Choice: Hashable, Sendable {
        package var device: DeviceID
        /// What its GPU server has.
        package var installed: [InterfaceVersion]
        /// The best first, those that are not possible last.
        package var candidates: [Candidate]
        /// What sessions open in now; nil where the ends have nothing in common.
        package var worker: InterfaceVersion?
        /// The client's version then: the worker's own, or an older one that it serves.
        package var client: InterfaceVersion?
        /// What is to be installed; nil where nothing is possible.
        package var wanted: InterfaceVersion?
        /// What decided, in words.
        package var decided: String

        package init(
            device: DeviceID, installed: [InterfaceVersion], candidates: [Candidate], worker: InterfaceVersion?,
            client: InterfaceVersion?, wanted: InterfaceVersion?, decided: String
        ) {
            self.device = device
            self.installed = installed
            self.candidates = candidates
            self.worker = worker
            self.client = client
            self.wanted = wanted
            self.decided = decided
        }
    }

    package static let choiceLimit = 1_024
    package static let candidateLimit = 256
    package static let obstacleLimit = 16

    package var instance: InstanceID
    package var kind: String
    /// Nil where its agent is not there.
    package var agent: AgentID?
    package var platform: HostPlatform
    /// What the agent's host has.
    package var installed: [InterfaceVersion]
    /// The rule that counts; nil for none.
    package var rule: VersionRule?
    /// Whom ``rule`` is for.
    package var scope: VersionRules.Scope?
    /// One for each device that is there, ascending; at most ``choiceLimit``.
    package var choices: [Choice]

    package init(
        instance: InstanceID, kind: String, agent: AgentID?, platform: HostPlatform, installed: [InterfaceVersion],
        rule: VersionRule?, scope: VersionRules.Scope?, choices: [Choice]
    ) {
        self.instance = instance
        self.kind = kind
        self.agent = agent
        self.platform = platform
        self.installed = installed
        self.rule = rule
        self.scope = scope
        self.choices = choices
    }
}
