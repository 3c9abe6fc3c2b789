import FleetModel

/// One subject's place in the order in which a plan serves: what is ordered first, then the heaviest class, in it the most
/// probable, of those whose demand is certain the ones that something is prepared for, then the least id.
struct ServingTurn: Sendable {
    /// In the subjects given.
    let index: Int
    let demand: DiscountedDemand
    let attention: AllocationPlanner.Attention
    private let instance: InstanceID
    private let weight: Double
    private let isOrdered: Bool
    private let isCertain: Bool
    private let held: Readiness

    init(
        _ subject: AllocationProspect, _ demand: DiscountedDemand, _ index: Int,
        _ attention: AllocationPlanner.Attention = .full
    ) {
        self.index = index
        self.attention = attention
        self.demand = demand
        instance = subject.instance
        weight = subject.weight
        isOrdered = subject.isReserved
        isCertain = subject.isCertain
        held = subject.held?.level ?? .cold
    }

    /// Whether this one is served before the other.
    func precedes(_ other: Self) -> Bool {
        if isOrdered != other.isOrdered { return isOrdered }
        if weight != other.weight { return weight > other.weight }
        if demand != other.demand { return demand.exceeds(other.demand) }
        if isCertain != other.isCertain { return isCertain }
        if isCertain, held != other.held { return held > other.held }
        return instance < other.instance
    }
}

/// The turns of a fleet, taken in part by part and given out in order, so that neither sorts the whole fleet at once: each
/// part is sorted as it comes, and a binary heap of the parts tells which of them has the next turn.
struct ServingOrder: Sendable {
    /// A part's turns, the next one last.
    private var parts: [[ServingTurn]] = []

    var isEmpty: Bool { parts.isEmpty }

    /// Takes in a part. O(turns log turns + log parts)
    mutating func add(_ turns: [ServingTurn]) {
        guard !turns.isEmpty else { return }
        parts.append(turns.sorted { $1.precedes($0) })
        var place = parts.count - 1
        while place > 0, hasEarlier(place, than: (place - 1) / 2) {
            parts.swapAt(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
    }

    /// Gives out the next turn; nil once all are given. O(log parts)
    mutating func popFirst() -> ServingTurn? {
        guard !parts.isEmpty else { return nil }
        let turn = parts[0].removeLast()
        if parts[0].isEmpty {
            parts.swapAt(0, parts.count - 1)
            parts.removeLast()
        }
        var place = 0
        while true {
            var earliest = place
            for below in [2 * place + 1, 2 * place + 2] where below < parts.count && hasEarlier(below, than: earliest) {
                earliest = below
            }
            guard earliest != place else { return turn }
            parts.swapAt(place, earliest)
            place = earliest
        }
    }

    private func hasEarlier(_ place: Int, than other: Int) -> Bool {
        guard let turn = parts[place].last, let compared = parts[other].last else { return false }
        return turn.precedes(compared)
    }
}
