import AllocationCore
import Determinism
import FleetModel

/// Requests drawn from a trace and placed one by one, none leaving, until they ask for more than there is: the method
/// by which fragmentation gradient descent was published (Weng et al., "Beware of Fragmentation", USENIX ATC 2023,
/// section 6).
///
/// A seed draws the requests, with replacement, and the order in which servers stand where scores are equal: the paper's
/// simulator puts a drawn number before each name. Equal seeds give every policy the same requests.
package struct PlacementReplay: Sendable {
    private let trace: PlacementTrace
    /// What the requests ask for in the end, in per cent of the devices.
    package let load: Int
    /// The loads at which results are taken, ascending: 95, 100 and the last, as far as they are reached.
    package let marks: [Int]

    /// - Parameter load: 1 to 1,000.
    package init(trace: PlacementTrace, load: Int) {
        precondition((1...1_000).contains(load))
        self.trace = trace
        self.load = load
        marks = [95, 100].filter { $0 < load } + [load]
    }

    /// One policy and one seed. Some 11,000 requests on 1,200 servers take a second.
    package func run(_ placement: ReplayedPlacement, seed: UInt64) -> PlacementRun {
        var random = SeededGenerator(seed: seed)
        var fleet = ServerFleet(policy: placement.policy(trace.mix), seed: seed)
        for server in trace.servers.shuffled(using: &random) { fleet.add(server) }
        var meter = FragmentationMeter(fleet: fleet, mix: trace.mix)
        var result = PlacementRun(marks: marks)
        var (requested, allocated) = (0, 0)
        var (placements, refused): ([Placement], [RequestShape]) = ([], [])
        while true {
            let shape = trace.shapes[Int(random.below(UInt64(trace.shapes.count)))]
            guard (requested + shape.totalShare) * 100 <= load * trace.capacity else { break }
            requested += shape.totalShare
            let placement = fleet.place(PlacementRequest(shape))
            if let placement {
                allocated += shape.totalShare
                meter.update(placement.server, in: fleet)
            }
            if requested <= trace.capacity {
                if let placement { placements.append(placement) } else { refused.append(shape) }
            }
            result.record(
                requested: percent(requested), allocated: percent(allocated),
                fragmented: percent(meter.amount))
        }
        (result.allocatedByMoving, result.moves) = moved(placements, refused: refused)
        return result
    }

    private func percent(_ share: Int) -> Double { Double(share) / Double(trace.capacity) * 100 }

    /// What is allocated when 100 % has been requested and what was placed until then may be moved, by Presync's rule,
    /// to make room for what was refused, the largest first.
    private func moved(_ placements: [Placement], refused: [RequestShape]) -> (allocated: Double, moves: Int) {
        var fleet = ServerFleet(policy: FragmentationPlacer(mix: trace.mix))
        for server in trace.servers { fleet.add(server) }
        for placement in placements { fleet.commit(placement) }
        var allocated = placements.reduce(0) { $0 + $1.shape.totalShare }
        var moves = SessionMoves(fleet: fleet, placements: placements)
        for shape in refused.sorted(by: { ($0.totalShare, $0.cpuMilli) > ($1.totalShare, $1.cpuMilli) })
        where shape.totalShare > 0 && moves.admit(shape) {
            allocated += shape.totalShare
        }
        return (percent(allocated), moves.moves)
    }
}

/// The fragmentation of the whole fleet, kept up to date server by server.
private struct FragmentationMeter {
    private var tables: [FragmentationTable] = []
    private var amounts: [GPUServerID: Int] = [:]
    private var sum = 0

    init(fleet: ServerFleet, mix: RequestMix) {
        let typical = mix.typical()
        for (server, state) in fleet.all {
            while tables.count <= state.kind {
                tables.append(FragmentationTable(typical: typical, kind: server.kind))
            }
        }
        for (server, state) in fleet.all { set(server.id, state) }
    }

    /// Thousandths of a device, rounded down.
    var amount: Int { (tables.first?.weight).map { sum / $0 } ?? 0 }

    mutating func update(_ server: GPUServerID, in fleet: ServerFleet) {
        if let state = fleet.state(of: server) { set(server, state) }
    }

    private mutating func set(_ server: GPUServerID, _ state: ServerState) {
        let amount = tables[state.kind].amount(of: state)
        sum += amount - (amounts.updateValue(amount, forKey: server) ?? 0)
    }
}
