package import ControlProtocol
package import FleetModel
package import InterfaceStore
package import SessionTransport

/// An instance that an agent is to have.
package struct ConfiguredInstance: Hashable, Sendable {
    package var description: InstanceDescription
    package var selector: InstanceSelector
    /// Whether the application type is to stay as it is, whatever the instance runs.
    package var isApplicationDeclared: Bool
    /// How many virtual GPUs it has, 1 to ``InstanceDescription/maximumGPUs``.
    package var gpus: Int

    package init(
        description: InstanceDescription, selector: InstanceSelector, isApplicationDeclared: Bool = true, gpus: Int = 1
    ) {
        self.description = description
        self.selector = selector
        self.isApplicationDeclared = isApplicationDeclared
        self.gpus = gpus
    }
}

/// What an agent is told at its start. The defaults are those of a host with a manager beside it.
package struct AgentConfiguration: Sendable {
    package var agent: AgentID
    package var softwareVersion: String
    package var manager = ManagerAddress.standard
    /// How often instances are measured and reported, 100 ms to 60 s; the manager's welcome replaces it.
    package var period: Duration = .seconds(1)
    /// The UNIX socket for programs. Its folder is created where it is missing.
    package var socketPath = "/run/presync/agent.sock"
    /// The socket's permission bits. Who may connect gets no more than its own instance's session.
    package var socketMode: UInt16 = 0o666
    package var handOverLimits = HandOverLimits()
    package var instances: [ConfiguredInstance] = []
    /// By which the application types of instances that declare none are recognised.
    package var applicationRules: ApplicationRules = []
    package var registration = RegistrationPolicy.ownUser
    /// Whether the manager is told who uses an instance that registers itself.
    package var tellsUsers = false
    package var telemetry = TelemetryConfiguration()
    /// How long a program's request waits for an answer.
    package var requestPatience: Duration = .seconds(30)
    /// How workers are connected to; nil where `PRESYNC_TRANSPORT` names no way, which is refused at the start.
    package var transport = TransportChoice.ofEnvironment
    /// Where bundles are installed.
    package var stateDirectory = "/var/lib/presync/agent"
    /// How interface versions are come by.
    package var interfaces = HostInterfacesConfiguration()
    /// Where `/metrics`, `/livez` and `/readyz` are served; nil for nowhere.
    package var status: ManagerAddress? = ManagerAddress(host: "127.0.0.1", port: 7_402)

    package init(agent: AgentID, softwareVersion: String) {
        self.agent = agent
        self.softwareVersion = softwareVersion
    }

    /// Everything that is wrong, a sentence fragment each; empty when nothing is.
    package func validate() -> [String] {
        var problems: [String] = []
        if period < .milliseconds(100) || period > .seconds(60) {
            problems.append("the period is \(period.inSeconds) s, and must be 0.1 to 60")
        }
        if !socketPath.hasPrefix("/") || socketPath.utf8.count > 107 {
            problems.append("socket path \"\(socketPath)\" must be absolute and have at most 107 bytes")
        }
        if socketMode > 0o777 { problems.append("socket mode \(socketMode) has more than permission bits") }
        if transport == nil {
            let known = TransportChoice.allCases.map(\.rawValue).joined(separator: ", ")
            problems.append("\(TransportChoice.environmentKey) must be one of \(known)")
        }
        if !(1...10).contains(telemetry.socketLooksPerPeriod) {
            problems.append(
                "sockets are looked at \(telemetry.socketLooksPerPeriod) times a period, and must be 1 to 10")
        }
        if requestPatience <= .zero || requestPatience > .seconds(3_600) {
            problems.append(
                "requests wait for \(requestPatience.inSeconds) s, and must for more than 0 and at most 3600")
        }
        if handOverLimits.connections < 1 || handOverLimits.connections > 8_192 {
            problems.append("\(handOverLimits.connections) connections of programs, which must be 1 to 8192")
        }
        if !stateDirectory.hasPrefix("/") { problems.append("state directory \"\(stateDirectory)\" must be absolute") }
        problems += interfaces.validate()
        problems += problemsOfInstances()
        if applicationRules.rules.count > ApplicationRules.greatestCount {
            problems.append(
                "\(applicationRules.rules.count) rules for applications, which may be \(ApplicationRules.greatestCount)"
            )
        }
        if instances.count(where: { $0.selector == .host }) > 1 {
            problems.append("more than one instance is the whole host")
        }
        return problems
    }

    private func problemsOfInstances() -> [String] {
        var problems: [String] = []
        /// The instances by the names that they and their further virtual GPUs go by.
        var named: [InstanceID: InstanceID] = [:]
        for instance in instances {
            let id = instance.description.id
            if let problem = instance.selector.problem { problems.append("instance \(id): \(problem)") }
            let members = instance.description.members(gpus: instance.gpus)
            if members == nil { problems.append(RegistrationPolicy.cannotHave(instance.gpus, id)) }
            for name in members?.map(\.id) ?? [id] {
                guard let other = named.updateValue(id, forKey: name) else { continue }
                if other != id {
                    problems.append(
                        "instances \(other) and \(id) both need the name \(name): further virtual GPUs are named after "
                            + "their instance")
                } else if name == id {
                    problems.append("instance \(id) is configured twice")
                }
            }
        }
        return problems
    }
}
