package import FleetModel
import SwiftProtobuf

extension ExplanationAnswer: WireMapped {
    package init(wire: WireExplainResponse) throws(ProtocolError) {
        let limit = ExplanationAnswer.nearestLimit
        guard wire.nearest.count <= limit else { throw ProtocolError("nearest", .tooMany(limit: limit)) }
        var nearest: [InstanceID] = []
        for (index, name) in wire.nearest.enumerated() {
            nearest.append(try Read.identifier(name, "nearest[\(index)]"))
        }
        self.init(
            explanation: try Read.optional(wire.hasExplanation ? wire.explanation : nil, "explanation"),
            nearest: nearest)
    }

    package var wire: WireExplainResponse {
        .with {
            if let explanation { $0.explanation = explanation.wire }
            $0.nearest = nearest.map(\.rawValue)
        }
    }
}

extension AllocationExplanation: WireMapped {
    package init(wire: WireAllocationExplanation) throws(ProtocolError) {
        self.init(
            instance: try Read.identifier(wire.instance, "instance"),
            priority: try Read.required(wire.hasPriority ? wire.priority : nil, "priority"),
            held: try Read.required(wire.held, "held"),
            slice: try Read.required(wire.hasSlice ? wire.slice : nil, "slice"),
            device: try Read.optional(wire.hasDevice ? wire.device : nil, "device"),
            wanted: try Read.required(wire.wanted, "wanted"), isAsked: wire.isAsked,
            needed: try Read.required(wire.hasNeeded ? wire.needed : nil, "needed"),
            decision: try Read.required(wire.decision, "decision"),
            reason: try Read.text(wire.reason, "reason", limit: ProtocolLimits.detailBytes),
            steps: try Read.list(wire.steps, "steps", limit: ProtocolLimits.explainedSteps),
            devices: try Read.list(wire.devices, "devices", limit: Self.deviceLimit),
            deviceCount: Int(wire.deviceCount),
            reservations: try Read.list(wire.reservations, "reservations", limit: Self.reservationLimit),
            reservationCount: Int(wire.reservationCount),
            change: try Read.required(wire.hasChange ? wire.change : nil, "change"))
        guard wire.notes.count <= Self.noteLimit else { throw ProtocolError("notes", .tooMany(limit: Self.noteLimit)) }
        for (index, note) in wire.notes.enumerated() {
            notes.append(try Read.text(note, "notes[\(index)]", limit: ProtocolLimits.detailBytes))
        }
    }

    package var wire: WireAllocationExplanation {
        .with {
            $0.instance = instance.rawValue
            $0.priority = priority.wire
            $0.held = held.wire
            $0.slice = slice.wire
            if let device { $0.device = device.wire }
            $0.wanted = wanted.wire
            $0.isAsked = isAsked
            $0.needed = needed.wire
            $0.decision = decision.wire
            $0.reason = reason.clipped(to: ProtocolLimits.detailBytes)
            $0.steps = steps.map(\.wire)
            $0.devices = devices.prefix(Self.deviceLimit).map(\.wire)
            $0.deviceCount = UInt32(clamping: deviceCount)
            $0.reservations = reservations.prefix(Self.reservationLimit).map(\.wire)
            $0.reservationCount = UInt32(clamping: reservationCount)
            $0.change = change.wire
            $0.notes = notes.prefix(Self.noteLimit).map { $0.clipped(to: ProtocolLimits.detailBytes) }
        }
    }
}

extension AllocationExplanation.Decision: WireMapped {
    package init(wire: WireAllocationExplanation.Decision) throws(ProtocolError) {
        switch wire {
        case .inUse: self = .inUse
        case .changing: self = .changing
        case .settled: self = .settled
        case .inGrace: self = .inGrace
        case .raised: self = .raised
        case .givenBack: self = .givenBack
        case .improbable: self = .improbable
        case .short: self = .short
        case .paused: self = .paused
        case .recorded: self = .recorded
        case .unspecified: throw ProtocolError("", .missing)
        case .UNRECOGNIZED(let raw): throw ProtocolError("", .unknownValue(raw))
        }
    }

    package var wire: WireAllocationExplanation.Decision {
        switch self {
        case .inUse: .inUse
        case .changing: .changing
        case .settled: .settled
        case .inGrace: .inGrace
        case .raised: .raised
        case .givenBack: .givenBack
        case .improbable: .improbable
        case .short: .short
        case .paused: .paused
        case .recorded: .recorded
        }
    }
}

extension ExplainedStep: WireMapped {
    package init(wire: WireExplainedStep) throws(ProtocolError) {
        let seconds = Int(clamping: wire.horizonSeconds)
        guard ForecastHorizons.range.contains(seconds) else {
            throw ProtocolError("horizon_seconds", .outOfRange)
        }
        self.init(
            level: try Read.required(wire.level, "level"), horizonSeconds: seconds,
            probability: try Read.ratio(wire.probability, "probability"),
            confidence: try Read.ratio(wire.confidence, "confidence"), bar: try Read.rate(wire.bar, "bar"),
            share: try Read.rate(wire.share, "share"), price: try Read.rate(wire.price, "price"),
            load: try Read.ratio(wire.load, "load"), savedMs: try Read.rate(wire.savedMs, "saved_ms"),
            weight: try Read.rate(wire.weight, "weight"))
    }

    package var wire: WireExplainedStep {
        .with {
            $0.level = level.wire
            $0.horizonSeconds = UInt32(clamping: horizonSeconds)
            $0.probability = probability
            $0.confidence = confidence
            $0.bar = bar
            $0.share = share
            $0.price = price
            $0.load = load
            $0.savedMs = savedMs
            $0.weight = weight
        }
    }
}
