package import FleetModel
import SwiftProtobuf

extension PriorityClass: WireMapped {
    package init(wire: WirePriorityClass) throws(ProtocolError) {
        self.init(
            name: try Read.identifier(wire.name, "name"), weight: try Read.rate(wire.weight, "weight"),
            serviceLevel: try Read.ratio(wire.serviceLevel, "service_level"),
            grace: try Read.duration(wire.graceNs, "grace_ns"), mayTake: wire.mayTake,
            mayBeTakenFrom: wire.mayBeTakenFrom)
    }

    package var wire: WirePriorityClass {
        .with {
            $0.name = name.rawValue
            $0.weight = weight
            $0.serviceLevel = serviceLevel
            $0.graceNs = grace.nanoseconds
            $0.mayTake = mayTake
            $0.mayBeTakenFrom = mayBeTakenFrom
        }
    }
}
