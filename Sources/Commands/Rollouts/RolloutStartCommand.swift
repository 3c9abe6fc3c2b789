import ArgumentParser
import FleetModel

/// `presync rollout start`.
struct RolloutStartCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "start", abstract: "Begins to bring a published version to the fleet.",
        discussion: """
            Gates compare the version with the one before. A gate is given as NAME=RATIO or NAME=RATIO,ALLOWANCE:
              errors=2,2%        sessions fail to open at most twice as often, or fewer than 2 % do
              crashes=2,1%       workers fail at most twice as often, or fewer than 1 % do
              self-tests=2,5%    hosts cannot put it in force
              open-time=1.5      nine of ten sessions open within 1.5 times as long
              command-rate=0.8   small commands a second, at least this share
            or NAME=off. Those that are not given are as above.

            presync rollout start 1.3.0
            presync rollout start 1.3.0 --canary 5% --batch 20% --soak 10m --sessions 100
            presync rollout start 1.3.0 --gate crashes=1.5,0.5% --gate open-time=off
            presync rollout start 1.3.0 --at-once tenant=25% --at-once failure-domain=10%
            """)

    @OptionGroup var options: RolloutOptions

    @Argument(help: "The version, as the repository publishes it.")
    var version: String

    @Option(help: "The interface's kind.")
    var kind = "opencl"

    @Option(help: ArgumentHelp("The share of instances that take it first.", valueName: "share"))
    var canary = "5%"

    @Option(help: ArgumentHelp("The share that each later stage adds.", valueName: "share"))
    var batch = "20%"

    @Option(help: "How long a stage is watched at least. Default: 5m.", transform: DurationArgument.parse)
    var soak = DurationArgument(.seconds(300))

    @Option(help: "How many sessions a stage must have opened in it.")
    var sessions = 20

    @Option(
        help: "After how long a stage goes on with fewer sessions. Without it, it waits for them.",
        transform: DurationArgument.parse)
    var evidenceWithin: DurationArgument?

    @Option(name: .customLong("gate"), help: ArgumentHelp("A gate; may be repeated.", valueName: "name=limits"))
    var gates: [String] = []

    @Option(
        name: .customLong("at-once"),
        help: ArgumentHelp(
            "How much of each tenant, class or failure-domain one stage may change (default: 50%); may be repeated.",
            valueName: "group=share"))
    var limits: [String] = []

    func validate() throws { _ = try plan() }

    func plan() throws -> RolloutPlan {
        guard let number = SemanticVersion(version) else {
            throw ValidationError("'\(version)' is no version such as 1.3.0")
        }
        var plan = RolloutPlan(
            target: InterfaceVersion(kind: kind, version: number, digest: .zero),
            canary: try Self.share(canary, "--canary"), batch: try Self.share(batch, "--batch"),
            soak: soak.duration, leastSessions: sessions, evidenceWithin: evidenceWithin?.duration)
        for gate in gates { try RolloutArgument.set(gate, in: &plan.gates) }
        for limit in limits { try RolloutArgument.set(limit, in: &plan.limits) }
        do throws(OrderError) { try plan.validate() } catch { throw ValidationError(error.description) }
        return plan
    }

    private static func share(_ text: String, _ option: String) throws -> Permille {
        guard let share = Permille(text) else { throw ValidationError("\(option): '\(text)' is no share such as 5%") }
        return share
    }

    func run() async throws { try await options.give(.start(plan())) }
}

/// What operators write of gates and limits.
enum RolloutArgument {
    /// `crashes=2,1%`, `open-time=1.5`, `errors=off`.
    static func set(_ text: String, in gates: inout RolloutGates) throws {
        let (name, value) = try pair(text, "--gate")
        guard let gate = RolloutGate(rawValue: name) else {
            let known = RolloutGate.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("--gate: '\(name)' is no gate: known are \(known)")
        }
        let standard = RolloutGates()
        switch gate {
        case .errors: gates.errors = try failures(value, standard.errors)
        case .crashes: gates.crashes = try failures(value, standard.crashes)
        case .selfTests: gates.selfTests = try failures(value, standard.selfTests)
        case .openTime: gates.openTimeRatio = try ratio(value)
        case .commandRate: gates.commandRateRatio = try ratio(value)
        }
    }

    /// `tenant=25%`, `class=10%`, `failure-domain=10%`.
    static func set(_ text: String, in limits: inout RolloutLimits) throws {
        let (name, value) = try pair(text, "--at-once")
        guard let share = Permille(value) else {
            throw ValidationError("--at-once: '\(value)' is no share such as 25%")
        }
        switch name {
        case "tenant": limits.perTenant = share
        case "class": limits.perClass = share
        case "failure-domain": limits.perFailureDomain = share
        default: throw ValidationError("--at-once: '\(name)' is none of tenant, class and failure-domain")
        }
    }

    private static func pair(_ text: String, _ option: String) throws -> (String, String) {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2 else { throw ValidationError("\(option): '\(text)' is not NAME=VALUE") }
        return (parts[0], parts[1])
    }

    private static func ratio(_ text: String) throws -> Double? {
        if text == "off" { return nil }
        guard let ratio = Double(text) else { throw ValidationError("--gate: '\(text)' is no ratio such as 1.5") }
        return ratio
    }

    private static func failures(
        _ text: String, _ standard: RolloutGates.Failures?
    ) throws -> RolloutGates.Failures? {
        let parts = text.split(separator: ",", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let first = try ratio(parts[0]) else { return nil }
        guard parts.count == 2 else {
            return RolloutGates.Failures(ratio: first, allowance: standard?.allowance ?? 0.01)
        }
        guard let allowance = Permille(parts[1]) else {
            throw ValidationError("--gate: '\(parts[1])' is no share such as 1%")
        }
        return RolloutGates.Failures(ratio: first, allowance: Double(allowance.rawValue) / 1_000)
    }
}
