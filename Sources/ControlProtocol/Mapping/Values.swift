import Foundation
package import FleetModel
import SwiftProtobuf

extension DeviceID: WireMapped {
    package init(wire: WireDeviceId) throws(ProtocolError) {
        guard wire.index <= ProtocolLimits.deviceIndex else { throw ProtocolError("index", .outOfRange) }
        self.init(server: try Read.identifier(wire.server, "server"), index: Int(wire.index))
    }

    package var wire: WireDeviceId {
        .with {
            $0.server = server.rawValue
            $0.index = UInt32(clamping: index)
        }
    }
}

extension Epoch: WireMapped {
    package init(wire: WireEpoch) throws(ProtocolError) {
        guard wire.term < ProtocolLimits.epoch else { throw ProtocolError("term", .outOfRange) }
        guard wire.counter < ProtocolLimits.epoch else { throw ProtocolError("counter", .outOfRange) }
        self.init(term: wire.term, counter: wire.counter)
    }

    package var wire: WireEpoch {
        .with {
            $0.term = term
            $0.counter = counter
        }
    }
}

extension Slice: WireMapped {
    package init(wire: WireSlice) throws(ProtocolError) {
        self.init(
            memory: try Read.memory(wire.memoryBytes, "memory_bytes"),
            compute: try Read.share(wire.computeMilli, "compute_milli"))
    }

    package var wire: WireSlice {
        .with {
            $0.memoryBytes = memory.rawValue
            $0.computeMilli = compute.rawValue
        }
    }
}

extension Readiness: WireMapped {
    package init(wire: WireReadiness) throws(ProtocolError) {
        switch wire {
        case .cold: self = .cold
        case .staged: self = .staged
        case .warm: self = .warm
        case .reserved: self = .reserved
        case .attached: self = .attached
        case .unspecified: throw ProtocolError("", .missing)
        case .UNRECOGNIZED(let raw): throw ProtocolError("", .unknownValue(raw))
        }
    }

    package var wire: WireReadiness {
        switch self {
        case .cold: .cold
        case .staged: .staged
        case .warm: .warm
        case .reserved: .reserved
        case .attached: .attached
        }
    }
}

extension InterfaceVersion: WireMapped {
    package init(wire: WireInterfaceVersion) throws(ProtocolError) {
        guard IdentifierAlphabet.accepts(wire.kind), wire.kind.utf8.count <= 64 else {
            throw ProtocolError("kind", .malformed)
        }
        guard let version = SemanticVersion(wire.version) else { throw ProtocolError("version", .malformed) }
        guard let digest = ContentDigest(bytes: wire.digest) else { throw ProtocolError("digest", .malformed) }
        self.init(kind: wire.kind, version: version, digest: digest)
    }

    package var wire: WireInterfaceVersion {
        .with {
            $0.kind = kind
            $0.version = version.description
            $0.digest = Data(digest.bytes)
        }
    }
}

extension SessionTicket: WireMapped {
    package init(wire: WireSessionTicket) throws(ProtocolError) {
        self.init(high: wire.high, low: wire.low)
    }

    package var wire: WireSessionTicket {
        .with {
            $0.high = high
            $0.low = low
        }
    }
}

extension SessionEndpoint: WireMapped {
    package init(wire: WireSessionEndpoint) throws(ProtocolError) {
        let host = try Read.text(wire.host, "host", limit: ProtocolLimits.hostBytes)
        let isPlain = host.utf8.allSatisfy { byte in (UInt8(ascii: "!")...UInt8(ascii: "~")).contains(byte) }
        guard !host.isEmpty, isPlain else { throw ProtocolError("host", host.isEmpty ? .missing : .malformed) }
        guard let port = UInt16(exactly: wire.port), port > 0 else { throw ProtocolError("port", .outOfRange) }
        self.init(host: host, port: port)
    }

    package var wire: WireSessionEndpoint {
        .with {
            $0.host = host
            $0.port = UInt32(port)
        }
    }
}

extension InstanceDescription: WireMapped {
    package init(wire: WireInstanceDescription) throws(ProtocolError) {
        self.init(
            id: try Read.identifier(wire.id, "id"), tenant: try Read.identifier(wire.tenant, "tenant"),
            application: try Read.identifier(wire.application, "application"),
            priorityClass: try Read.identifier(wire.priorityClass, "priority_class"),
            user: wire.user.isEmpty ? nil : try Read.identifier(wire.user, "user"),
            set: wire.set.isEmpty ? nil : try Read.identifier(wire.set, "set"))
    }

    package var wire: WireInstanceDescription {
        .with {
            $0.id = id.rawValue
            $0.tenant = tenant.rawValue
            $0.application = application.rawValue
            $0.priorityClass = priorityClass.rawValue
            $0.user = user?.rawValue ?? ""
            $0.set = set?.rawValue ?? ""
        }
    }
}

extension DeviceKind: WireMapped {
    package init(wire: WireDeviceKind) throws(ProtocolError) {
        switch wire {
        case .opencl: self = .openCL
        case .synthetic: self = .synthetic
        case .unspecified: throw ProtocolError("", .missing)
        case .UNRECOGNIZED(let raw): throw ProtocolError("", .unknownValue(raw))
        }
    }

    package var wire: WireDeviceKind {
        switch self {
        case .openCL: .opencl
        case .synthetic: .synthetic
        }
    }
}

extension DeviceDescription: WireMapped {
    package init(wire: WireDeviceDescription) throws(ProtocolError) {
        let limit = ProtocolLimits.deviceTextBytes
        guard wire.extensions.count <= ProtocolLimits.extensions else {
            throw ProtocolError("extensions", .tooMany(limit: ProtocolLimits.extensions))
        }
        var extensions: [String] = []
        for name in wire.extensions { extensions.append(try Read.text(name, "extensions", limit: limit)) }
        guard wire.computeUnits <= Int32.max else { throw ProtocolError("compute_units", .outOfRange) }
        self.init(
            id: try Read.required(wire.hasID ? wire.id : nil, "id"), kind: try Read.required(wire.kind, "kind"),
            model: try Read.text(wire.model, "model", limit: limit),
            vendor: try Read.text(wire.vendor, "vendor", limit: limit),
            driverVersion: try Read.text(wire.driverVersion, "driver_version", limit: limit),
            apiVersion: try Read.text(wire.apiVersion, "api_version", limit: limit),
            memory: try Read.memory(wire.memoryBytes, "memory_bytes"),
            computeUnits: Int(wire.computeUnits), extensions: extensions, isHostProcessor: wire.isHostProcessor)
    }

    package var wire: WireDeviceDescription {
        let limit = ProtocolLimits.deviceTextBytes
        return .with {
            $0.id = id.wire
            $0.kind = kind.wire
            $0.model = model.clipped(to: limit)
            $0.vendor = vendor.clipped(to: limit)
            $0.driverVersion = driverVersion.clipped(to: limit)
            $0.apiVersion = apiVersion.clipped(to: limit)
            $0.memoryBytes = memory.rawValue
            $0.computeUnits = UInt32(clamping: computeUnits)
            $0.isHostProcessor = isHostProcessor
            $0.extensions = extensions.prefix(ProtocolLimits.extensions).map { $0.clipped(to: limit) }
        }
    }
}

extension ReclaimReason: WireMapped {
    package init(wire: WireReclaimReason) throws(ProtocolError) {
        switch wire {
        case .graceEnded: self = .graceEnded
        case .preempted: self = .preempted
        case .leaseExpired: self = .leaseExpired
        case .sessionEnded: self = .sessionEnded
        case .instanceGone: self = .instanceGone
        case .serverFailed: self = .serverFailed
        case .openFailed: self = .openFailed
        case .unaccounted: self = .unaccounted
        case .serverDrained: self = .serverDrained
        case .ordered: self = .ordered
        case .taken: self = .taken
        case .unspecified: throw ProtocolError("", .missing)
        case .UNRECOGNIZED(let raw): throw ProtocolError("", .unknownValue(raw))
        }
    }

    package var wire: WireReclaimReason {
        switch self {
        case .graceEnded: .graceEnded
        case .preempted: .preempted
        case .leaseExpired: .leaseExpired
        case .sessionEnded: .sessionEnded
        case .instanceGone: .instanceGone
        case .serverFailed: .serverFailed
        case .openFailed: .openFailed
        case .unaccounted: .unaccounted
        case .serverDrained: .serverDrained
        case .ordered: .ordered
        case .taken: .taken
        }
    }
}

extension ManagerWelcome: WireMapped {
    package init(wire: WireManagerWelcome) throws(ProtocolError) {
        self.init(
            term: wire.term, period: try Read.duration(wire.periodNs, "period_ns", least: 1),
            softwareVersion: try Read.text(
                wire.softwareVersion, "software_version", limit: ProtocolLimits.softwareVersionBytes),
            takesHeartbeatsInReports: wire.takesHeartbeatsInReports)
    }

    package var wire: WireManagerWelcome {
        .with {
            $0.term = term
            $0.periodNs = period.nanoseconds
            $0.softwareVersion = softwareVersion.clipped(to: ProtocolLimits.softwareVersionBytes)
            $0.takesHeartbeatsInReports = takesHeartbeatsInReports
        }
    }
}
