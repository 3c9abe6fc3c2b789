import AgentRuntime
import ControlProtocol
import FleetModel
import Foundation

/// The agent's settings.
enum AgentSettings {
    static let role = "agent"

    static let known =
        [
            Setting(name: "id", meaning: "name of this agent (default: the host's name)"),
            Setting(name: "manager", meaning: "HOST:PORT of the manager (default: 127.0.0.1:7400)"),
            Setting(name: "socket", meaning: "UNIX socket for programs (default: /run/presync/agent.sock)"),
            Setting(name: "socket-mode", meaning: "its permissions in octal (default: 666)"),
            Setting(
                name: "state-directory", meaning: "folder where bundles are installed (default: /var/lib/presync/agent)"
            ),
            Setting(
                name: "status-listen", meaning: "HOST:PORT for metrics and health, or none (default: 127.0.0.1:7402)"),
            Setting(name: "period", meaning: "time from report to report, 100ms to 1m (default: 1s)"),
            Setting(
                name: "registration", meaning: "who may run instances: off, own-user or anyone (default: own-user)"),
            Setting(name: "request-patience", meaning: "how long a program's request waits (default: 30s)"),
            Setting(name: "host-instance", meaning: "makes this whole host an instance of this name (default: none)"),
            Setting(
                name: "user-activity",
                meaning: "take in how long users are idle, from login sessions and reports: yes or no (default: no)"),
            Setting(
                name: "user-identity",
                meaning: "tell the manager whose an instance is, by --user or number: yes or no (default: no)"),
        ] + InterfaceSettings.known + Daemon.commonSettings

    static let instances = ListSetting(
        name: "instances",
        meaning:
            "compute instances of this host: each has an id, may have a tenant, an application, a class, a user and gpus, "
            + "the number of its virtual GPUs, and is one of cgroup: PATH, pid: NUMBER and host: true",
        keys: ["id", "tenant", "application", "class", "user", "gpus", "cgroup", "pid", "host"])

    static let applications = ListSetting(
        name: "applications",
        meaning:
            "application types of instances that declare none: each has a program, which is the name of one with * "
            + "and ? for any characters, and its application. The first that matches counts",
        keys: ["program", "application"])

    static let lists = [instances, applications]

    /// The configuration that `settings` amount to, on top of the defaults; what is wrong is noted in `settings`.
    static func configuration(_ settings: inout Settings) -> AgentConfiguration {
        let id = settings.value("id", expected: "a name", AgentID.init(rawValue:))
        let hostID = AgentID(rawValue: ProcessInfo.processInfo.hostName)
        var configuration = AgentConfiguration(
            agent: id ?? hostID ?? AgentID(unchecked: role), softwareVersion: SoftwareVersion.text)
        if let value = settings.value("manager", expected: "HOST:PORT", ManagerAddress.init) {
            configuration.manager = value
        }
        if let value = settings.value("socket", expected: "a path", { $0.isEmpty ? nil : $0 }) {
            configuration.socketPath = value
        }
        if let value = settings.value("socket-mode", expected: "an octal number", { UInt16($0, radix: 8) }) {
            configuration.socketMode = value
        }
        if let value = settings.value("state-directory", expected: "a folder", { $0.isEmpty ? nil : $0 }) {
            configuration.stateDirectory = value
        }
        if let value = settings.value("status-listen", expected: "HOST:PORT or none", StatusAddress.init) {
            configuration.status = value.address
        }
        if let value = settings.value("period", expected: Duration.expected, Duration.init(text:)) {
            configuration.period = value
        }
        if let value = settings.value("registration", expected: "a policy", RegistrationPolicy.init(rawValue:)) {
            configuration.registration = value
        }
        if let value = settings.value("request-patience", expected: Duration.expected, Duration.init(text:)) {
            configuration.requestPatience = value
        }
        if let value = settings.value("host-instance", expected: "a name", InstanceID.init(rawValue:)) {
            configuration.instances = [Self.hostInstance(value)]
        }
        configuration.instances += Self.configuredInstances(&settings)
        configuration.applicationRules = Self.configuredRules(&settings)
        if let value = settings.value("user-activity", expected: "yes or no", YesOrNo.init) {
            configuration.telemetry.watchUserActivity = value.isYes
        }
        if let value = settings.value("user-identity", expected: "yes or no", YesOrNo.init) {
            configuration.tellsUsers = value.isYes
        }
        InterfaceSettings.read(&settings, into: &configuration.interfaces)
        for problem in configuration.validate() { settings.report(problem, advice: "see presync agent --help") }
        return configuration
    }

    /// The entries of ``instances``; those with a problem are left out, and each of their problems is noted.
    private static func configuredInstances(_ settings: inout Settings) -> [ConfiguredInstance] {
        settings.list(instances.name).compactMap { entry in
            let id = settings.name("id", of: entry, InstanceID.init(rawValue:))
            let tenant = settings.name("tenant", of: entry, default: "default", TenantID.init(rawValue:))
            let application = settings.name(
                "application", of: entry, default: id?.rawValue ?? "default", ApplicationType.init(rawValue:))
            let priorityClass = settings.name(
                "class", of: entry, default: PriorityClass.standard.name.rawValue, PriorityClassName.init(rawValue:))
            guard let selector = selector(of: entry) else {
                settings.report(
                    entry, "does not say which processes belong to it, or not in one way that is understood",
                    advice: "write exactly one of cgroup: PATH, pid: NUMBER and host: true")
                return nil
            }
            let user = entry.values["user"].map { _ in settings.name("user", of: entry, UserID.init(rawValue:)) }
            let gpus = gpus(of: entry, &settings)
            guard let id, let tenant, let application, let priorityClass, let gpus, user != .some(nil) else {
                return nil
            }
            let description = InstanceDescription(
                id: id, tenant: tenant, application: application, priorityClass: priorityClass, user: user ?? nil)
            return ConfiguredInstance(
                description: description, selector: selector,
                isApplicationDeclared: entry.values["application"] != nil, gpus: gpus)
        }
    }

    /// The number of virtual GPUs of an entry's instance; nil where it is none, which is then among the problems.
    private static func gpus(of entry: SettingEntry, _ settings: inout Settings) -> Int? {
        guard let text = entry.values["gpus"] else { return 1 }
        let most = InstanceDescription.maximumGPUs
        if let number = Int(text), (1...most).contains(number) { return number }
        settings.report(
            entry, "gpus '\(text)' is not a number from 1 to \(most)",
            advice: "write how many virtual GPUs its programs may have at once, or nothing for one")
        return nil
    }

    /// The entries of ``applications``; those with a problem are left out, and each of their problems is noted.
    private static func configuredRules(_ settings: inout Settings) -> ApplicationRules {
        ApplicationRules(
            settings.list(applications.name).compactMap { entry in
                let application = settings.name("application", of: entry, ApplicationType.init(rawValue:))
                let program = entry.values["program"].flatMap(ProgramPattern.init)
                if program == nil {
                    settings.report(
                        entry,
                        entry.values["program"].map { "program '\($0)' is not the name of one" } ?? "has no program",
                        advice: "write it as 'ps -o comm' shows it: 1 to 64 characters, no path and no arguments")
                }
                guard let program, let application else { return nil }
                return ApplicationRule(program: program, application: application)
            })
    }

    /// What an entry selects; nil unless it is exactly one thing.
    private static func selector(of entry: SettingEntry) -> InstanceSelector? {
        let given = ["cgroup", "pid", "host"].filter { entry.values[$0] != nil }
        guard given.count == 1, let kind = given.first, let value = entry.values[kind] else { return nil }
        switch kind {
        case "cgroup": return .cgroup(path: value)
        case "pid": return Int32(value).map { .processTree(root: $0) }
        default: return YesOrNo(value)?.isYes == true ? .host : nil
        }
    }

    private static func hostInstance(_ id: InstanceID) -> ConfiguredInstance {
        let description = InstanceDescription(
            id: id, tenant: TenantID(unchecked: "default"), application: ApplicationType(unchecked: "host"))
        return ConfiguredInstance(description: description, selector: .host)
    }
}

extension Settings {
    /// The identifier under a key of an entry; nil where it is none, which is then among the problems.
    fileprivate mutating func name<Name>(
        _ key: String, of entry: SettingEntry, default fallback: String? = nil, _ make: (String) -> Name?
    ) -> Name? {
        let text = entry.values[key] ?? fallback
        if let name = text.flatMap(make) { return name }
        report(
            entry, text.map { "\(key) '\($0)' is not a name" } ?? "has no \(key)",
            advice: "use 1 to 128 letters, digits and . _ : / @ -")
        return nil
    }
}

/// Where a daemon's status is served: an address, or nowhere.
struct StatusAddress {
    var address: ManagerAddress?

    init?(_ text: String) {
        guard text != "none" else { return }
        guard let address = ManagerAddress(text) else { return nil }
        self.address = address
    }
}

/// A choice as people write it.
struct YesOrNo {
    var isYes: Bool

    init?(_ text: String) {
        switch text.lowercased() {
        case "yes", "true", "on", "1": isYes = true
        case "no", "false", "off", "0": isYes = false
        default: return nil
        }
    }
}
