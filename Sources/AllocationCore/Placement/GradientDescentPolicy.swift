import FleetModel

/// Fragmentation gradient descent (Weng et al., "Beware of Fragmentation", USENIX ATC 2023, algorithm 1): the server
/// whose fragmentation grows least, and on it the device.
///
/// As in the paper's simulator the change in devices goes through a sigmoid and is cut to a whole number from 0 to
/// 100. That is part of what was published: servers that differ little are tied, and the first of them takes the
/// request, which packs.
package struct GradientDescentPolicy: PlacementPolicy {
    private let typical: RequestMix
    private var tables: [FragmentationTable] = []

    /// - Parameter mix: what requests are expected.
    package init(mix: RequestMix) { typical = mix.typical() }

    package mutating func adapt(to fleet: FleetShape) {
        tables = fleet.kinds.map { FragmentationTable(typical: typical, kind: $0) }
    }

    /// The fragmentation as it is.
    package func standing(of server: ServerState) -> Int { tables[server.kind].amount(of: server) }

    package func candidate(for shape: RequestShape, on offer: ServerOffer) -> PlacementCandidate? {
        let (server, kind) = (offer.state, offer.kind)
        guard case .share(let share, let memory) = shape.devices else {
            guard let place = server.plainPlace(for: shape, kind) else { return nil }
            return PlacementCandidate(score: score(shape, place, offer), place: place)
        }
        guard server.admits(shape, kind) else { return nil }
        var best: PlacementCandidate?
        for device in 0..<server.deviceCount
        where server.fits(share: Int(share.rawValue), memory: memory, on: device) {
            let place = DevicePlace(device: device)
            let score = score(shape, place, offer)
            if best.map({ score > $0.score }) ?? true { best = PlacementCandidate(score: score, place: place) }
        }
        return best
    }

    private func score(_ shape: RequestShape, _ place: DevicePlace, _ offer: ServerOffer) -> Int {
        var after = offer.state
        after.change(shape, place, sign: 1)
        let table = tables[after.kind]
        let change = offer.standing - table.amount(of: after)
        return Int(100 / (1 + Self.exponential(-Double(change) / Double(table.weight) / 1_000)))
    }

    /// e to the `x`, for |x| up to 100; relative error below 1e-13.
    private static func exponential(_ x: Double) -> Double {
        let reduced = x / 256
        var (term, sum) = (1.0, 1.0)
        for order in 1...10 {
            term *= reduced / Double(order)
            sum += term
        }
        for _ in 0..<8 { sum *= sum }
        return sum
    }
}
