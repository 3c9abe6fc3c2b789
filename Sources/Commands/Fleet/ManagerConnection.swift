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

    func events(limit: Int) async throws(CommandFailure) -> [FleetEvent] {
        do { return try await client.events(limit: limit).map(\.event) } catch { throw failure(error) }
    }

    private func failure(_ error: AdminError) -> CommandFailure {
        switch error {
        case .unreachable:
            CommandFailure(
                .unavailable, "no manager answers at \(address)",
                advice: "start one with 'presync manager' or 'presync up', or name its address with --manager "
                    + "or PRESYNC_MANAGER")
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
