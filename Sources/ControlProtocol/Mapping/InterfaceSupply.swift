package import FleetModel
import SwiftProtobuf

// What is said of interface versions' supply: where from, for which machines, how good, and why not.

extension WirePrepareInterface {
    init(_ version: InterfaceVersion, _ sources: InterfaceSources) {
        self.init()
        self.version = version.wire
        source = sources.manager
        peers = Array(sources.peers.prefix(InterfaceSources.maximumPeers))
        testsAnew = sources.testsAnew
    }

    init(_ version: InterfaceVersion, for instances: [InstanceID]) {
        self.init()
        self.version = version.wire
        self.instances = instances.prefix(ProtocolLimits.assignedInstances).map(\.rawValue)
    }

    /// Nil where the message names no instance: it asks for an installation.
    func versionAndInstances() throws(ProtocolError) -> (InterfaceVersion, [InstanceID])? {
        guard !instances.isEmpty else { return nil }
        let limit = ProtocolLimits.assignedInstances
        guard instances.count <= limit else {
            throw ProtocolError("prepare_interface.instances", .tooMany(limit: limit))
        }
        var named: [InstanceID] = []
        for (index, name) in instances.enumerated() {
            named.append(try Read.identifier(name, "prepare_interface.instances[\(index)]"))
        }
        return (try Read.required(hasVersion ? version : nil, "prepare_interface.version"), named)
    }

    func versionAndSources() throws(ProtocolError) -> (InterfaceVersion, InterfaceSources) {
        guard peers.count <= InterfaceSources.maximumPeers else {
            throw ProtocolError("prepare_interface.peers", .outOfRange)
        }
        var sources = InterfaceSources(
            manager: try Read.text(source, "prepare_interface.source", limit: ProtocolLimits.urlBytes),
            testsAnew: testsAnew)
        for (index, peer) in peers.enumerated() {
            sources.peers.append(
                try Read.text(peer, "prepare_interface.peers[\(index)]", limit: ProtocolLimits.urlBytes))
        }
        return (try Read.required(hasVersion ? version : nil, "prepare_interface.version"), sources)
    }
}

extension WireInterfaceUnavailable {
    init(_ version: InterfaceVersion, _ reason: String) {
        self.init()
        self.version = version.wire
        self.reason = reason.clipped(to: ProtocolLimits.reasonBytes)
    }

    func versionAndReason<Message>(
        _ make: (InterfaceVersion, String) -> Message
    ) throws(ProtocolError) -> Message {
        make(
            try Read.required(hasVersion ? version : nil, "interface_unavailable.version"),
            try Read.text(reason, "interface_unavailable.reason", limit: ProtocolLimits.reasonBytes))
    }
}

extension HostPlatform: WireMapped {
    package init(wire: WireHostPlatform) throws(ProtocolError) {
        self.init(
            name: try Read.text(wire.name, "name", limit: ProtocolLimits.platformBytes),
            libcVersion: try Read.text(wire.libcVersion, "libc_version", limit: ProtocolLimits.libcVersionBytes))
    }

    package var wire: WireHostPlatform {
        .with {
            $0.name = name.clipped(to: ProtocolLimits.platformBytes)
            $0.libcVersion = libcVersion.clipped(to: ProtocolLimits.libcVersionBytes)
        }
    }
}

extension InterfaceMeasurement: WireMapped {
    package init(wire: WireInterfaceMeasurement) throws(ProtocolError) {
        guard wire.commandRate.isFinite, wire.commandRate > 0, wire.commandRate <= ProtocolLimits.rate else {
            throw ProtocolError("command_rate", .outOfRange)
        }
        self.init(
            version: try Read.required(wire.hasVersion ? wire.version : nil, "version"),
            timeToOpen: try Read.duration(wire.timeToOpenNs, "time_to_open_ns"), commandRate: wire.commandRate)
    }

    package var wire: WireInterfaceMeasurement {
        .with {
            $0.version = version.wire
            $0.timeToOpenNs = timeToOpen.nanoseconds
            $0.commandRate = commandRate
        }
    }
}
