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
        let isEmpty = wire.attached == 0 && wire.prepared == 0
        let phase: Phase =
            switch wire.phase {
            case .draining: .draining
            case .overdue: .overdue
            case .empty: .empty
            case .returning: .returning
            case .unspecified: isEmpty ? .empty : .draining
            case .UNRECOGNIZED(let raw): throw ProtocolError("phase", .unknownValue(raw))
            }
        self.init(
            server: try Read.identifier(wire.server, "server"), phase: phase, attached: Int(wire.attached),
            prepared: Int(wire.prepared),
            deadline: wire.hasDeadlineUnixMs ? WallTime(rawValue: wire.deadlineUnixMs) : nil,
            atDeadline: wire.endsSessions ? .end : .wait,
            reason: try Read.text(wire.reason, "reason", limit: ProtocolLimits.reasonBytes))
    }

    package var wire: WireDrainProgress {
        .with {
            $0.server = server.rawValue
            $0.attached = UInt32(clamping: attached)
            $0.prepared = UInt32(clamping: prepared)
            $0.phase =
                switch phase {
                case .draining: .draining
                case .overdue: .overdue
                case .empty: .empty
                case .returning: .returning
                }
            if let deadline { $0.deadlineUnixMs = deadline.rawValue }
            $0.endsSessions = atDeadline == .end
            $0.reason = reason.clipped(to: ProtocolLimits.reasonBytes)
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
