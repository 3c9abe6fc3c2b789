import ControlProtocol
import FleetModel
import InterfaceCore
import ManagerRuntime
import Observability
import OpenBLAS

/// The manager's settings.
enum ManagerSettings {
    static let role = "manager"

    static let known =
        [
            Setting(name: "listen", meaning: "HOST:PORT for agents, GPU servers and tools (default: 127.0.0.1:7400)"),
            Setting(
                name: "http-listen", meaning: "HOST:PORT for metrics, health and bundles (default: 127.0.0.1:7401)"),
            Setting(name: "http-url", meaning: "base URL by which others reach that (default: from http-listen)"),
            Setting(
                name: "state-directory", meaning: "folder of state and bundles (default: /var/lib/presync/manager)"),
            Setting(
                name: "interface-repository",
                meaning: "folder that 'presync interface create' made (default: one of its own, of this build)"),
            Setting(name: "policy", meaning: "presync, or reactive: prepares nothing but bundles (default: presync)"),
            Setting(
                name: "mode",
                meaning: "active, or forecast-only: serves programs that ask, and of what it would prepare ahead of "
                    + "demand only records it; 'presync order mode' changes it in operation (default: active)"),
            Setting(name: "period", meaning: "time from step to step, 100ms to 1m (default: 1s)"),
            Setting(
                name: "time-to-live", meaning: "how long a grant stands unrenewed, from 3 periods (default: 5s)"),
            Setting(
                name: "interface-updates",
                meaning:
                    "automatic: what is published is used by itself, by a few first; or rollout: what is newer than "
                    + "what stands waits for 'presync rollout start' (default: automatic)"),
            Setting(name: "networks", meaning: "file that 'presync forecast train' wrote (default: what ships)"),
            Setting(
                name: "horizons",
                meaning: "seconds that forecasts look ahead: three, rising, 1 to 30 (default: 5,15,30)"),
            Setting(
                name: "linear-algebra",
                meaning: "openblas, portable, or automatic: openblas where installed (default: automatic)"),
            Setting(
                name: "snapshot-every",
                meaning: "time between snapshots of what forecasts rest on, 0 for never (default: 60s)"),
            Setting(name: "maximum-links", meaning: "agents and GPU servers at once (default: 10000)"),
            Setting(name: "kept-events", meaning: "events kept for 'presync events' (default: 4096)"),
        ] + Daemon.commonSettings

    static let interfacePins = ListSetting(
        name: "interface-pins",
        meaning: "which interface versions are allowed, and for whom: each has a version, as 1.2.0 or >=1.2.0 <2.0.0, "
            + "and is for one instance, application, tenant or class. The narrowest that fits counts",
        keys: ["version", "instance", "application", "tenant", "class"])

    static let lists = [interfacePins]

    /// The configuration that `settings` amount to, on top of the defaults; what is wrong is noted in `settings`.
    static func configuration(_ settings: inout Settings) -> ManagerConfiguration {
        var configuration = ManagerConfiguration()
        if let value = settings.value("listen", expected: "HOST:PORT", ManagerAddress.init) {
            configuration.listen = value
        }
        if let value = settings.value("http-listen", expected: "HOST:PORT", ManagerAddress.init) {
            configuration.httpListen = value
        }
        configuration.httpURL = settings.value("http-url", expected: "an http URL") { text in
            ["http://", "https://"].contains { text.hasPrefix($0) && text.count > $0.count } ? text : nil
        }
        if let value = settings.value("state-directory", expected: "a folder", { $0.isEmpty ? nil : $0 }) {
            configuration.stateDirectory = value
        }
        configuration.interfaceRepository = settings.value("interface-repository", expected: "a full path") {
            $0.hasPrefix("/") ? $0 : nil
        }
        // A manager starts without it, and offers what is there once it is.
        if settings.isOnlyChecked, let path = configuration.interfaceRepository, !InterfaceSettings.isFolder(path) {
            settings.report(
                setting: "interface-repository", "\(path) is no folder",
                advice: "name a folder that 'presync interface create' made")
        }
        if let value = settings.value("policy", expected: "a policy", ManagerConfiguration.Policy.init(rawValue:)) {
            configuration.policy = value
        }
        if let value = settings.value("mode", expected: "active or forecast-only", ManagerMode.init(rawValue:)) {
            configuration.mode = value
        }
        if let value = settings.value("period", expected: Duration.expected, Duration.init(text:)) {
            configuration.period = value
        }
        if let value = settings.value("time-to-live", expected: Duration.expected, Duration.init(text:)) {
            configuration.timeToLive = value
        }
        if let value = settings.value(
            "networks", expected: "a file of networks", { try? NetworksFile.read($0) })
        {
            configuration.networks = value
        }
        if let value = settings.value("horizons", expected: HorizonsOption.expected, ForecastHorizons.init(text:)) {
            configuration.horizons = value
        }
        if let value = settings.value(
            "linear-algebra", expected: "automatic, portable or openblas", LinearAlgebraChoice.init(rawValue:))
        {
            configuration.linearAlgebra = value
        }
        if let value = settings.value("snapshot-every", expected: Duration.expected, Duration.init(text:)) {
            configuration.snapshotPeriod = value == .zero ? nil : value
        }
        if let value = settings.value("maximum-links", expected: "a whole number", Int.init) {
            configuration.maximumLinks = value
        }
        if let value = settings.value("kept-events", expected: "a whole number", Int.init) {
            configuration.keptEvents = value
        }
        if let value = settings.value(
            "interface-updates", expected: "automatic or rollout", InterfaceUpdates.init(rawValue:))
        {
            configuration.interfaceUpdates = value
        }
        configuration.interfacePins = configuredPins(&settings)
        for problem in configuration.validate() { settings.report(problem, advice: "see presync manager --help") }
        return configuration
    }

    /// The entries of ``interfacePins``; those with a problem are left out, and each of their problems is noted.
    private static func configuredPins(_ settings: inout Settings) -> VersionRules {
        var rules = VersionRules()
        for entry in settings.list(interfacePins.name) {
            let rule = entry.values["version"].flatMap(VersionRule.init)
            if rule == nil {
                settings.report(
                    entry, entry.values["version"].map { "version '\($0)' is no version" } ?? "has no version",
                    advice: "write one as 1.2.0, or a range as >=1.2.0 <2.0.0")
            }
            let scopes: [VersionRules.Scope?] = [
                entry.values["instance"].flatMap(InstanceID.init(rawValue:)).map { .instance($0) },
                entry.values["application"].flatMap(ApplicationType.init(rawValue:)).map { .application($0) },
                entry.values["tenant"].flatMap(TenantID.init(rawValue:)).map { .tenant($0) },
                entry.values["class"].flatMap(PriorityClassName.init(rawValue:)).map { .priorityClass($0) },
            ]
            let named = scopes.compactMap(\.self)
            guard entry.values.count - (entry.values["version"] == nil ? 0 : 1) == 1, let scope = named.first else {
                settings.report(
                    entry, "does not say for whom it is",
                    advice: "write exactly one of instance, application, tenant and class, with a name")
                continue
            }
            rules.set(rule, for: scope)
        }
        return rules
    }
}
