package import FleetModel

/// An instance's place in a forecaster's dense state. Given by ``Forecaster/admit(_:)``, and given again to another
/// instance after ``Forecaster/retire(_:)``.
package struct ForecastSlot: RawRepresentable, Hashable, Comparable, Sendable {
    package let rawValue: Int
    package init(rawValue: Int) { self.rawValue = rawValue }
    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// Says how much GPU each instance of a fleet will want, and how sure it is.
///
/// The manager calls it: ``admit(_:)`` and ``retire(_:)`` as instances come and go, ``observe(_:_:)`` for each instance
/// as its second is known, and ``forecast(_:madeAt:)`` about once a second for every instance, in batches of any size.
///
/// An implementation guarantees:
/// - equal calls in equal order give equal results, in every process: no clock, no hashing order, no global randomness;
/// - a slot that was retired and given to another instance knows nothing of the one that had it before;
/// - any observation is survived: gaps, repeats, seconds that go back (ignored), values of any size, not a number;
/// - a second that is not observed counts as one without demand;
/// - curves ascend and are not below 0; onset and ending probabilities lie in 0...1 and do not fall with the horizon;
/// - nothing ends in a second without demand;
/// - bounded memory per slot and bounded work per call and instance;
/// - slots that are not in use are ignored by ``observe(_:_:)`` and ``retire(_:)``, and forecast as no demand.
package protocol Forecaster: Sendable {
    /// How far ahead it looks; the same for its whole life, and what each of its forecasts says.
    var horizons: ForecastHorizons { get }

    /// Takes in an instance. Nothing is known of it yet, unless it was here before and is still remembered.
    mutating func admit(_ instance: InstanceDescription) -> ForecastSlot

    /// Lets an instance go. Its slot may be given to the next that is admitted.
    mutating func retire(_ slot: ForecastSlot)

    /// The instance of a slot is `instance` from now on, of another application type or class, say. What is known of it
    /// stays; where that is nothing, what is remembered under its new description counts.
    mutating func describe(_ slot: ForecastSlot, as instance: InstanceDescription)

    /// Takes in one second of one instance. Seconds ascend for each slot; one that does not is ignored.
    mutating func observe(_ slot: ForecastSlot, _ observation: LoadObservation)

    /// What is expected of each instance from its last observed second on.
    ///
    /// What is said here is kept for a bounded sample of the instances, and scored when it has come true.
    ///
    /// - Returns: one forecast for each of `slots`, in that order.
    mutating func forecast(_ slots: [ForecastSlot], madeAt: MonotonicTime) -> [DemandForecast]

    /// How much an instance wants of a resource once it begins: the `level` quantile of the greatest demand of a burst,
    /// in the resource's unit. What is not known of the instance is taken from its application type, then from the
    /// fleet, then from a prior; so it is above 0 for every slot in use.
    func amountIfDemanded(_ slot: ForecastSlot, resource: Resource, level: Double) -> Double

    /// What ``amountIfDemanded(_:resource:level:)`` says at the levels that a decision needs, at once. Levels are 0 to 1.
    func burstAmounts(_ slot: ForecastSlot, serviceLevel: Double, highestLevel: Double) -> BurstAmounts

    /// What was learned so far, for a forecaster of a later life to go on from; nil where there is nothing, and of a
    /// forecaster that keeps nothing over a restart.
    func snapshot() -> FleetSnapshot?

    /// What one instance did in the seconds that end with its last observed one.
    func course(_ slot: ForecastSlot) -> DemandCourse

    /// How much to trust what is said of one instance. O(1).
    func trust(_ slot: ForecastSlot) -> ForecastTrust

    /// How good the forecasts were that have come true.
    var accuracy: AccuracyOverview { get }
}

extension Forecaster {
    /// For forecasters that look at no descriptions.
    package mutating func describe(_ slot: ForecastSlot, as instance: InstanceDescription) {}

    package func snapshot() -> FleetSnapshot? { nil }
}
