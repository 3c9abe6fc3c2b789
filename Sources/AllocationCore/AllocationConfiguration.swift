package import FleetModel

/// The figures of the decision rule. Those that differ between classes are in ``PriorityClass``.
package struct AllocationConfiguration: Hashable, Sendable {
    /// When anything is prepared.
    package enum Mode: String, Hashable, Sendable, Codable, CaseIterable {
        /// Ahead of demand, by forecast.
        case presync
        /// Only when a program asks; what is not in use is given back after its grace.
        case reactive
    }

    package var mode: Mode
    /// How far ahead the forecasts look that plans go by; the manager takes it from its forecaster.
    package var horizons: ForecastHorizons
    /// The horizon whose probability decides on a reservation: raising a warm session takes well under a second.
    package var reserveHorizon: ForecastHorizon
    /// The horizon whose probability decides on a warm session: it is cheap, so it is opened early.
    package var warmHorizon: ForecastHorizon
    /// The relative width at which confidence is one half; above 0.
    package var halfConfidenceWidth: Double
    /// What an idle device-second may cost while half of the pool is promised, in seconds of waiting of a class of
    /// weight 1; above 0. ``IdlePrice`` makes it follow the load.
    package var idlePrice: Double
    /// What the steps of the ladder save, and what its levels hold.
    package var costs: LadderCosts
    /// What is held is kept while its discounted probability is at least this share of the bar that it took to
    /// raise it, 0 to 1: below 1, so that a probability that wavers about a bar does not move anything.
    package var keepShare: Double
    /// A reservation that is not in use grows once the amount exceeds it by this share of itself; 0 or more. So its
    /// number of changes is logarithmic in its size.
    package var growthTolerance: Double
    /// An unused reservation gives way to another of its class while nothing is free, where its own demand is at most
    /// this share as probable, 0 to 1: well below 1, so that forecasts that waver do not exchange places. 0: it never
    /// does but to one that is certain never to be used.
    package var displacementShare: Double
    /// How often per plan a search for unused reservations of lower classes is made.
    package var maximumPreemptionSearches: Int

    package init(
        mode: Mode = .presync, horizons: ForecastHorizons = .standard, reserveHorizon: ForecastHorizon = .short,
        warmHorizon: ForecastHorizon = .long,
        halfConfidenceWidth: Double = 4, idlePrice: Double = 0.002, costs: LadderCosts = LadderCosts(),
        keepShare: Double = 0.75, growthTolerance: Double = 0.125, displacementShare: Double = 0.5,
        maximumPreemptionSearches: Int = 256
    ) {
        self.mode = mode
        self.horizons = horizons
        self.reserveHorizon = reserveHorizon
        self.warmHorizon = warmHorizon
        self.halfConfidenceWidth = halfConfidenceWidth
        self.idlePrice = idlePrice
        self.costs = costs
        self.keepShare = keepShare
        self.growthTolerance = growthTolerance
        self.displacementShare = displacementShare
        self.maximumPreemptionSearches = maximumPreemptionSearches
    }

    /// The probability of demand within the longest horizon below which an instance that holds nothing is not planned
    /// for: opening a session fifty times for one use is work that no idle memory's price accounts for.
    package static let attentionThreshold: Float = 0.02

    /// Whether a plan could do anything for an instance: a cheap test that leaves most of a large, idle fleet out.
    package static func deservesAttention(onset: InlineArray<3, Float>, holding: Holding?) -> Bool {
        holding != nil || onset[ForecastHorizon.long.rawValue] >= attentionThreshold
    }

    /// How far a forecast is believed: `1 / (1 + width / halfConfidenceWidth)`, so 1 for a forecast that is certain,
    /// one half at ``halfConfidenceWidth``, and falling towards 0. A width that is not a number is not believed.
    ///
    /// - Parameter relativeWidth: the width of the 80 % interval divided by the median.
    package func confidence(relativeWidth: Double) -> Double {
        relativeWidth.isNaN ? 0 : 1 / (1 + max(relativeWidth, 0) / halfConfidenceWidth)
    }
}
