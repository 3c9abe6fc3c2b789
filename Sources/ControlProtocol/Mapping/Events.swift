package import FleetModel
import SwiftProtobuf

extension RecordedEvent: WireMapped {
    package init(wire: WireRecordedEvent) throws(ProtocolError) {
        self.init(
            sequence: wire.sequence, recordedAtUnixMs: wire.recordedAtUnixMs,
            event: try Read.required(wire.hasEvent ? wire.event : nil, "event"))
    }

    package var wire: WireRecordedEvent {
        .with {
            $0.sequence = sequence
            $0.recordedAtUnixMs = recordedAtUnixMs
            $0.event = event.wire
        }
    }
}

extension FleetEvent: WireMapped {
    package init(wire: WireFleetEvent) throws(ProtocolError) {
        self.init(
            at: try Read.moment(wire.atNs, "at_ns"), kind: try Read.required(wire.kind, "kind"),
            instance: wire.hasInstance ? try Read.identifier(wire.instance, "instance") : nil,
            grant: wire.hasGrant ? GrantID(rawValue: wire.grant) : nil,
            device: try Read.optional(wire.hasDevice ? wire.device : nil, "device"),
            detail: try Read.text(wire.detail, "detail", limit: ProtocolLimits.detailBytes))
    }

    package var wire: WireFleetEvent {
        .with {
            $0.atNs = at.rawValue
            $0.kind = kind.wire
            if let instance { $0.instance = instance.rawValue }
            if let grant { $0.grant = grant.rawValue }
            if let device { $0.device = device.wire }
            $0.detail = detail.clipped(to: ProtocolLimits.detailBytes)
        }
    }
}

extension FleetEvent.Kind: WireMapped {
    package init(wire: WireFleetEvent.Kind) throws(ProtocolError) {
        switch wire {
        case .agentConnected: self = .agentConnected
        case .agentLost: self = .agentLost
        case .serverConnected: self = .serverConnected
        case .serverLost: self = .serverLost
        case .instanceAppeared: self = .instanceAppeared
        case .instanceGone: self = .instanceGone
        case .prepared: self = .prepared
        case .reserved: self = .reserved
        case .attached: self = .attached
        case .reclaimed: self = .reclaimed
        case .contention: self = .contention
        case .requested: self = .requested
        case .refused: self = .refused
        case .interfaceInstalled: self = .interfaceInstalled
        case .failure: self = .failure
        case .ordered: self = .ordered
        case .rehearsed: self = .rehearsed
        case .noticed: self = .noticed
        case .unspecified: throw ProtocolError("", .missing)
        case .UNRECOGNIZED(let raw): throw ProtocolError("", .unknownValue(raw))
        }
    }

    package var wire: WireFleetEvent.Kind {
        switch self {
        case .agentConnected: .agentConnected
        case .agentLost: .agentLost
        case .serverConnected: .serverConnected
        case .serverLost: .serverLost
        case .instanceAppeared: .instanceAppeared
        case .instanceGone: .instanceGone
        case .prepared: .prepared
        case .reserved: .reserved
        case .attached: .attached
        case .reclaimed: .reclaimed
        case .contention: .contention
        case .requested: .requested
        case .refused: .refused
        case .interfaceInstalled: .interfaceInstalled
        case .failure: .failure
        case .ordered: .ordered
        case .rehearsed: .rehearsed
        case .noticed: .noticed
        }
    }
}
