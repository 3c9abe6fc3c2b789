package import FleetModel
import SwiftProtobuf

extension AgentHello: WireMapped {
    package init(wire: WireAgentHello) throws(ProtocolError) {
        self.init(
            agent: try Read.identifier(wire.agent, "agent"),
            softwareVersion: try Read.text(
                wire.softwareVersion, "software_version", limit: ProtocolLimits.softwareVersionBytes),
            protocolRevision: wire.protocolRevision,
            instances: try Read.list(wire.instances, "instances", limit: ProtocolLimits.instances),
            installed: try Read.list(wire.installed, "installed", limit: ProtocolLimits.interfaceVersions),
            held: try Read.list(wire.held, "held", limit: ProtocolLimits.grants),
            platform: try Read.optional(wire.hasPlatform ? wire.platform : nil, "platform") ?? HostPlatform())
    }

    package var wire: WireAgentHello {
        .with {
            $0.agent = agent.rawValue
            $0.softwareVersion = softwareVersion.clipped(to: ProtocolLimits.softwareVersionBytes)
            $0.protocolRevision = protocolRevision
            $0.instances = instances.map(\.wire)
            $0.installed = installed.map(\.wire)
            $0.held = held.map(\.wire)
            if platform != HostPlatform() { $0.platform = platform.wire }
        }
    }
}

extension HeldSession: WireMapped {
    package init(wire: WireHeldSession) throws(ProtocolError) {
        self.init(
            grant: GrantID(rawValue: wire.grant), epoch: try Read.required(wire.hasEpoch ? wire.epoch : nil, "epoch"),
            state: try Read.required(wire.state, "state"))
    }

    package var wire: WireHeldSession {
        .with {
            $0.grant = grant.rawValue
            $0.epoch = epoch.wire
            $0.state = state.wire
        }
    }
}

extension HeldSession.State: WireMapped {
    package init(wire: WireHeldSession.State) throws(ProtocolError) {
        switch wire {
        case .opening: self = .opening
        case .held: self = .held
        case .handedOver: self = .handedOver
        case .unspecified: throw ProtocolError("", .missing)
        case .UNRECOGNIZED(let raw): throw ProtocolError("", .unknownValue(raw))
        }
    }

    package var wire: WireHeldSession.State {
        switch self {
        case .opening: .opening
        case .held: .held
        case .handedOver: .handedOver
        }
    }
}

extension AgentHeartbeat: WireMapped {
    package init(wire: WireAgentHeartbeat) throws(ProtocolError) {
        self.init(
            sequence: wire.sequence, held: try Read.list(wire.held, "held", limit: ProtocolLimits.grants))
    }

    package var wire: WireAgentHeartbeat {
        .with {
            $0.sequence = sequence
            $0.held = held.map(\.wire)
        }
    }
}

extension GPURequest: WireMapped {
    package init(wire: WireGpuRequest) throws(ProtocolError) {
        let library = SemanticVersion(wire.libraryVersion)
        guard library != nil || wire.libraryVersion.isEmpty else { throw ProtocolError("library_version", .malformed) }
        guard wire.together <= InstanceDescription.maximumGPUs else { throw ProtocolError("together", .outOfRange) }
        self.init(
            request: RequestID(rawValue: wire.request), instance: try Read.identifier(wire.instance, "instance"),
            library: library, together: max(Int(wire.together), 1))
    }

    package var wire: WireGpuRequest {
        .with {
            $0.request = request.rawValue
            $0.instance = instance.rawValue
            $0.libraryVersion = library?.description ?? ""
            $0.together = together > 1 ? UInt32(together) : 0
        }
    }
}

extension NotificationAcknowledgement: WireMapped {
    package init(wire: WireNotificationAcknowledgement) throws(ProtocolError) {
        let outcome: Outcome
        switch wire.outcome {
        case .ready: outcome = .ready
        case .handedOver(let handed):
            outcome = .handedOver(handed.hasRequest ? RequestID(rawValue: handed.request) : nil)
        case .failed(let why): outcome = .failed(try Read.text(why, "failed", limit: ProtocolLimits.reasonBytes))
        case .released: outcome = .released
        case .ended: outcome = .ended
        case nil: throw ProtocolError("outcome", .missing)
        }
        self.init(
            grant: GrantID(rawValue: wire.grant), epoch: try Read.required(wire.hasEpoch ? wire.epoch : nil, "epoch"),
            outcome: outcome)
    }

    package var wire: WireNotificationAcknowledgement {
        .with {
            $0.grant = grant.rawValue
            $0.epoch = epoch.wire
            switch outcome {
            case .ready: $0.outcome = .ready(WireNothing())
            case .handedOver(let request):
                $0.outcome = .handedOver(.with { if let request { $0.request = request.rawValue } })
            case .failed(let why): $0.outcome = .failed(why.clipped(to: ProtocolLimits.reasonBytes))
            case .released: $0.outcome = .released(WireNothing())
            case .ended: $0.outcome = .ended(WireNothing())
            }
        }
    }
}
