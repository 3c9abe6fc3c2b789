import FleetModel

// The policies that fragmentation gradient descent was compared with (Weng et al., "Beware of Fragmentation", USENIX
// ATC 2023, section 6.1), by the rules of the paper's simulator: scores are whole numbers from 0 to 100.

/// The largest server that scores are normalised by: 128 cores and 8 devices.
private enum LargestServer {
    static let cpuMilli = 128_000.0
    static let share = 8_000.0
}

/// Any server on which the request fits, and any device of it.
package struct RandomPolicy: PlacementPolicy {
    package init() {}

    package var ties: PlacementTies { .drawn }

    package func candidate(for shape: RequestShape, on offer: ServerOffer) -> PlacementCandidate? {
        let server = offer.state
        guard var place = server.plainPlace(for: shape, offer.kind) else { return nil }
        if case .share(let share, let memory) = shape.devices {
            let fitting = (0..<server.deviceCount).filter {
                server.fits(share: Int(share.rawValue), memory: memory, on: $0)
            }
            // A candidate may depend on nothing but the server, so what it has free is what the draw is made of.
            let draw = Mixing.mixed(UInt64(server.freeCPU) &* 1_000_003 &+ UInt64(server.totalGap))
            place = DevicePlace(device: fitting[Int(draw % UInt64(fitting.count))])
        }
        return PlacementCandidate(score: 0, place: place)
    }
}

/// The server whose free resources point least in the request's direction, of few free resources (Grandl et al.,
/// "Multi-resource packing for cluster schedulers", SIGCOMM 2014, turned towards the fuller server as in the paper).
package struct DotProductPolicy: PlacementPolicy {
    package init() {}

    package func candidate(for shape: RequestShape, on offer: ServerOffer) -> PlacementCandidate? {
        let server = offer.state
        guard let place = server.plainPlace(for: shape, offer.kind) else { return nil }
        let cpu = Double(server.freeCPU) / LargestServer.cpuMilli * Double(shape.cpuMilli) / LargestServer.cpuMilli
        let share = Double(server.totalGap) / LargestServer.share * Double(shape.totalShare) / LargestServer.share
        return PlacementCandidate(score: Int(100 * (1 - (cpu + share) / 2)), place: place)
    }
}

/// Requests that ask for as many devices together on a server (Xiao et al., "Gandiva", OSDI 2018), the fuller first.
package struct ClusteringPolicy: PlacementPolicy {
    package init() {}

    package func candidate(for shape: RequestShape, on offer: ServerOffer) -> PlacementCandidate? {
        let server = offer.state
        guard let place = server.plainPlace(for: shape, offer.kind) else { return nil }
        guard let cluster = shape.cluster else { return PlacementCandidate(score: 0, place: place) }
        let clusters = (0..<DeviceLanes.maximum).count { server.hosted[$0] > 0 }
        let base = server.hosted[cluster] > 0 ? (clusters == 1 ? 75 : 50) : (clusters == 0 ? 25 : 0)
        let taken = max(0, Int(LargestServer.share) - server.totalGap)
        return PlacementCandidate(score: base + 25 * taken / Int(LargestServer.share), place: place)
    }
}

/// Devices in use before whole ones, whole ones of servers in use before idle servers (Weng et al., "MLaaS in the
/// wild", NSDI 2022).
package struct PackingPolicy: PlacementPolicy {
    package init() {}

    package func candidate(for shape: RequestShape, on offer: ServerOffer) -> PlacementCandidate? {
        let server = offer.state
        guard let place = server.plainPlace(for: shape, offer.kind) else { return nil }
        guard shape.totalShare > 0 else { return PlacementCandidate(score: 0, place: place) }
        let whole = server.devices(withGap: 1_000)
        let score: Int
        if whole == server.deviceCount {
            score = max(33 - whole, whole)
        } else {
            let wholeTaken = place.devices.count { server.isWhole($0) }
            let gap = place.devices.reduce(0) { $0 + Int(server.gaps[$1]) / 10 }
            score = wholeTaken > 0 ? max(50 - wholeTaken, 33) : max(100 - gap / 10, 50)
        }
        return PlacementCandidate(score: score, place: place)
    }
}

/// The server with the least left: free processors and devices, each against the largest server, in equal parts.
package struct BestFitPolicy: PlacementPolicy {
    package init() {}

    package func candidate(for shape: RequestShape, on offer: ServerOffer) -> PlacementCandidate? {
        let server = offer.state
        guard let place = server.plainPlace(for: shape, offer.kind) else { return nil }
        let cpu = Double(server.freeCPU - shape.cpuMilli) / LargestServer.cpuMilli
        let share = Double(server.totalGap - shape.totalShare) / LargestServer.share
        return PlacementCandidate(score: Int(100 * (1 - (cpu + share) / 2)), place: place)
    }
}

/// Numbers that look drawn and depend on nothing but what they are made of.
enum Mixing {
    /// The finaliser of SplitMix64: neighbours get unrelated values.
    static func mixed(_ value: UInt64) -> UInt64 {
        var mixed = value &+ 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
