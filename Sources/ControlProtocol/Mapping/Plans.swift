package import FleetModel
import SwiftProtobuf

extension ChangePlan: WireMapped {
    package init(wire: WireChangePlan) throws(ProtocolError) {
        self.init(
            changes: try Read.list(wire.changes, "changes", limit: Self.changeLimit), revision: wire.revision,
            madeAt: WallTime(rawValue: wire.madeAtUnixMs),
            steps: try Read.list(wire.steps, "steps", limit: Self.stepLimit))
    }

    package var wire: WireChangePlan {
        .with {
            $0.changes = changes.map(\.wire)
            $0.revision = revision
            $0.madeAtUnixMs = madeAt.rawValue
            $0.steps = steps.map(\.wire)
        }
    }

    /// The plan as it is kept in a file: JSON as protocol buffers define it.
    package func savedText() throws -> String {
        var options = JSONEncodingOptions()
        options.useDeterministicOrdering = true
        return try wire.jsonString(options: options)
    }

    /// A plan that was kept in a file.
    /// - Throws: what is wrong with it; an unknown field is.
    package init(savedText: String) throws { try self.init(wire: WireChangePlan(jsonString: savedText)) }
}

extension PlannedStep: WireMapped {
    package init(wire: WirePlannedStep) throws(ProtocolError) {
        let holds: PlannedHolding? = try Read.optional(wire.hasHolds ? wire.holds : nil, "holds")
        func device() throws(ProtocolError) -> DeviceID {
            try Read.required(wire.hasDevice ? wire.device : nil, "device")
        }
        func grant() throws(ProtocolError) -> GrantID {
            guard let holds else { throw ProtocolError("holds", .missing) }
            return holds.grant
        }
        let action: Action
        switch wire.kind {
        case .openWarm: action = .openWarm(try device())
        case .reserve:
            let device = try device()
            action = .reserve(
                device, try Read.required(wire.hasSlice ? wire.slice : nil, "slice"),
                existing: holds?.device == device ? holds?.grant : nil)
        case .lower: action = .lower(try grant(), try Read.required(wire.reason, "reason"))
        case .release: action = .release(try grant(), try Read.required(wire.reason, "reason"))
        case .short: action = .short(try Read.text(wire.text, "text", limit: ProtocolLimits.detailBytes))
        case .unspecified: throw ProtocolError("kind", .missing)
        case .UNRECOGNIZED(let raw): throw ProtocolError("kind", .unknownValue(raw))
        }
        self.init(instance: try Read.identifier(wire.instance, "instance"), action: action, holds: holds)
    }

    package var wire: WirePlannedStep {
        .with {
            $0.instance = instance.rawValue
            if let holds { $0.holds = holds.wire }
            switch action {
            case .openWarm(let device):
                $0.kind = .openWarm
                $0.device = device.wire
            case .reserve(let device, let slice, _):
                $0.kind = .reserve
                $0.device = device.wire
                $0.slice = slice.wire
            case .lower(_, let reason):
                $0.kind = .lower
                $0.reason = reason.wire
            case .release(_, let reason):
                $0.kind = .release
                $0.reason = reason.wire
            case .short(let text):
                $0.kind = .short
                $0.text = text.clipped(to: ProtocolLimits.detailBytes)
            }
        }
    }
}

extension PlannedHolding: WireMapped {
    package init(wire: WirePlannedHolding) throws(ProtocolError) {
        self.init(
            grant: GrantID(rawValue: wire.grant),
            device: try Read.required(wire.hasDevice ? wire.device : nil, "device"),
            level: try Read.required(wire.level, "level"),
            slice: try Read.required(wire.hasSlice ? wire.slice : nil, "slice"))
    }

    package var wire: WirePlannedHolding {
        .with {
            $0.grant = grant.rawValue
            $0.device = device.wire
            $0.level = level.wire
            $0.slice = slice.wire
        }
    }
}

extension FleetAudit: WireMapped {
    package init(wire: WireFleetAudit) throws(ProtocolError) {
        self.init(
            unaccounted: Int(clamping: wire.unaccounted),
            unaccountedMemory: Bytes(max(wire.unaccountedMemoryBytes, 0)), unheld: Int(clamping: wire.unheld),
            unheldMemory: Bytes(max(wire.unheldMemoryBytes, 0)), miscounted: Bytes(max(wire.miscountedBytes, 0)))
    }

    package var wire: WireFleetAudit {
        .with {
            $0.unaccounted = UInt64(clamping: unaccounted)
            $0.unaccountedMemoryBytes = unaccountedMemory.rawValue
            $0.unheld = UInt64(clamping: unheld)
            $0.unheldMemoryBytes = unheldMemory.rawValue
            $0.miscountedBytes = miscounted.rawValue
        }
    }
}

extension WaitingOverview: WireMapped {
    package init(wire: WireWaitingRequest) throws(ProtocolError) {
        self.init(
            request: RequestID(rawValue: wire.request), agent: try Read.identifier(wire.agent, "agent"),
            instance: try Read.identifier(wire.instance, "instance"),
            waited: try Read.duration(wire.waitedNs, "waited_ns"),
            reason: try Read.text(wire.reason, "reason", limit: ProtocolLimits.detailBytes),
            estimate: wire.hasEstimateNs ? try Read.duration(wire.estimateNs, "estimate_ns") : nil)
    }

    package var wire: WireWaitingRequest {
        .with {
            $0.request = request.rawValue
            $0.agent = agent.rawValue
            $0.instance = instance.rawValue
            $0.waitedNs = min(max(waited.nanoseconds, 0), ProtocolLimits.durationNanoseconds)
            $0.reason = reason.clipped(to: ProtocolLimits.detailBytes)
            if let estimate { $0.estimateNs = min(max(estimate.nanoseconds, 0), ProtocolLimits.durationNanoseconds) }
        }
    }
}

extension PreemptionNotice: WireMapped {
    package init(wire: WirePreemptionNotice) throws(ProtocolError) {
        self.init(
            grant: GrantID(rawValue: wire.grant), instance: try Read.identifier(wire.instance, "instance"),
            endsIn: try Read.duration(wire.endsInNs, "ends_in_ns"),
            reason: try Read.text(wire.reason, "reason", limit: ProtocolLimits.reasonBytes))
    }

    package var wire: WirePreemptionNotice {
        .with {
            $0.grant = grant.rawValue
            $0.instance = instance.rawValue
            $0.endsInNs = endsIn.nanoseconds
            $0.reason = reason.clipped(to: ProtocolLimits.reasonBytes)
        }
    }
}
