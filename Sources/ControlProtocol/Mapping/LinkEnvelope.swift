package import FleetModel
package import SwiftProtobuf

/// What one envelope of a stream carries.
package enum LinkFrame<Body: Hashable & Sendable>: Hashable, Sendable {
    case message(Body)
    /// A sign of life below the messages: a probe, or the reply to one.
    case keepAlive(reply: Bool)
}

/// An envelope of one of the two streams in one of the two directions.
package protocol LinkEnvelope: SwiftProtobuf.Message, Sendable {
    associatedtype Body: Hashable, Sendable

    init(_ frame: LinkFrame<Body>)

    /// What the envelope carries. Everything that comes from outside passes here and nowhere else.
    func frame() throws(ProtocolError) -> LinkFrame<Body>
}

extension WireAgentEnvelope: LinkEnvelope {
    package init(_ frame: LinkFrame<AgentMessage>) {
        self.init()
        switch frame {
        case .keepAlive(let reply): body = .keepAlive(.with { $0.reply = reply })
        case .message(.hello(let hello)): body = .hello(hello.wire)
        case .message(.report(let report)): body = .report(report.wire)
        case .message(.heartbeat(let heartbeat)): body = .heartbeat(heartbeat.wire)
        case .message(.instanceChanged(let instance, let present)):
            body = .instanceChanged(
                .with {
                    $0.instance = instance.wire
                    $0.present = present
                })
        case .message(.gpuRequested(let request)): body = .gpuRequested(request.wire)
        case .message(.gpuRequestCancelled(let request)):
            body = .gpuRequestCancelled(.with { $0.request = request.rawValue })
        case .message(.acknowledged(let acknowledgement)): body = .acknowledged(acknowledgement.wire)
        case .message(.interfaceInstalled(let version)): body = .interfaceInstalled(version.wire)
        case .message(.interfaceUnavailable(let version, let reason)):
            body = .interfaceUnavailable(WireInterfaceUnavailable(version, reason))
        }
    }

    package func frame() throws(ProtocolError) -> LinkFrame<AgentMessage> {
        switch body {
        case .hello(let wire): .message(.hello(try Read.required(wire, "hello")))
        case .report(let wire): .message(.report(try Read.required(wire, "report")))
        case .heartbeat(let wire): .message(.heartbeat(try Read.required(wire, "heartbeat")))
        case .instanceChanged(let wire):
            .message(
                .instanceChanged(
                    try Read.required(wire.hasInstance ? wire.instance : nil, "instance_changed.instance"),
                    present: wire.present))
        case .gpuRequested(let wire): .message(.gpuRequested(try Read.required(wire, "gpu_requested")))
        case .gpuRequestCancelled(let wire): .message(.gpuRequestCancelled(RequestID(rawValue: wire.request)))
        case .acknowledged(let wire): .message(.acknowledged(try Read.required(wire, "acknowledged")))
        case .interfaceInstalled(let wire):
            .message(.interfaceInstalled(try Read.required(wire, "interface_installed")))
        case .interfaceUnavailable(let wire):
            .message(try wire.versionAndReason { .interfaceUnavailable($0, reason: $1) })
        case .keepAlive(let wire): .keepAlive(reply: wire.reply)
        case nil: throw ProtocolError("body", .missing)
        }
    }
}

extension WireManagerToAgentEnvelope: LinkEnvelope {
    package init(_ frame: LinkFrame<ManagerToAgentMessage>) {
        self.init()
        switch frame {
        case .keepAlive(let reply): body = .keepAlive(.with { $0.reply = reply })
        case .message(.welcome(let welcome)): body = .welcome(welcome.wire)
        case .message(.allocation(let notification)): body = .allocation(notification.wire)
        case .message(.withdrawal(let withdrawal)): body = .withdrawal(withdrawal.wire)
        case .message(.requestRefused(let request, let reason)):
            body = .requestRefused(
                .with {
                    $0.request = request.rawValue
                    $0.reason = reason.clipped(to: ProtocolLimits.reasonBytes)
                })
        case .message(.notice(let notice)): body = .notice(notice.wire)
        case .message(.heartbeatAcknowledged(let sequence)):
            body = .heartbeatAcknowledged(.with { $0.sequence = sequence })
        case .message(.prepareInterface(let version, let sources)):
            body = .prepareInterface(WirePrepareInterface(version, sources))
        case .message(.useInterface(let version, let instances)):
            body = .prepareInterface(WirePrepareInterface(version, for: instances))
        }
    }

    package func frame() throws(ProtocolError) -> LinkFrame<ManagerToAgentMessage> {
        switch body {
        case .welcome(let wire): return .message(.welcome(try Read.required(wire, "welcome")))
        case .allocation(let wire): return .message(.allocation(try Read.required(wire, "allocation")))
        case .withdrawal(let wire): return .message(.withdrawal(try Read.required(wire, "withdrawal")))
        case .requestRefused(let wire):
            let reason = try Read.text(wire.reason, "request_refused.reason", limit: ProtocolLimits.reasonBytes)
            return .message(.requestRefused(RequestID(rawValue: wire.request), reason: reason))
        case .notice(let wire): return .message(.notice(try Read.required(wire, "notice")))
        case .heartbeatAcknowledged(let wire): return .message(.heartbeatAcknowledged(sequence: wire.sequence))
        case .prepareInterface(let wire):
            if let (version, instances) = try wire.versionAndInstances() {
                return .message(.useInterface(version, for: instances))
            }
            let (version, sources) = try wire.versionAndSources()
            return .message(.prepareInterface(version, from: sources))
        case .keepAlive(let wire): return .keepAlive(reply: wire.reply)
        case nil: throw ProtocolError("body", .missing)
        }
    }
}

extension WireGpuServerEnvelope: LinkEnvelope {
    package init(_ frame: LinkFrame<GPUServerMessage>) {
        self.init()
        switch frame {
        case .keepAlive(let reply): body = .keepAlive(.with { $0.reply = reply })
        case .message(.hello(let hello)): body = .hello(hello.wire)
        case .message(.heartbeat(let heartbeat)): body = .heartbeat(heartbeat.wire)
        case .message(.commandAnswered(let answer)): body = .commandAnswered(answer.wire)
        case .message(.grantEnded(let end)): body = .grantEnded(end.wire)
        case .message(.interfaceInstalled(let version)): body = .interfaceInstalled(version.wire)
        case .message(.interfaceUnavailable(let version, let reason)):
            body = .interfaceUnavailable(WireInterfaceUnavailable(version, reason))
        case .message(.interfaceMeasured(let measurement)): body = .interfaceMeasured(measurement.wire)
        }
    }

    package func frame() throws(ProtocolError) -> LinkFrame<GPUServerMessage> {
        switch body {
        case .hello(let wire): .message(.hello(try Read.required(wire, "hello")))
        case .heartbeat(let wire): .message(.heartbeat(try Read.required(wire, "heartbeat")))
        case .commandAnswered(let wire): .message(.commandAnswered(try Read.required(wire, "command_answered")))
        case .grantEnded(let wire): .message(.grantEnded(try Read.required(wire, "grant_ended")))
        case .interfaceInstalled(let wire):
            .message(.interfaceInstalled(try Read.required(wire, "interface_installed")))
        case .interfaceUnavailable(let wire):
            .message(try wire.versionAndReason { .interfaceUnavailable($0, reason: $1) })
        case .interfaceMeasured(let wire): .message(.interfaceMeasured(try Read.required(wire, "interface_measured")))
        case .keepAlive(let wire): .keepAlive(reply: wire.reply)
        case nil: throw ProtocolError("body", .missing)
        }
    }
}

extension WireManagerToGpuServerEnvelope: LinkEnvelope {
    package init(_ frame: LinkFrame<ManagerToGPUServerMessage>) {
        self.init()
        switch frame {
        case .keepAlive(let reply): body = .keepAlive(.with { $0.reply = reply })
        case .message(.welcome(let welcome)): body = .welcome(welcome.wire)
        case .message(.command(let command)): body = .command(command.wire)
        case .message(.renew(let epoch, let grants, let timeToLive)):
            body = .renew(
                .with {
                    $0.epoch = epoch.wire
                    $0.grants = grants.map(\.rawValue)
                    $0.timeToLiveNs = timeToLive.nanoseconds
                })
        case .message(.heartbeatAcknowledged(let sequence)):
            body = .heartbeatAcknowledged(.with { $0.sequence = sequence })
        case .message(.prepareInterface(let version, let sources)):
            body = .prepareInterface(WirePrepareInterface(version, sources))
        }
    }

    package func frame() throws(ProtocolError) -> LinkFrame<ManagerToGPUServerMessage> {
        switch body {
        case .welcome(let wire): return .message(.welcome(try Read.required(wire, "welcome")))
        case .command(let wire): return .message(.command(try Read.required(wire, "command")))
        case .renew(let wire):
            guard wire.grants.count <= ProtocolLimits.grants else {
                throw ProtocolError("renew.grants", .tooMany(limit: ProtocolLimits.grants))
            }
            return .message(
                .renew(
                    epoch: try Read.required(wire.hasEpoch ? wire.epoch : nil, "renew.epoch"),
                    grants: wire.grants.map(GrantID.init(rawValue:)),
                    timeToLive: try Read.duration(wire.timeToLiveNs, "renew.time_to_live_ns", least: 1)))
        case .heartbeatAcknowledged(let wire): return .message(.heartbeatAcknowledged(sequence: wire.sequence))
        case .prepareInterface(let wire):
            let (version, sources) = try wire.versionAndSources()
            return .message(.prepareInterface(version, from: sources))
        case .keepAlive(let wire): return .keepAlive(reply: wire.reply)
        case nil: throw ProtocolError("body", .missing)
        }
    }
}
