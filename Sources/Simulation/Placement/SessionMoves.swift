import AllocationCore
import FleetModel

/// Makes room for requests that were refused by moving others, a few at a time: what moving sessions would gain.
///
/// For a refused request that takes a share or one device, the servers with the most free are looked at: shares on the
/// device that has most room are moved elsewhere, smallest first, until the request fits there, and requests without a
/// device, largest first, until the processors suffice. What finds no other place is moved back. Greedy and bounded,
/// so a lower bound of what is possible.
struct SessionMoves {
    /// Servers that are looked at for a request.
    private static let serversPerRequest = 24
    /// Requests that are moved for another one.
    private static let movesPerRequest = 4

    private var fleet: ServerFleet
    private var residents: [GPUServerID: [Placement]] = [:]
    private(set) var moves = 0

    init(fleet: ServerFleet, placements: [Placement]) {
        self.fleet = fleet
        residents = Dictionary(grouping: placements, by: \.server)
    }

    /// - Returns: whether there is room for the request now; then it is placed.
    mutating func admit(_ shape: RequestShape) -> Bool {
        if let placement = fleet.place(PlacementRequest(shape)) {
            residents[placement.server, default: []].append(placement)
            return true
        }
        guard (1...1_000).contains(shape.totalShare) else { return false }
        let candidates = fleet.all.filter { server, state in
            state.totalGap > 0 && state.freeMemory >= shape.memory
                && (shape.models.isEmpty || shape.models.contains(server.kind.model))
        }
        let roomiest = candidates.sorted { ($0.state.totalGap, $1.server.id) > ($1.state.totalGap, $0.server.id) }
        return roomiest.prefix(Self.serversPerRequest).contains { makeRoom(for: shape, on: $0.server.id, $0.state) }
    }

    private mutating func makeRoom(for shape: RequestShape, on server: GPUServerID, _ state: ServerState) -> Bool {
        let roomiest = (0..<state.deviceCount).max { state.gaps[$0] < state.gaps[$1] }
        guard let device = roomiest else { return false }
        var missing = shape.totalShare - Int(state.gaps[device])
        var evicted: [Placement] = []
        let movable = residents[server, default: []].filter {
            $0.place.devices == [device] && $0.shape.totalShare < 1_000
        }
        for placement in movable.sorted(by: { $0.shape.totalShare < $1.shape.totalShare }) where missing > 0 {
            evicted.append(placement)
            missing -= placement.shape.totalShare
        }
        var missingCPU = shape.cpuMilli - state.freeCPU - evicted.reduce(0) { $0 + $1.shape.cpuMilli }
        let hostOnly = residents[server, default: []].filter { $0.place == .host }
        for placement in hostOnly.sorted(by: { $0.shape.cpuMilli > $1.shape.cpuMilli }) where missingCPU > 0 {
            evicted.append(placement)
            missingCPU -= placement.shape.cpuMilli
        }
        guard missing <= 0, missingCPU <= 0, evicted.count <= Self.movesPerRequest else { return false }
        return exchange(evicted, for: shape, on: server, device)
    }

    /// Moves `evicted` elsewhere and puts the request in their place; or leaves everything as it is.
    private mutating func exchange(
        _ evicted: [Placement], for shape: RequestShape, on server: GPUServerID, _ device: Int
    ) -> Bool {
        for placement in evicted { fleet.release(placement) }
        fleet.setDraining(server, true)
        var moved: [Placement] = []
        for placement in evicted {
            guard let place = fleet.place(PlacementRequest(placement.shape)) else { break }
            moved.append(place)
        }
        fleet.setDraining(server, false)
        guard moved.count == evicted.count else {
            for placement in moved { fleet.release(placement) }
            for placement in evicted { fleet.commit(placement) }
            return false
        }
        let newcomer = Placement(server: server, shape: shape, place: DevicePlace(device: device))
        fleet.commit(newcomer)
        for placement in evicted {
            if let index = residents[server]?.firstIndex(of: placement) { residents[server]?.remove(at: index) }
        }
        for placement in moved + [newcomer] { residents[placement.server, default: []].append(placement) }
        moves += moved.count
        return true
    }
}
