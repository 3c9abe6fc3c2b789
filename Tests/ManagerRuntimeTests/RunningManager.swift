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

/// A free port that stays free while its server is away: it lies below those that the system gives to outgoing
/// connections (ip_local_port_range, from 32,768 by default). Nil where a hundred of them are taken.
func steadyPort() -> UInt16? { (UInt16(20_000)..<32_000).shuffled().prefix(100).first(where: isFree) }

/// Waits until nobody listens on the port any more. A process that another test started while a manager listened may
/// have inherited its socket, and then keeps it until it ends.
func waitUntilFree(_ port: UInt16, within patience: Duration = .seconds(120)) async throws {
    let deadline = ContinuousClock.now + patience
    while !isFree(port), ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(20)) }
}

private func isFree(_ port: UInt16) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    defer { close(descriptor) }
    var reuse: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &reuse, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
    }
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

/// The link of an agent with these instances, once it has been welcomed.
///
/// Where other tests hold this process's threads for long, one end takes the other for dead and the link is opened
/// again: the agent says hello on each stream, until the body is done.
func withAgent(
    of address: ManagerAddress, instances: [InstanceDescription] = [],
    _ body: (ManagerLink<AgentRole>) async throws -> Void
) async throws {
    try await withLink(AgentRole.self, to: address) { link in
        let (welcomes, welcomed) = AsyncStream<Void>.makeStream()
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                while let event = await link.events.next() {
                    if event == .opened { link.send(agentHello(instances: instances)) }
                    if case .received(.welcome) = event { welcomed.yield() }
                }
            }
            var iterator = welcomes.makeAsyncIterator()
            _ = await iterator.next()
            try await body(link)
            tasks.cancelAll()
        }
    }
}

func agentHello(
    revision: UInt32 = controlProtocolRevision, instances: [InstanceDescription] = []
) -> AgentMessage {
    .hello(
        AgentHello(
            agent: AgentID(unchecked: "host-1"), softwareVersion: "test", protocolRevision: revision,
            instances: instances))
}
