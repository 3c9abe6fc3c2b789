package import FleetModel
import SwiftProtobuf

// Which interface version an instance gets, and why.

extension InterfaceExplanation: WireMapped {
    package init(wire: WireInterfaceExplanation) throws(ProtocolError) {
        var scope: VersionRules.Scope?
        var rule: VersionRule?
        if wire.hasRule {
            do { (scope, rule) = try wire.rule.scopeAndRule() } catch { throw error.within("rule") }
        }
        self.init(
            instance: try Read.identifier(wire.instance, "instance"),
            kind: try Read.text(wire.kind, "kind", limit: ProtocolLimits.reasonBytes),
            agent: wire.agent.isEmpty ? nil : try Read.identifier(wire.agent, "agent"),
            platform: try Read.optional(wire.hasPlatform ? wire.platform : nil, "platform") ?? HostPlatform(),
            installed: try Read.list(wire.installed, "installed", limit: ProtocolLimits.interfaceVersions),
            rule: rule, scope: scope,
            choices: try Read.list(wire.choices, "choices", limit: Self.choiceLimit))
    }

    package var wire: WireInterfaceExplanation {
        .with {
            $0.instance = instance.rawValue
            $0.kind = kind
            $0.agent = agent?.rawValue ?? ""
            $0.platform = platform.wire
            $0.installed = installed.prefix(ProtocolLimits.interfaceVersions).map(\.wire)
            if let scope, let rule { $0.rule = WireInterfacePin(scope, rule) }
            $0.choices = choices.prefix(Self.choiceLimit).map(\.wire)
        }
    }
}

extension InterfaceExplanation.Choice: WireMapped {
    package init(wire: WireInterfaceChoice) throws(ProtocolError) {
        self.init(
            device: try Read.required(wire.hasDevice ? wire.device : nil, "device"),
            installed: try Read.list(wire.installed, "installed", limit: ProtocolLimits.interfaceVersions),
            candidates: try Read.list(
                wire.candidates, "candidates", limit: InterfaceExplanation.candidateLimit),
            worker: try Read.optional(wire.hasWorker ? wire.worker : nil, "worker"),
            client: try Read.optional(wire.hasClient ? wire.client : nil, "client"),
            wanted: try Read.optional(wire.hasWanted ? wire.wanted : nil, "wanted"),
            decided: try Read.text(wire.decided, "decided", limit: ProtocolLimits.reasonBytes))
    }

    package var wire: WireInterfaceChoice {
        .with {
            $0.device = device.wire
            $0.installed = installed.prefix(ProtocolLimits.interfaceVersions).map(\.wire)
            $0.candidates = candidates.prefix(InterfaceExplanation.candidateLimit).map(\.wire)
            if let worker { $0.worker = worker.wire }
            if let client { $0.client = client.wire }
            if let wanted { $0.wanted = wanted.wire }
            $0.decided = decided.clipped(to: ProtocolLimits.reasonBytes)
        }
    }
}

extension InterfaceExplanation.Candidate: WireMapped {
    package init(wire: WireInterfaceCandidate) throws(ProtocolError) {
        let limit = InterfaceExplanation.obstacleLimit
        guard wire.obstacles.count <= limit else { throw ProtocolError("obstacles", .tooMany(limit: limit)) }
        var obstacles: [String] = []
        for (index, text) in wire.obstacles.enumerated() {
            obstacles.append(try Read.text(text, "obstacles[\(index)]", limit: ProtocolLimits.reasonBytes))
        }
        if wire.hasCommandRate, !wire.commandRate.isFinite { throw ProtocolError("command_rate", .outOfRange) }
        self.init(
            version: try Read.required(wire.hasVersion ? wire.version : nil, "version"),
            isAtClient: wire.atClient, isAtServer: wire.atServer, obstacles: obstacles,
            serves: try Read.list(wire.serves, "serves", limit: ProtocolLimits.interfaceVersions),
            opened: wire.opened, failed: wire.failed,
            timeToOpen: wire.hasTimeToOpenNs ? .nanoseconds(wire.timeToOpenNs) : nil,
            commandRate: wire.hasCommandRate ? wire.commandRate : nil)
    }

    package var wire: WireInterfaceCandidate {
        .with {
            $0.version = version.wire
            $0.atClient = isAtClient
            $0.atServer = isAtServer
            $0.obstacles = obstacles.map { $0.clipped(to: ProtocolLimits.reasonBytes) }
            $0.serves = serves.prefix(ProtocolLimits.interfaceVersions).map(\.wire)
            $0.opened = opened
            $0.failed = failed
            if let timeToOpen { $0.timeToOpenNs = timeToOpen.nanoseconds }
            if let commandRate { $0.commandRate = commandRate }
        }
    }
}
