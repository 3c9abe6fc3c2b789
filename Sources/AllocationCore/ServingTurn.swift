import FleetModel

/// One subject's place in the order in which a plan serves: what is ordered first, then the heaviest class, in it the most
/// probable, of those whose demand is certain the ones that something is prepared for, then the least id.
///
/// It holds what is compared, without references: sorting a fleet moves and compares nothing else.
struct ServingTurn {
    /// In the subjects given.
    let index: Int
    let demand: DiscountedDemand
    private let weight: Double
    private let isOrdered: Bool
    private let isCertain: Bool
    private let held: Readiness

    init(_ subject: AllocationSubject, _ demand: DiscountedDemand, _ index: Int) {
        self.index = index
        self.demand = demand
        weight = subject.priority.weight
        isOrdered = subject.order.isReserved
        isCertain = subject.isCertain
        held = subject.holding?.level ?? .cold
    }

    /// Whether this one is served before the other; nil where only their ids decide.
    func precedes(_ other: Self) -> Bool? {
        if isOrdered != other.isOrdered { return isOrdered }
        if weight != other.weight { return weight > other.weight }
        if demand != other.demand { return demand.exceeds(other.demand) }
        if isCertain != other.isCertain { return isCertain }
        if isCertain, held != other.held { return held > other.held }
        return nil
    }
}
