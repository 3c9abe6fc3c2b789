package import ControlProtocol
package import FleetModel
package import ForecastCore
package import OpenBLAS

/// Everything that an operator can choose for a manager, with its defaults.
package struct ManagerConfiguration: Hashable, Sendable {
    /// When virtual GPUs are prepared.
    package enum Policy: String, Hashable, Sendable, CaseIterable {
        /// Ahead of demand, by forecast.
        case presync
        /// Only when a program asks.
        case reactive
    }

    /// Where agents, GPU servers and tools connect. The host is numeric or `localhost`.
    package var listen = ManagerAddress.standard
    /// Where metrics, health and bundles are served over HTTP.
    package var httpListen = ManagerAddress(host: "127.0.0.1", port: 7_401)
    /// The base URL under which agents and GPU servers reach the HTTP side; nil for `http://` and the
    /// address listened on.
    package var httpURL: String?
    /// The folder that holds the state store and the bundles; created if it is missing.
    package var stateDirectory = "/var/lib/presync/manager"
    /// The folder of the trusted repository of interface versions; nil for one of the manager's own, of this build.
    package var interfaceRepository: String?
    /// Which interface versions are allowed, and for whom.
    package var interfacePins = VersionRules()
    /// Whether what is published is used by itself, or waits for a rollout.
    package var interfaceUpdates = InterfaceUpdates.automatic
    /// How often the step runs, and how often peers report: 100 ms to 1 min.
    package var period: Duration = .seconds(1)
    /// How long a grant stands without renewal: at least three periods.
    package var timeToLive: Duration = .seconds(5)
    package var policy = Policy.presync
    /// Whether the manager acts ahead of demand, or only records what it would do. An operator's order in operation goes
    /// before it.
    package var mode = ManagerMode.active
    /// The priority classes; empty for the built-in ones.
    package var classes = PriorityClass.builtIn
    /// Forecasting networks that `presync forecast train` wrote; nil for those that ship.
    package var networks: [QuantileNetwork]?
    /// How far ahead forecasts look.
    package var horizons = ForecastHorizons.standard
    /// What the networks' products are computed with.
    package var linearAlgebra = LinearAlgebraChoice.automatic
    /// How often what the forecaster has learned is kept, for the next start to go on from; nil for never, and then
    /// what is there is not read either.
    package var snapshotPeriod: Duration? = .seconds(60)
    /// Streams that may be open at once.
    package var maximumLinks = 10_000
    /// Events kept for `presync events`.
    package var keptEvents = 4_096

    package init() {}

    /// What is wrong with the configuration, all of it; empty if nothing is.
    package func validate() -> [String] {
        var errors: [String] = []
        func require(_ holds: Bool, _ message: String) {
            if !holds { errors.append(message) }
        }
        let isLocalhost = listen.host == "localhost"
        require(isLocalhost || Self.isNumeric(listen.host), "listen: \(listen.host) is not a numeric address")
        require(!httpListen.host.isEmpty, "http-listen: the host is empty")
        let isSameAddress = listen == httpListen && listen.port != 0
        require(!isSameAddress, "http-listen: \(httpListen) is the address of listen, too")
        require(
            httpURL != nil || !Self.isWildcard(httpListen.host),
            "http-url: must be given where http-listen is \(httpListen): nobody can fetch bundles from that address")
        require(!stateDirectory.isEmpty, "state-directory: is empty")
        require(
            period >= .milliseconds(100) && period <= .seconds(60), "period: \(period) is not between 100 ms and 1 min")
        require(timeToLive >= period * 3, "time-to-live: \(timeToLive) is less than three periods of \(period)")
        require(timeToLive <= .seconds(3_600), "time-to-live: \(timeToLive) is more than an hour")
        if let snapshotPeriod {
            require(
                snapshotPeriod >= .seconds(1) && snapshotPeriod <= .seconds(86_400),
                "snapshot-every: \(snapshotPeriod) is not between 1 s and a day, and not 0 for never")
        }
        require((1...1_000_000).contains(maximumLinks), "maximum-links: \(maximumLinks) is not between 1 and 1,000,000")
        require(
            (1...ProtocolLimits.events).contains(keptEvents),
            "kept-events: \(keptEvents) is not between 1 and \(ProtocolLimits.events)")
        errors += classes.flatMap(Self.errors(in:))
        let names = classes.map(\.name)
        require(Set(names).count == names.count, "classes: a name is given twice")
        return errors
    }

    private static func errors(in priorityClass: PriorityClass) -> [String] {
        var errors: [String] = []
        let name = "classes: \(priorityClass.name):"
        if !(priorityClass.weight > 0 && priorityClass.weight.isFinite) {
            errors.append("\(name) weight is not above 0")
        }
        if !(0.5...0.99).contains(priorityClass.serviceLevel) {
            errors.append("\(name) service-level is not between 0.5 and 0.99")
        }
        if priorityClass.grace < .zero { errors.append("\(name) grace is negative") }
        return errors
    }

    /// Whether a host means every address of the machine, which is none that others could connect to.
    private static func isWildcard(_ host: String) -> Bool {
        host.contains(":") ? host.allSatisfy { $0 == ":" || $0 == "0" } : host.allSatisfy { $0 == "." || $0 == "0" }
    }

    private static func isNumeric(_ host: String) -> Bool {
        if host.contains(":") { return host.utf8.allSatisfy { $0.isHexDigit || $0 == UInt8(ascii: ":") } }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { UInt8($0) != nil }
    }
}

extension UInt8 {
    fileprivate var isHexDigit: Bool { Character(Unicode.Scalar(self)).isHexDigit }
}
