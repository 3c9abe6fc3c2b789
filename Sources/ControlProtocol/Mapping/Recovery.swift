package import FleetModel
import SwiftProtobuf

extension RecoveryOverview: WireMapped {
    package init(wire: WireRecoveryOverview) throws(ProtocolError) {
        self.init(
            standbysWanted: Int(wire.standbysWanted), standbysReady: Int(wire.standbysReady),
            worstServer: wire.hasWorstServer ? try Read.identifier(wire.worstServer, "worst_server") : nil,
            unplacedMemory: try Read.memory(wire.unplacedMemoryBytes, "unplaced_memory_bytes"),
            unplacedSessions: Int(wire.unplacedSessions),
            drains: try Read.list(wire.drains, "drains", limit: ProtocolLimits.drains))
    }

    package var wire: WireRecoveryOverview {
        .with {
            $0.standbysWanted = UInt32(clamping: standbysWanted)
            $0.standbysReady = UInt32(clamping: standbysReady)
            if let worstServer { $0.worstServer = worstServer.rawValue }
            $0.unplacedMemoryBytes = min(unplacedMemory.rawValue, ProtocolLimits.memoryBytes)
            $0.unplacedSessions = UInt32(clamping: unplacedSessions)
            $0.drains = drains.prefix(ProtocolLimits.drains).map(\.wire)
        }
    }
}

extension DrainProgress: WireMapped {
    package init(wire: WireDrainProgress) throws(ProtocolError) {
        self.init(
            server: try Read.identifier(wire.server, "server"), attached: Int(wire.attached),
            prepared: Int(wire.prepared))
    }

    package var wire: WireDrainProgress {
        .with {
            $0.server = server.rawValue
            $0.attached = UInt32(clamping: attached)
            $0.prepared = UInt32(clamping: prepared)
        }
    }
}

extension LadderOverview: WireMapped {
    package init(wire: WireLadderOverview) throws(ProtocolError) {
        self.init(
            stageMs: try Read.rate(wire.stageMs, "stage_ms"), openMs: try Read.rate(wire.openMs, "open_ms"),
            reserveMs: try Read.rate(wire.reserveMs, "reserve_ms"),
            warmShare: try Read.ratio(wire.warmShare, "warm_share"),
            warmHostMemory: try Read.memory(wire.warmHostMemoryBytes, "warm_host_memory_bytes"),
            measured: wire.measured)
    }

    package var wire: WireLadderOverview {
        .with {
            $0.stageMs = stageMs
            $0.openMs = openMs
            $0.reserveMs = reserveMs
            $0.warmShare = warmShare
            $0.warmHostMemoryBytes = min(warmHostMemory.rawValue, ProtocolLimits.memoryBytes)
            $0.measured = measured
        }
    }
}
