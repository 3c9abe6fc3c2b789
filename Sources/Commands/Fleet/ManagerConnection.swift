import ArgumentParser
import ControlProtocol
import FleetModel
import Foundation

/// A connection to a running manager, for commands.
struct ManagerConnection: FleetClient {
    private let client: AdminClient
    private let address: ManagerAddress

    /// Connects to the manager at `address`, gives the connection to `body`, and disconnects.
    static func withClient<Result: Sendable>(
        address text: String, _ body: (ManagerConnection) async throws -> Result
    ) async throws -> Result {
        guard let address = ManagerAddress(text) else {
            throw CommandFailure(
                .usage, "'\(text)' is not an address", advice: "write HOST:PORT, for example 127.0.0.1:7400")
        }
        return try await AdminClient.withConnection(to: address) { client in
            try await body(ManagerConnection(client: client, address: address))
        }
    }

    func overview() async throws(CommandFailure) -> FleetOverview {
        do { return try await client.overview() } catch { throw failure(error) }
    }

    func overview(forecasts: Bool) async throws(CommandFailure) -> FleetOverview {
        do { return try await client.overview(forecasts: forecasts) } catch { throw failure(error) }
    }

    func forecast(of instance: InstanceID) async throws(CommandFailure) -> InstanceForecast? {
        do { return try await client.forecast(of: instance) } catch { throw failure(error) }
    }

    func explain(_ subject: String) async throws(CommandFailure) -> ExplanationAnswer {
        do { return try await client.explain(subject) } catch { throw failure(error) }
    }

    func explainInterface(of instance: InstanceID) async throws(CommandFailure) -> InterfaceExplanation? {
        do { return try await client.explainInterface(of: instance) } catch { throw failure(error) }
    }

    func classRules() async throws(CommandFailure) -> ClassRules {
        do { return try await client.classRules() } catch { throw failure(error) }
    }

    func change(_ change: ClassChange) async throws(CommandFailure) -> ClassRules {
        do { return try await client.change(change) } catch { throw failure(error) }
    }

    func settings() async throws(CommandFailure) -> OperatorSettings {
        do { return try await client.settings() } catch { throw failure(error) }
    }

    func change(_ changes: [OperatorChange]) async throws(CommandFailure) -> OperatorSettings {
        do { return try await client.change(changes) } catch { throw failure(error) }
    }

    func plan(_ changes: [OperatorChange]) async throws(CommandFailure) -> ChangePlan {
        do { return try await client.plan(changes) } catch { throw failure(error) }
    }

    func rollouts() async throws(CommandFailure) -> [RolloutOverview] {
        do { return try await client.rollouts() } catch { throw failure(error) }
    }

    func change(_ change: RolloutChange) async throws(CommandFailure) -> [RolloutOverview] {
        do { return try await client.change(change) } catch { throw failure(error) }
    }

    func apply(_ plan: ChangePlan) async throws(CommandFailure) -> OperatorSettings {
        do { return try await client.apply(plan) } catch { throw failure(error) }
    }

    func events(limit: Int) async throws(CommandFailure) -> [RecordedEvent] {
        do { return try await client.events(limit: limit) } catch { throw failure(error) }
    }

    /// Gives each event from the sequence number `from` on to `body`, until the manager ends or the task is cancelled.
    func watchEvents(
        from: UInt64, _ body: @Sendable @escaping (RecordedEvent) async throws -> Void
    ) async throws(CommandFailure) {
        do { try await client.watchEvents(from: from, body) } catch { throw failure(error) }
    }

    func watchTelemetry(
        _ body: @Sendable @escaping ([InstanceObservation]) async throws -> Void
    ) async throws(CommandFailure) {
        do { try await client.watchTelemetry(body) } catch { throw failure(error) }
    }

    var ended: CommandFailure { CommandFailure(.unavailable, "the manager at \(address) has ended") }

    private func failure(_ error: AdminError) -> CommandFailure {
        switch error {
        case .unreachable:
            CommandFailure(
                .unavailable, "no manager answers at \(address)",
                advice: "name its address with --manager or PRESYNC_MANAGER ('presync up' shows it in its heading, "
                    + "'presync manager' in its log); if none runs, start one with 'presync up' or 'presync manager'")
        case .refused(let why): CommandFailure(.failure, why)
        case .failed(let why):
            CommandFailure(.software, "the manager at \(address) answered with an error: \(why)")
        }
    }
}

/// The option that every command takes that asks a manager.
struct ManagerOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The manager to ask. Default: PRESYNC_MANAGER, else \(ManagerAddress.standard).", valueName: "host:port"))
    var manager: String?

    /// The address that is in force.
    var address: String {
        manager ?? ProcessInfo.processInfo.environment["PRESYNC_MANAGER"] ?? ManagerAddress.standard.description
    }

    /// The fleet now.
    func overview() async throws -> FleetOverview {
        try await ManagerConnection.withClient(address: address) { try await $0.overview() }
    }
}
