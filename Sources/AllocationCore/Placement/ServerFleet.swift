package import FleetModel

/// The servers, what each has free, and where the next request goes.
///
/// A policy's scores are kept by shape of request: choosing looks at every server's kept score once (5,000 numbers) and
/// computes anew only those of servers that changed since a request of that shape was last placed. Equal histories make
/// equal choices.
package struct ServerFleet: Sendable {
    /// Shapes for which scores are kept; beyond that those longest unused are dropped.
    package static let maximumShapes = 512

    /// The scores of all servers for one shape of request.
    private struct Column {
        /// By slot; `notFitting` where the request does not fit.
        var scores: [Int]
        /// The change up to which the scores are right.
        var seen: UInt64
        var lastUsed: UInt64
    }

    private static let notFitting = Int.min

    private var policy: any PlacementPolicy
    private var servers: [PlacementServer?] = []
    /// By slot; of a slot without a server the last one's, which takes nothing new.
    private var states: [ServerState] = []
    /// By slot: what the policy says of the state, whatever the request.
    private var standings: [Int] = []
    private var slots: [GPUServerID: Int] = [:]
    private var freeSlots: [Int] = []
    private var kinds: [ServerKind] = []
    private var columns: [RequestShape: Column] = [:]
    /// Grows with each change of a server.
    private var change: UInt64 = 0
    /// By slot: the last change.
    private var changed: [UInt64] = []
    private var isAdapted = false
    private var draws: UInt64

    /// - Parameter seed: what is drawn where the policy draws.
    package init(policy: any PlacementPolicy, seed: UInt64 = 0) {
        self.policy = policy
        draws = Mixing.mixed(seed)
    }

    package var count: Int { slots.count }

    /// Takes another policy, or the same with another expectation of requests; every score is computed anew.
    package mutating func use(_ policy: any PlacementPolicy) {
        self.policy = policy
        forgetScores()
    }

    // MARK: Servers

    /// Adds a server, empty. One that is known is left as it is.
    package mutating func add(_ server: PlacementServer) {
        guard slots[server.id] == nil else { return }
        let kind = kinds.firstIndex(of: server.kind) ?? kinds.count
        if kind == kinds.count { kinds.append(server.kind) }
        let slot = freeSlots.popLast() ?? servers.count
        if slot == servers.count {
            servers.append(server)
            states.append(ServerState(server, kind: kind))
            changed.append(change)
        } else {
            servers[slot] = server
            states[slot] = ServerState(server, kind: kind)
        }
        slots[server.id] = slot
        forgetScores()
    }

    /// Forgets a server and what is placed on it.
    package mutating func remove(_ server: GPUServerID) {
        guard let slot = slots.removeValue(forKey: server) else { return }
        servers[slot] = nil
        states[slot].acceptsNew = false
        freeSlots.append(slot)
        forgetScores()
    }

    /// A server that is drained keeps what it has, and gets nothing new.
    package mutating func setDraining(_ server: GPUServerID, _ draining: Bool) {
        guard let slot = slots[server] else { return }
        states[slot].acceptsNew = !draining
        touch(slot)
    }

    package func state(of server: GPUServerID) -> ServerState? { slots[server].map { states[$0] } }

    /// Every server and its state, by slot. O(servers)
    package var all: [(server: PlacementServer, state: ServerState)] {
        zip(servers, states).compactMap { server, state in server.map { ($0, state) } }
    }

    // MARK: Requests

    /// Chooses a server for the request and takes what it needs there; nil where it fits nowhere.
    package mutating func place(_ request: PlacementRequest) -> Placement? {
        let choice = choose(request)
        if let choice { commit(choice) }
        return choice
    }

    /// Where the request would go; nothing is taken. O(servers), with a few nanoseconds a server.
    package mutating func choose(_ request: PlacementRequest) -> Placement? {
        if !isAdapted { adapt() }
        let scores = currentScores(for: request.shape)
        guard let slot = bestSlot(scores, request), let server = servers[slot],
            let candidate = policy.candidate(for: request.shape, on: offer(slot))
        else { return nil }
        return Placement(server: server.id, shape: request.shape, place: candidate.place)
    }

    /// Takes what a placement needs: one that was chosen with nothing happening since, or one that a server reports.
    /// What is on a server that is not known is left alone.
    package mutating func commit(_ placement: Placement) { change(placement, sign: 1) }

    /// Gives back what was placed.
    package mutating func release(_ placement: Placement) { change(placement, sign: -1) }

    private mutating func change(_ placement: Placement, sign: Int) {
        guard let slot = slots[placement.server] else { return }
        states[slot].change(placement.shape, placement.place, sign: sign)
        precondition(states[slot].freeCPU <= states[slot].cpuCapacity, "more is given back than was taken")
        touch(slot)
    }

    // MARK: Scores

    private var shape: FleetShape {
        var devices = [Int](repeating: 0, count: kinds.count)
        for (slot, server) in servers.enumerated() {
            if let server { devices[states[slot].kind] += server.devices }
        }
        return FleetShape(kinds: kinds, devices: devices)
    }

    private mutating func touch(_ slot: Int) {
        change += 1
        changed[slot] = change
        if isAdapted { standings[slot] = policy.standing(of: states[slot]) }
    }

    private func offer(_ slot: Int) -> ServerOffer {
        ServerOffer(state: states[slot], kind: kinds[states[slot].kind], standing: standings[slot])
    }

    private mutating func adapt() {
        policy.adapt(to: shape)
        standings = states.map { policy.standing(of: $0) }
        isAdapted = true
    }

    private mutating func forgetScores() {
        columns.removeAll(keepingCapacity: true)
        isAdapted = false
    }

    /// The scores of every server for the shape, up to date.
    private mutating func currentScores(for shape: RequestShape) -> [Int] {
        change += 1
        var column = columns.removeValue(forKey: shape)
        if column == nil && columns.count >= Self.maximumShapes,
            let oldest = columns.min(by: { $0.value.lastUsed < $1.value.lastUsed })
        {
            columns[oldest.key] = nil
        }
        var scores = column?.scores ?? [Int](repeating: Self.notFitting, count: states.count)
        let seen = column?.seen
        column = nil
        for slot in states.indices where seen.map({ changed[slot] > $0 }) ?? true {
            scores[slot] = policy.candidate(for: shape, on: offer(slot))?.score ?? Self.notFitting
        }
        columns[shape] = Column(scores: scores, seen: change, lastUsed: change)
        return scores
    }

    /// The slot with the highest score and affinity that is not excluded.
    private mutating func bestSlot(_ scores: [Int], _ request: PlacementRequest) -> Int? {
        var best: Int?
        var highest = Self.notFitting
        for slot in scores.indices where scores[slot] > highest {
            guard !isExcluded(slot, request.excludedDomains) else { continue }
            (best, highest) = (slot, scores[slot])
        }
        if policy.ties == .drawn, best != nil {
            let tied = scores.indices.filter {
                scores[$0] == highest && !isExcluded($0, request.excludedDomains)
            }
            draws &+= 1
            best = tied[Int(Mixing.mixed(draws) % UInt64(tied.count))]
        }
        // Affinity is above 0 for a few servers only: they alone are compared again.
        let favoured = request.affinity.compactMap { server, worth in slots[server].map { ($0, worth) } }
        for (slot, worth) in favoured.sorted(by: { $0.0 < $1.0 }) {
            guard scores[slot] != Self.notFitting, !isExcluded(slot, request.excludedDomains) else { continue }
            let total = scores[slot] + max(0, worth)
            if total > highest || (total == highest && slot < best ?? .max) { (best, highest) = (slot, total) }
        }
        return best
    }

    private func isExcluded(_ slot: Int, _ domains: Set<FailureDomain>) -> Bool {
        guard !domains.isEmpty, let domain = servers[slot]?.domain else { return false }
        return domains.contains(domain)
    }
}

/// Where a request was placed.
package struct Placement: Hashable, Sendable {
    package var server: GPUServerID
    package var shape: RequestShape
    package var place: DevicePlace

    package init(server: GPUServerID, shape: RequestShape, place: DevicePlace) {
        self.server = server
        self.shape = shape
        self.place = place
    }
}
