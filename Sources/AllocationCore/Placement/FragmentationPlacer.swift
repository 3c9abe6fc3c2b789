import FleetModel

/// Presync's own choice of server and device: what the placement costs the requests that are still to come.
///
/// Five costs, all in millionths of a device, weighted and added; the least total wins:
/// 1. **fragmentation**: how much the measure of ``FragmentationTable`` grows, not cut to whole numbers;
/// 2. **waste**: how much of the devices' gaps becomes worthless, by ``GapPrices``;
/// 3. **stranding**: how many free devices are left without the processors that typical requests need beside them;
/// 4. **scarcity**: how much of this model those requests will need that can use no other;
/// 5. **spread**: how much the server has free. Fuller servers first, so that whole servers stay for large requests.
///
/// Every term looks at one server only, so a server's score stands until the server changes. The weights were chosen on
/// some variants of the openb trace and confirmed on others: see docs/placement.md.
package struct FragmentationPlacer: PlacementPolicy {
    package struct Weights: Hashable, Sendable {
        package var fragmentation = 1
        package var waste = 10
        package var stranding = 3
        package var scarcity = 3
        /// Millionths of a device for each free core.
        package var freeCore = 800
        /// Millionths of a device for each free device.
        package var freeDevice = 12_500
        /// Processors that a free device is left with at least, in per cent of what typical requests take per device.
        package var processorsBeside = 90

        package init() {}
    }

    /// What is known of the servers of one kind.
    private struct KindTable {
        var fragmentation: FragmentationTable
        /// Millionths of a device, by gap.
        var waste: [Int]
        /// The share of the kind's devices that requests need which can use few kinds, in millionths.
        var scarcity: Int
    }

    private let mix: RequestMix
    private let typical: RequestMix
    private let weights: Weights
    /// Thousandths of a core per device that is not to be stranded; 0 where no typical request takes a device.
    private let cpuPerDevice: Int
    private var tables: [KindTable] = []

    /// - Parameter mix: what requests are expected, most often what came lately.
    package init(mix: RequestMix, weights: Weights = Weights()) {
        self.mix = mix
        self.weights = weights
        typical = mix.typical()
        var (cpu, share) = (0, 0)
        for entry in typical.entries where entry.shape.totalShare > 0 {
            cpu += entry.count * entry.shape.cpuMilli
            share += entry.count * entry.shape.totalShare
        }
        cpuPerDevice = share > 0 ? cpu * 10 / share * weights.processorsBeside : 0
    }

    package mutating func adapt(to fleet: FleetShape) {
        let scarcity = Scarcity(mix: mix, fleet: fleet)
        var wasteByMemory: [Int: [Int]] = [:]
        tables = fleet.kinds.enumerated().map { index, kind in
            let waste = wasteByMemory[kind.deviceMemory] ?? GapPrices(counts: shareCounts(kind.deviceMemory)).waste
            wasteByMemory[kind.deviceMemory] = waste
            return KindTable(
                fragmentation: FragmentationTable(typical: typical, kind: kind), waste: waste,
                scarcity: scarcity.byKind[index])
        }
    }

    private func shareCounts(_ deviceMemory: Int) -> [Int: Int] {
        var counts: [Int: Int] = [:]
        for entry in mix.entries {
            guard let share = entry.shape.dominantShare(deviceMemory: deviceMemory) else { continue }
            counts[share, default: 0] += entry.count
        }
        return counts
    }

    /// What is lost to future requests as it is.
    package func standing(of server: ServerState) -> Int { potential(server, tables[server.kind]) }

    package func candidate(for shape: RequestShape, on offer: ServerOffer) -> PlacementCandidate? {
        let (server, kind) = (offer.state, offer.kind)
        guard server.admits(shape, kind) else { return nil }
        let table = tables[server.kind]
        let before = offer.standing - weights.scarcity * table.scarcity * shape.totalShare / 1_000
        func candidate(_ place: DevicePlace) -> PlacementCandidate {
            var after = server
            after.change(shape, place, sign: 1)
            return PlacementCandidate(score: before - potential(after, table) - spread(after), place: place)
        }
        switch shape.devices {
        case .none: return candidate(.host)
        case .whole(let count): return server.wholeDevices(count).map(candidate)
        case .partition(let name):
            return server.partitionPlace(name, kind.geometry).map { place, loss in
                var candidate = candidate(place)
                // A slice's worth of one choice less: an eighth of a device, shared among some ten choices.
                candidate.score -= loss * 12_500
                return candidate
            }
        case .share(let share, let memory):
            var best: PlacementCandidate?
            var tried = SIMD16<Int16>(repeating: 0)
            for device in 0..<server.deviceCount
            where server.fits(share: Int(share.rawValue), memory: memory, on: device) {
                // Devices with equal gaps are worth the same, unless memory makes the difference.
                let gap = server.gaps[device]
                if memory == 0 && any(tried .== gap) { continue }
                tried[device] = gap
                let next = candidate(DevicePlace(device: device))
                if best.map({ next.score > $0.score }) ?? true { best = next }
            }
            return best
        }
    }

    /// What is lost to future requests on a server as it is, in millionths of a device.
    private func potential(_ server: ServerState, _ table: KindTable) -> Int {
        let total = server.totalGap
        guard total > 0 else { return 0 }
        var cost = weights.fragmentation * (table.fragmentation.amount(of: server) * 1_000 / table.fragmentation.weight)
        var waste = 0
        for device in 0..<server.deviceCount { waste += table.waste[Int(server.gaps[device])] }
        cost += weights.waste * waste
        if cpuPerDevice > 0 {
            cost += weights.stranding * max(0, total * 1_000 - server.freeCPU * 1_000_000 / cpuPerDevice)
        }
        return cost
    }

    private func spread(_ server: ServerState) -> Int {
        (server.freeCPU * weights.freeCore + server.totalGap * weights.freeDevice) / 1_000
    }
}

/// How much of each kind of device is needed by requests that name models: their part of the demand when all devices
/// are asked for once, spread over the devices that will do, against the kind's devices.
struct Scarcity {
    /// Millionths, in the order of the fleet's kinds; may exceed 1,000,000.
    let byKind: [Int]

    init(mix: RequestMix, fleet: FleetShape) {
        let demand = mix.entries.reduce(0) { $0 + $1.count * $1.shape.totalShare }
        let devices = fleet.devices.reduce(0, +)
        var shares = [Double](repeating: 0, count: fleet.kinds.count)
        for entry in mix.entries where !entry.shape.models.isEmpty && entry.shape.totalShare > 0 {
            let suitable = fleet.kinds.indices.filter { entry.shape.models.contains(fleet.kinds[$0].model) }
            let count = suitable.reduce(0) { $0 + fleet.devices[$1] }
            guard count > 0 else { continue }
            let part = Double(entry.count * entry.shape.totalShare) / Double(demand) * Double(devices) / Double(count)
            for kind in suitable { shares[kind] += part }
        }
        byKind = shares.map { Int(min($0, 1e3) * 1e6) }
    }
}
