package import FleetModel
import SwiftProtobuf

extension RolloutChange: WireMapped {
    package init(wire: WireRolloutChange) throws(ProtocolError) {
        switch wire.change {
        case .start(let plan)?: self = .start(try Read.required(plan, "start"))
        case .pause(let order)?: self = .pause(order.id)
        case .resume(let order)?: self = .resume(order.id)
        case .abort(let order)?: self = .abort(order.id)
        case nil: throw ProtocolError("change", .missing)
        }
    }

    package var wire: WireRolloutChange {
        .with {
            switch self {
            case .start(let plan): $0.change = .start(plan.wire)
            case .pause(let id): $0.change = .pause(WireRolloutOrder(id))
            case .resume(let id): $0.change = .resume(WireRolloutOrder(id))
            case .abort(let id): $0.change = .abort(WireRolloutOrder(id))
            }
        }
    }
}

extension WireRolloutOrder {
    init(_ id: RolloutID?) {
        self.init()
        if let id { rollout = id.rawValue }
    }

    var id: RolloutID? { hasRollout ? RolloutID(rawValue: rollout) : nil }
}

extension Permille {
    fileprivate init(wire: UInt32, _ field: String) throws(ProtocolError) {
        guard let share = Permille(rawValue: Int(wire)) else { throw ProtocolError(field, .outOfRange) }
        self = share
    }

    fileprivate var wire: UInt32 { UInt32(rawValue) }
}

/// Carried without the digest of its target, which is the manager's to fill in.
extension RolloutPlan: WireMapped {
    package init(wire: WireRolloutPlan) throws(ProtocolError) {
        guard let version = SemanticVersion(wire.version) else { throw ProtocolError("version", .malformed) }
        let kind = try Read.text(wire.kind, "kind", limit: ProtocolLimits.platformBytes)
        self.init(
            target: InterfaceVersion(kind: kind, version: version, digest: .zero),
            canary: try Permille(wire: wire.canaryPermille, "canary_permille"),
            batch: try Permille(wire: wire.batchPermille, "batch_permille"),
            soak: try Read.duration(wire.soakNs, "soak_ns"), leastSessions: Int(wire.leastSessions),
            evidenceWithin: wire.hasEvidenceWithinNs
                ? try Read.duration(wire.evidenceWithinNs, "evidence_within_ns") : nil,
            gates: try Read.required(wire.hasGates ? wire.gates : nil, "gates"),
            limits: try Read.required(wire.hasLimits ? wire.limits : nil, "limits"))
    }

    package var wire: WireRolloutPlan {
        .with {
            $0.kind = target.kind
            $0.version = target.version.description
            $0.canaryPermille = canary.wire
            $0.batchPermille = batch.wire
            $0.soakNs = soak.nanoseconds
            $0.leastSessions = UInt32(clamping: leastSessions)
            if let evidenceWithin { $0.evidenceWithinNs = evidenceWithin.nanoseconds }
            $0.gates = gates.wire
            $0.limits = limits.wire
        }
    }
}

extension RolloutGates: WireMapped {
    package init(wire: WireRolloutGates) throws(ProtocolError) {
        self.init(
            errors: try Read.optional(wire.hasErrors ? wire.errors : nil, "errors"),
            crashes: try Read.optional(wire.hasCrashes ? wire.crashes : nil, "crashes"),
            selfTests: try Read.optional(wire.hasSelfTests ? wire.selfTests : nil, "self_tests"),
            openTimeRatio: wire.hasOpenTimeRatio ? try Read.rate(wire.openTimeRatio, "open_time_ratio") : nil,
            commandRateRatio: wire.hasCommandRateRatio
                ? try Read.ratio(wire.commandRateRatio, "command_rate_ratio") : nil)
    }

    package var wire: WireRolloutGates {
        .with {
            if let errors { $0.errors = errors.wire }
            if let crashes { $0.crashes = crashes.wire }
            if let selfTests { $0.selfTests = selfTests.wire }
            if let openTimeRatio { $0.openTimeRatio = openTimeRatio }
            if let commandRateRatio { $0.commandRateRatio = commandRateRatio }
        }
    }
}

extension RolloutGates.Failures: WireMapped {
    package init(wire: WireFailureGate) throws(ProtocolError) {
        self.init(
            ratio: try Read.rate(wire.ratio, "ratio"), allowance: try Read.ratio(wire.allowance, "allowance"))
    }

    package var wire: WireFailureGate {
        .with {
            $0.ratio = ratio
            $0.allowance = allowance
        }
    }
}

extension RolloutLimits: WireMapped {
    package init(wire: WireRolloutLimits) throws(ProtocolError) {
        self.init(
            perTenant: try Permille(wire: wire.tenantPermille, "tenant_permille"),
            perClass: try Permille(wire: wire.classPermille, "class_permille"),
            perFailureDomain: try Permille(wire: wire.failureDomainPermille, "failure_domain_permille"))
    }

    package var wire: WireRolloutLimits {
        .with {
            $0.tenantPermille = perTenant.wire
            $0.classPermille = perClass.wire
            $0.failureDomainPermille = perFailureDomain.wire
        }
    }
}

extension RolloutPhase {
    fileprivate init(wire: WireRolloutPhase) throws(ProtocolError) {
        switch wire {
        case .canary: self = .canary
        case .batches: self = .batches
        case .paused: self = .paused
        case .completed: self = .completed
        case .rollingBack: self = .rollingBack
        case .rolledBack: self = .rolledBack
        case .aborted: self = .aborted
        case .unspecified: throw ProtocolError("phase", .missing)
        case .UNRECOGNIZED(let raw): throw ProtocolError("phase", .unknownValue(raw))
        }
    }

    fileprivate var wire: WireRolloutPhase {
        switch self {
        case .canary: .canary
        case .batches: .batches
        case .paused: .paused
        case .completed: .completed
        case .rollingBack: .rollingBack
        case .rolledBack: .rolledBack
        case .aborted: .aborted
        }
    }
}

extension RolloutOverview: WireMapped {
    package init(wire: WireRolloutOverview) throws(ProtocolError) {
        let target: InterfaceVersion = try Read.required(wire.hasTarget ? wire.target : nil, "target")
        var record = RolloutRecord(
            id: RolloutID(rawValue: wire.id), plan: RolloutPlan(target: target), baseline: target,
            startedAt: WallTime(rawValue: wire.startedUnixMs))
        record.baseline = try Read.optional(wire.hasBaseline ? wire.baseline : nil, "baseline")
        record.phase = try RolloutPhase(wire: wire.phase)
        record.stage = Int(wire.stage)
        record.share = try Permille(wire: wire.sharePermille, "share_permille")
        record.eligible = Int(wire.eligible)
        record.admitted = Int(wire.admitted)
        record.soaked = try Read.duration(wire.soakedNs, "soaked_ns")
        record.reason = try Read.text(wire.reason, "reason", limit: ProtocolLimits.reasonBytes)
        record.endedAt = wire.hasEndedUnixMs ? WallTime(rawValue: wire.endedUnixMs) : nil
        self.init(
            record, servers: Int(wire.servers), sessionsInTarget: Int(wire.sessionsInTarget),
            sessionsInOthers: Int(wire.sessionsInOthers))
        guard wire.gates.count <= ProtocolLimits.gates else {
            throw ProtocolError("gates", .tooMany(limit: ProtocolLimits.gates))
        }
        // A gate of a later manager is left out: it says nothing that could be misunderstood.
        for wire in wire.gates {
            if let gate = try Gate.known(wire) { gates.append(gate) }
        }
    }

    package var wire: WireRolloutOverview {
        .with {
            $0.id = id.rawValue
            $0.target = target.wire
            if let baseline { $0.baseline = baseline.wire }
            $0.phase = phase.wire
            $0.stage = UInt32(clamping: stage)
            $0.sharePermille = share.wire
            $0.eligible = UInt32(clamping: eligible)
            $0.admitted = UInt32(clamping: admitted)
            $0.servers = UInt32(clamping: servers)
            $0.soakedNs = soaked.nanoseconds
            $0.reason = reason.clipped(to: ProtocolLimits.reasonBytes)
            $0.startedUnixMs = startedAt.rawValue
            if let endedAt { $0.endedUnixMs = endedAt.rawValue }
            $0.sessionsInTarget = UInt32(clamping: sessionsInTarget)
            $0.sessionsInOthers = UInt32(clamping: sessionsInOthers)
            $0.gates = gates.prefix(ProtocolLimits.gates).map(\.wire)
        }
    }
}

extension RolloutOverview.Gate {
    fileprivate static func known(_ wire: WireGateFigures) throws(ProtocolError) -> Self? {
        guard let gate = RolloutGate(rawValue: wire.gate) else { return nil }
        return Self(
            gate: gate, target: FailureCount(trials: wire.targetTrials, failures: wire.targetFailures),
            baseline: FailureCount(trials: wire.baselineTrials, failures: wire.baselineFailures),
            commandRateRatio: wire.hasCommandRateRatio
                ? try Read.rate(wire.commandRateRatio, "command_rate_ratio") : nil)
    }

    fileprivate var wire: WireGateFigures {
        .with {
            $0.gate = gate.rawValue
            $0.targetTrials = target.trials
            $0.targetFailures = target.failures
            $0.baselineTrials = baseline.trials
            $0.baselineFailures = baseline.failures
            if let commandRateRatio { $0.commandRateRatio = commandRateRatio }
        }
    }
}
