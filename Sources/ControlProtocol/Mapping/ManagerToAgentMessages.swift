package import FleetModel
import SwiftProtobuf

extension AllocationNotification: WireMapped {
    package init(wire: WireAllocationNotification) throws(ProtocolError) {
        let level: Readiness = try Read.required(wire.level, "level")
        guard level == .warm || level == .reserved else { throw ProtocolError("level", .outOfRange) }
        self.init(
            grant: GrantID(rawValue: wire.grant), instance: try Read.identifier(wire.instance, "instance"),
            level: level, slice: try Read.required(wire.hasSlice ? wire.slice : nil, "slice"),
            endpoint: try Read.required(wire.hasEndpoint ? wire.endpoint : nil, "endpoint"),
            version: try Read.required(wire.hasVersion ? wire.version : nil, "version"),
            ticket: try Read.required(wire.hasTicket ? wire.ticket : nil, "ticket"),
            epoch: try Read.required(wire.hasEpoch ? wire.epoch : nil, "epoch"),
            timeToLive: try Read.duration(wire.timeToLiveNs, "time_to_live_ns", least: 1),
            request: wire.hasRequest ? RequestID(rawValue: wire.request) : nil)
    }

    package var wire: WireAllocationNotification {
        .with {
            $0.grant = grant.rawValue
            $0.instance = instance.rawValue
            $0.level = level.wire
            $0.slice = slice.wire
            $0.endpoint = endpoint.wire
            $0.version = version.wire
            $0.ticket = ticket.wire
            $0.epoch = epoch.wire
            $0.timeToLiveNs = timeToLive.nanoseconds
            if let request { $0.request = request.rawValue }
        }
    }
}

extension AllocationWithdrawal: WireMapped {
    package init(wire: WireAllocationWithdrawal) throws(ProtocolError) {
        self.init(
            grant: GrantID(rawValue: wire.grant), epoch: try Read.required(wire.hasEpoch ? wire.epoch : nil, "epoch"),
            reason: try Read.required(wire.reason, "reason"))
    }

    package var wire: WireAllocationWithdrawal {
        .with {
            $0.grant = grant.rawValue
            $0.epoch = epoch.wire
            $0.reason = reason.wire
        }
    }
}
