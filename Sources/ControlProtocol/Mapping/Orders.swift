package import FleetModel
import SwiftProtobuf

extension OperatorSettings: WireMapped {
    package init(wire: WireOperatorSettings) throws(ProtocolError) {
        self.init(
            rules: try Read.required(wire.hasRules ? wire.rules : nil, "rules"),
            orders: try Read.required(wire.hasOrders ? wire.orders : nil, "orders"))
    }

    package var wire: WireOperatorSettings {
        .with {
            $0.rules = rules.wire
            $0.orders = orders.wire
        }
    }
}

extension OperatorOrders: WireMapped {
    package init(wire: WireOperatorOrders) throws(ProtocolError) {
        guard wire.pins.count <= Self.pinLimit else { throw ProtocolError("pins", .tooMany(limit: Self.pinLimit)) }
        var pins: [InstanceID: PinnedPlace] = [:]
        for (index, pin) in wire.pins.enumerated() {
            do {
                let (instance, place) = try pin.instanceAndPlace()
                pins[instance] = place
            } catch { throw error.within("pins[\(index)]") }
        }
        var returning: Set<GPUServerID> = []
        guard wire.returning.count <= Self.maintenanceLimit else {
            throw ProtocolError("returning", .tooMany(limit: Self.maintenanceLimit))
        }
        for (index, server) in wire.returning.enumerated() {
            returning.insert(try Read.identifier(server, "returning[\(index)]"))
        }
        self.init(
            revision: wire.revision, mode: try ManagerMode.optional(wire.mode, "mode"), pins: pins,
            reservations: try Read.list(wire.reservations, "reservations", limit: Self.reservationLimit),
            maintenance: try Read.list(wire.maintenance, "maintenance", limit: Self.maintenanceLimit),
            returning: returning, versionRules: try VersionRules(wire.interfacePins))
    }

    package var wire: WireOperatorOrders {
        .with {
            $0.revision = revision
            $0.mode = mode.wire
            $0.pins = pins.sorted { $0.key < $1.key }.map { WirePin($0.key, $0.value) }
            $0.reservations = reservations.map(\.wire)
            $0.maintenance = maintenance.map(\.wire)
            $0.returning = returning.sorted().map(\.rawValue)
            $0.interfacePins = versionRules.sorted.map { WireInterfacePin($0.scope, $0.rule) }
        }
    }
}

extension ManagerMode {
    static func optional(_ wire: WireManagerMode, _ field: String) throws(ProtocolError) -> ManagerMode? {
        switch wire {
        case .unspecified: nil
        case .active: .active
        case .forecastOnly: .forecastOnly
        case .UNRECOGNIZED(let raw): throw ProtocolError(field, .unknownValue(raw))
        }
    }
}

extension ManagerMode? {
    var wire: WireManagerMode {
        switch self {
        case nil: .unspecified
        case .active: .active
        case .forecastOnly: .forecastOnly
        }
    }
}

extension WirePin {
    init(_ instance: InstanceID, _ place: PinnedPlace) {
        self.init()
        self.instance = instance.rawValue
        server = place.server.rawValue
        if case .device(let device) = place { deviceIndex = UInt32(clamping: device.index) }
    }

    func instanceAndPlace() throws(ProtocolError) -> (InstanceID, PinnedPlace) {
        let server: GPUServerID = try Read.identifier(server, "server")
        guard hasDeviceIndex else { return (try Read.identifier(instance, "instance"), .server(server)) }
        guard deviceIndex <= ProtocolLimits.deviceIndex else { throw ProtocolError("device_index", .outOfRange) }
        return (
            try Read.identifier(instance, "instance"), .device(DeviceID(server: server, index: Int(deviceIndex)))
        )
    }
}

extension ManualReservation: WireMapped {
    package init(wire: WireManualReservation) throws(ProtocolError) {
        self.init(
            instance: try Read.identifier(wire.instance, "instance"),
            slice: try Read.required(wire.hasSlice ? wire.slice : nil, "slice"),
            from: WallTime(rawValue: wire.fromUnixMs),
            until: wire.hasUntilUnixMs ? WallTime(rawValue: wire.untilUnixMs) : nil)
    }

    package var wire: WireManualReservation {
        .with {
            $0.instance = instance.rawValue
            $0.slice = slice.wire
            $0.fromUnixMs = from.rawValue
            if let until { $0.untilUnixMs = until.rawValue }
        }
    }
}

extension MaintenanceWindow: WireMapped {
    package init(wire: WireMaintenanceWindow) throws(ProtocolError) {
        self.init(
            server: try Read.identifier(wire.server, "server"), from: WallTime(rawValue: wire.fromUnixMs),
            until: wire.hasUntilUnixMs ? WallTime(rawValue: wire.untilUnixMs) : nil,
            deadline: wire.hasDeadlineUnixMs ? WallTime(rawValue: wire.deadlineUnixMs) : nil,
            atDeadline: wire.endsSessions ? .end : .wait)
    }

    package var wire: WireMaintenanceWindow {
        .with {
            $0.server = server.rawValue
            $0.fromUnixMs = from.rawValue
            if let until { $0.untilUnixMs = until.rawValue }
            if let deadline { $0.deadlineUnixMs = deadline.rawValue }
            $0.endsSessions = atDeadline == .end
        }
    }
}

extension OperatorChange: WireMapped {
    package init(wire: WireOperatorChange) throws(ProtocolError) {
        switch wire.change {
        case .classes(let change): self = .classes(try Read.required(change, "classes"))
        case .mode(let mode): self = .setMode(try ManagerMode.optional(mode, "mode"))
        case .pin(let pin):
            do {
                let (instance, place) = try pin.instanceAndPlace()
                self = .pin(instance, place)
            } catch { throw error.within("pin") }
        case .unpin(let instance): self = .unpin(try Read.identifier(instance, "unpin"))
        case .reserve(let reservation): self = .reserve(try Read.required(reservation, "reserve"))
        case .releaseReservation(let instance):
            self = .releaseReservation(try Read.identifier(instance, "release_reservation"))
        case .addMaintenance(let window): self = .addMaintenance(try Read.required(window, "add_maintenance"))
        case .removeMaintenance(let removed):
            self = .removeMaintenance(
                try Read.identifier(removed.server, "remove_maintenance.server"),
                from: removed.hasFromUnixMs ? WallTime(rawValue: removed.fromUnixMs) : nil)
        case .interfacePin(let pin):
            do {
                let (scope, rule) = try pin.scopeAndRule()
                self = .setVersionRule(scope, rule)
            } catch { throw error.within("interface_pin") }
        case nil: throw ProtocolError("change", .missing)
        }
    }

    package var wire: WireOperatorChange {
        .with {
            switch self {
            case .classes(let change): $0.classes = change.wire
            case .setMode(let mode): $0.mode = mode.wire
            case .pin(let instance, let place): $0.pin = WirePin(instance, place)
            case .unpin(let instance): $0.unpin = instance.rawValue
            case .reserve(let reservation): $0.reserve = reservation.wire
            case .releaseReservation(let instance): $0.releaseReservation = instance.rawValue
            case .addMaintenance(let window): $0.addMaintenance = window.wire
            case .removeMaintenance(let server, let from):
                $0.removeMaintenance.server = server.rawValue
                if let from { $0.removeMaintenance.fromUnixMs = from.rawValue }
            case .setVersionRule(let scope, let rule): $0.interfacePin = WireInterfacePin(scope, rule)
            }
        }
    }
}
