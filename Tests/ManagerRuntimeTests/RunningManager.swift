import ControlProtocol
import FleetModel
import Foundation
import Logging
import ServiceLifecycle
import Testing

@testable import ManagerRuntime

/// A folder for a manager's state, gone when the test is over.
final class StateFolder: Sendable {
    let path = FileManager.default.temporaryDirectory.appending(path: "presync-manager-\(UUID().uuidString)").path

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// Runs a manager on free ports while `body` uses it, then shuts it down gracefully and waits for its end.
func withManager(
    in folder: StateFolder, at address: ManagerAddress = ManagerAddress(host: "127.0.0.1", port: 0),
    _ body: (ManagerService.Addresses) async throws -> Void
) async throws {
    var configuration = ManagerConfiguration()
    configuration.listen = address
    configuration.httpListen = ManagerAddress(host: "127.0.0.1", port: 0)
    configuration.stateDirectory = folder.path
    let (listening, listen) = AsyncStream<ManagerService.Addresses>.makeStream()
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    let manager = ManagerService(
        configuration: configuration, softwareVersion: "test", logger: logger, onListening: { listen.yield($0) })
    let group = ServiceGroup(configuration: .init(services: [manager], logger: logger))
    try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask {
            defer { listen.finish() }
            try await group.run()
        }
        var addresses = listening.makeAsyncIterator()
        if let address = await addresses.next() { try await body(address) }
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
    }
}

/// A link that runs until the body is done.
func withLink<Role: LinkRole>(
    _ role: Role.Type, to address: ManagerAddress, _ body: (ManagerLink<Role>) async throws -> Void
) async throws {
    let link = ManagerLink<Role>(to: address)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { await link.run() }
        try await body(link)
        tasks.cancelAll()
    }
}

func agentHello(revision: UInt32 = controlProtocolRevision) -> AgentMessage {
    .hello(AgentHello(agent: AgentID(unchecked: "host-1"), softwareVersion: "test", protocolRevision: revision))
}
