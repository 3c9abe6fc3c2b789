import ControlProtocol
import FleetModel
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
            Setting(name: "policy", meaning: "presync, or reactive: prepares nothing but bundles (default: presync)"),
            Setting(
                name: "mode",
                meaning: "active, or forecast-only: serves programs that ask, and of what it would prepare ahead of "
                    + "demand only records it; 'presync order mode' changes it in operation (default: active)"),
            Setting(name: "period", meaning: "time from step to step, 100ms to 1m (default: 1s)"),
            Setting(
                name: "time-to-live", meaning: "how long a grant stands unrenewed, from 3 periods (default: 5s)"),
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
        if let value = settings.value("policy", expected: "a policy", ManagerConfiguration.Policy.init(rawValue:)) {
            configuration.policy = value
        }
        if let value = settings.value("mode", expected: "active or forecast-only", ManagerMode.init(rawValue:)) {
            configuration.mode = value
        }
        if let value = settings.value("period", expected: "a duration", Duration.init(text:)) {
            configuration.period = value
        }
        if let value = settings.value("time-to-live", expected: "a duration", Duration.init(text:)) {
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
        if let value = settings.value("snapshot-every", expected: "a duration", Duration.init(text:)) {
            configuration.snapshotPeriod = value == .zero ? nil : value
        }
        if let value = settings.value("maximum-links", expected: "a whole number", Int.init) {
            configuration.maximumLinks = value
        }
        if let value = settings.value("kept-events", expected: "a whole number", Int.init) {
            configuration.keptEvents = value
        }
        for problem in configuration.validate() { settings.report(problem, advice: "see presync manager --help") }
        return configuration
    }
}
