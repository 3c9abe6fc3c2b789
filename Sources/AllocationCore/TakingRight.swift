import FleetModel

/// Whose unused reservations may be taken for an instance.
///
/// | of | for what is foreseen | for a program that asks |
/// |---|---|---|
/// | lower classes | all, where its class may take | the same |
/// | its own class | those whose demand is less probable by ``AllocationConfiguration/displacementShare`` | all |
struct TakingRight: Hashable, Sendable {
    /// The weights of the classes of which all may be taken; nil for none.
    private let weights: ClosedRange<Double>?
    private let ownWeight: Double
    /// What the reservations taken of its own class may be expected to be used for, together.
    private let ownDemand: Double

    init(of taker: PriorityClass, _ demand: DiscountedDemand, isAsked: Bool, _ displacementShare: Double) {
        let least = taker.mayTake ? 0 : taker.weight
        let most = isAsked ? taker.weight : taker.weight.nextDown
        weights = least <= most ? least...most : nil
        ownWeight = taker.weight
        ownDemand = isAsked ? .infinity : demand.forReserve * displacementShare
    }

    /// Whether one reservation may be taken. Its class must be one that may be taken from.
    func reaches(_ candidate: UnusedReservations.Candidate) -> Bool {
        reaches(candidate.weight, candidate.demand)
    }

    func reaches(_ weight: Double, _ demand: DiscountedDemand) -> Bool {
        weights?.contains(weight) == true || (weight == ownWeight && demand.forReserve <= ownDemand)
    }

    /// Whether neither this candidate may be taken nor any that comes after it where they stand by weight, and by demand
    /// within a weight.
    func isBelow(_ candidate: UnusedReservations.Candidate) -> Bool {
        !reaches(candidate) && candidate.weight >= (weights?.lowerBound ?? ownWeight)
    }

    /// Whether these may be taken together: several that are each less probable may be worth more than the one.
    func covers(_ victims: [UnusedReservations.Candidate]) -> Bool {
        let own = victims.reduce(0) { $0 + ($1.weight == ownWeight ? max($1.demand.forReserve, 0) : 0) }
        return own <= ownDemand
    }

    /// Whether something could be taken by this right that cannot by the other.
    func reachesFurther(than other: Self) -> Bool {
        if ownWeight == other.ownWeight { return weights != other.weights || ownDemand > other.ownDemand }
        return self != other
    }
}
