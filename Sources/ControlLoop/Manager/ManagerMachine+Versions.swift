import AllocationCore
import FleetModel
import InterfaceCore

/// Which interface version a session runs in: one that its agent and its GPU server have and the repository publishes.
extension ManagerMachine {
    /// The version that an agent shares with some GPU server that is there.
    /// - Throws: ``NoSharedVersion``, which names what each side has.
    func sharedVersion(_ agent: AgentID) throws(NoSharedVersion) -> InterfaceVersion {
        try sharedVersion(agent, serverInstalled: installedOnServers)
    }

    /// The version that an instance's agent shares with the GPU server of a device.
    /// - Throws: ``NoSharedVersion``, which names what each side has.
    func sharedVersion(_ instance: InstanceID, on device: DeviceID) throws(NoSharedVersion) -> InterfaceVersion {
        try sharedVersion(record(of: instance)?.agent, serverInstalled: servers[device.server]?.installed ?? [])
    }

    private func sharedVersion(
        _ agent: AgentID?, serverInstalled: [InterfaceVersion]
    ) throws(NoSharedVersion) -> InterfaceVersion {
        if configuration.bugs.contains(.ignoreSharedVersion), let newest = published.last { return newest }
        return try SharedVersion.select(
            kind: configuration.interfaceKind, agent: agent.flatMap { agents[$0]?.installed } ?? [],
            server: serverInstalled, repository: published)
    }

    /// Takes note that a GPU server has come, or has a version more: its devices can be given out once it has something
    /// that is published.
    mutating func serverGained(_ server: GPUServerID) {
        guard let record = servers[server], record.link != nil else { return }
        let isUsable =
            record.installed.contains { published.contains($0) } && !draining.contains(server)
            && !closedServers.contains(server)
        for device in record.devices { pool.setAvailable(device.id, isUsable) }
        largestDevice = max(largestDevice, record.devices.map(\.memory).max() ?? .zero)
        for version in record.installed where !installedOnServers.contains(version) {
            installedOnServers.append(version)
        }
    }

    /// Takes note that a GPU server is away: nothing is placed there, and what it alone could offer is not to be had.
    /// O(devices)
    mutating func serverWentAway(_ server: GPUServerID) {
        for device in servers[server]?.devices ?? [] { pool.setAvailable(device.id, false) }
        let present = servers.values.lazy.filter { $0.link != nil }
        largestDevice = present.flatMap(\.devices).map(\.memory).max() ?? largestDevice
        let installed = present.reduce(into: Set<InterfaceVersion>()) { $0.formUnion($1.installed) }
        installedOnServers = installed.sorted { $0.description < $1.description }
    }

    /// Contention in words; where versions are the reason, with what each side has.
    func describe(_ contention: Contention, of instance: InstanceID) -> String {
        guard contention.reason == .notStaged, let agent = record(of: instance)?.agent else {
            return contention.description
        }
        do {
            // Shared by now.
            _ = try sharedVersion(agent)
            return contention.description
        } catch {
            return "\(contention.description): \(error)"
        }
    }
}
