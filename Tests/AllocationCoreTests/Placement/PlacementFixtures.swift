import Determinism
import FleetModel

@testable import AllocationCore

/// A request for a share of `share` thousandths.
func share(_ share: Int32, cpu: Int = 4_000, memory: Int = 0, models: Set<String> = []) -> RequestShape {
    RequestShape(cpuMilli: cpu, devices: .share(MilliShare(share), memory: memory), models: models)
}

func whole(_ count: Int, cpu: Int = 8_000, models: Set<String> = []) -> RequestShape {
    RequestShape(cpuMilli: cpu, devices: .whole(count), models: models)
}

func host(cpu: Int) -> RequestShape { RequestShape(cpuMilli: cpu, devices: .none) }

func server(
    _ name: String, devices: Int = 2, cpu: Int = 64_000, memory: Int = 262_144, model: String = "A",
    deviceMemory: Int = 0, geometry: PartitionGeometry? = nil, domain: String? = nil
) -> PlacementServer {
    PlacementServer(
        id: GPUServerID(unchecked: name),
        kind: ServerKind(model: model, deviceMemory: deviceMemory, geometry: geometry), cpuMilli: cpu, memory: memory,
        devices: devices, domain: domain.map(FailureDomain.init(unchecked:)))
}

extension ServerFleet {
    init(_ policy: any PlacementPolicy, _ servers: PlacementServer...) {
        self.init(policy: policy)
        for server in servers { add(server) }
    }

    /// The name of the server that the request is placed on.
    mutating func placed(_ shape: RequestShape) -> String? { place(PlacementRequest(shape))?.server.rawValue }

    /// The placement, which there has to be.
    mutating func mustPlace(_ request: PlacementRequest) throws -> Placement {
        guard let placement = place(request) else { throw FixtureError.noRoom }
        return placement
    }

    /// Takes what the shape needs of the server, on the device where it fits best.
    mutating func occupy(_ name: String, with shape: RequestShape) throws {
        let id = GPUServerID(unchecked: name)
        let found = all.first { $0.server.id == id }
        guard let (server, state) = found, let place = state.plainPlace(for: shape, server.kind) else {
            throw FixtureError.noRoom
        }
        commit(Placement(server: id, shape: shape, place: place))
    }
}

enum FixtureError: Error { case noRoom }

/// A mix like that of the openb trace in small.
let commonMix = RequestMix(
    Array(repeating: share(810, cpu: 8_000), count: 13) + Array(repeating: share(470, cpu: 6_000), count: 9)
        + Array(repeating: share(320, cpu: 4_000), count: 4) + Array(repeating: whole(1, cpu: 10_000), count: 48)
        + Array(repeating: whole(8, cpu: 88_000), count: 2) + Array(repeating: host(cpu: 16_000), count: 10)
        + Array(repeating: share(650, cpu: 6_000, models: ["B"]), count: 3))

/// A request of any kind, drawn.
func drawnShape(_ random: inout SeededGenerator) -> RequestShape {
    let cpu = Int(random.below(6)) * 2_000
    let models: Set<String> = random.chance(1, in: 6) ? ["B"] : []
    switch random.below(4) {
    case 0: return host(cpu: cpu)
    case 1: return whole(Int(random.below(3)) + 1, cpu: cpu, models: models)
    default:
        return share(
            Int32(random.below(9) + 1) * 110, cpu: cpu, memory: Int(random.below(4)) * 2_000, models: models)
    }
}
