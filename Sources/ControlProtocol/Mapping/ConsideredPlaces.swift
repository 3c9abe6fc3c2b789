package import FleetModel
import SwiftProtobuf

extension ConsideredDevice: WireMapped {
    package init(wire: WireConsideredDevice) throws(ProtocolError) {
        self.init(
            device: try Read.required(wire.hasDevice ? wire.device : nil, "device"),
            verdict: try Read.required(wire.verdict, "verdict"),
            freeMemory: try Read.memory(wire.freeMemoryBytes, "free_memory_bytes"),
            freeCompute: MilliShare(wire.freeComputeMilli),
            missing: try Read.required(wire.hasMissing ? wire.missing : nil, "missing"),
            warmSessions: Int(wire.warmSessions), isWarmFull: wire.isWarmFull)
    }

    package var wire: WireConsideredDevice {
        .with {
            $0.device = device.wire
            $0.verdict = verdict.wire
            $0.freeMemoryBytes = freeMemory.rawValue
            $0.freeComputeMilli = freeCompute.rawValue
            $0.missing = missing.wire
            $0.warmSessions = UInt32(clamping: warmSessions)
            $0.isWarmFull = isWarmFull
        }
    }
}

extension ConsideredDevice.Verdict: WireMapped {
    package init(wire: WireConsideredDevice.Verdict) throws(ProtocolError) {
        switch wire {
        case .fits: self = .fits
        case .short: self = .short
        case .tooSmall: self = .tooSmall
        case .away: self = .away
        case .noVersion: self = .noVersion
        case .sibling: self = .sibling
        case .unspecified: throw ProtocolError("", .missing)
        case .UNRECOGNIZED(let raw): throw ProtocolError("", .unknownValue(raw))
        }
    }

    package var wire: WireConsideredDevice.Verdict {
        switch self {
        case .fits: .fits
        case .short: .short
        case .tooSmall: .tooSmall
        case .away: .away
        case .noVersion: .noVersion
        case .sibling: .sibling
        }
    }
}

extension ConsideredReservation: WireMapped {
    package init(wire: WireConsideredReservation) throws(ProtocolError) {
        self.init(
            instance: try Read.identifier(wire.instance, "instance"), grant: GrantID(rawValue: wire.grant),
            device: try Read.required(wire.hasDevice ? wire.device : nil, "device"),
            slice: try Read.required(wire.hasSlice ? wire.slice : nil, "slice"),
            priorityClass: try Read.identifier(wire.priorityClass, "priority_class"),
            verdict: try Read.required(wire.verdict, "verdict"))
    }

    package var wire: WireConsideredReservation {
        .with {
            $0.instance = instance.rawValue
            $0.grant = grant.rawValue
            $0.device = device.wire
            $0.slice = slice.wire
            $0.priorityClass = priorityClass.rawValue
            $0.verdict = verdict.wire
        }
    }
}

extension ConsideredReservation.Verdict: WireMapped {
    package init(wire: WireConsideredReservation.Verdict) throws(ProtocolError) {
        switch wire {
        case .takeable: self = .takeable
        case .coming: self = .coming
        case .protected: self = .protected
        case .notLower: self = .notLower
        case .takerMayNot: self = .takerMayNot
        case .unspecified: throw ProtocolError("", .missing)
        case .UNRECOGNIZED(let raw): throw ProtocolError("", .unknownValue(raw))
        }
    }

    package var wire: WireConsideredReservation.Verdict {
        switch self {
        case .takeable: .takeable
        case .coming: .coming
        case .protected: .protected
        case .notLower: .notLower
        case .takerMayNot: .takerMayNot
        }
    }
}

extension SmallestChange: WireMapped {
    package init(wire: WireSmallestChange) throws(ProtocolError) {
        func slice() throws(ProtocolError) -> Slice { try Read.required(wire.hasSlice ? wire.slice : nil, "slice") }
        func device() throws(ProtocolError) -> DeviceID {
            try Read.required(wire.hasDevice ? wire.device : nil, "device")
        }
        switch wire.kind {
        case .nothing: self = .nothing
        case .room: self = .room(try slice(), try device())
        case .available: self = .available(try device())
        case .device: self = .device(try slice())
        case .sharedVersion: self = .sharedVersion
        case .probability: self = .probability(try Read.ratio(wire.probability, "probability"))
        case .request: self = .request
        case .quota: self = .quota(try slice().memory)
        case .idleBudget: self = .idleBudget(try slice().memory)
        case .unspecified: throw ProtocolError("kind", .missing)
        case .UNRECOGNIZED(let raw): throw ProtocolError("kind", .unknownValue(raw))
        }
    }

    package var wire: WireSmallestChange {
        .with {
            switch self {
            case .nothing: $0.kind = .nothing
            case .room(let slice, let device):
                $0.kind = .room
                $0.slice = slice.wire
                $0.device = device.wire
            case .available(let device):
                $0.kind = .available
                $0.device = device.wire
            case .device(let slice):
                $0.kind = .device
                $0.slice = slice.wire
            case .sharedVersion: $0.kind = .sharedVersion
            case .probability(let least):
                $0.kind = .probability
                $0.probability = least
            case .request: $0.kind = .request
            case .quota(let memory):
                $0.kind = .quota
                $0.slice = Slice(memory: memory, compute: .zero).wire
            case .idleBudget(let memory):
                $0.kind = .idleBudget
                $0.slice = Slice(memory: memory, compute: .zero).wire
            }
        }
    }
}
