/// How good the forecasts that have come true were: a bounded sample of them, decayed with a half-life of 1,200 steps.
package struct AccuracyOverview: Hashable, Sendable {
    /// One resource, target and horizon, pooled over the fleet. Figures are nil before anything tells of them.
    package struct Cell: Hashable, Sendable {
        package var resource: Resource
        package var target: ForecastTarget
        package var horizon: ForecastHorizon
        /// Twice the pinball loss over the demand, mean over 11 levels: 0 is perfect.
        package var weightedQuantileLoss: Double?
        /// That over the same of what the climate alone had said: below 1 is better than it.
        package var lossAgainstClimate: Double?
        /// The share of outcomes not above the quantiles .9, .95 and .99.
        package var coverage90: Double?
        package var coverage95: Double?
        package var coverage99: Double?

        package init(
            resource: Resource, target: ForecastTarget, horizon: ForecastHorizon, weightedQuantileLoss: Double? = nil,
            lossAgainstClimate: Double? = nil, coverage90: Double? = nil, coverage95: Double? = nil,
            coverage99: Double? = nil
        ) {
            self.resource = resource
            self.target = target
            self.horizon = horizon
            self.weightedQuantileLoss = weightedQuantileLoss
            self.lossAgainstClimate = lossAgainstClimate
            self.coverage90 = coverage90
            self.coverage95 = coverage95
            self.coverage99 = coverage99
        }
    }

    /// One application type.
    package struct Application: Hashable, Sendable {
        package var application: ApplicationType
        package var trust: ForecastTrust

        package init(application: ApplicationType, trust: ForecastTrust) {
            self.application = application
            self.trust = trust
        }
    }

    /// How far ahead the forecasts looked.
    package var horizons: ForecastHorizons
    /// Forecasts kept to be scored since the manager started, of 12 curves each.
    package var sampled: UInt64
    /// Curves scored.
    package var scored: UInt64
    /// Mean over the cells; nil before demand was seen.
    package var weightedQuantileLoss: Double?
    /// That over the same of the climate alone.
    package var lossAgainstClimate: Double?
    /// Share of outcomes within the two-sided 80 % interval, of busy instances; nil before any.
    package var coverage80: Double?
    /// Share of outcomes within the two-sided 95 % interval.
    package var coverage95: Double?
    /// The 12 cells by ``DemandForecast/curveIndex(_:_:_:)``; none before anything was scored.
    package var cells: [Cell]
    /// Ascending by name; the types that have figures of their own.
    package var applications: [Application]
    /// How often a network that had learned took the place of the one in service since the manager started.
    package var promotions: UInt64
    /// How often one was set back, or gave its place back.
    package var rollbacks: UInt64

    package init(
        horizons: ForecastHorizons = .standard, sampled: UInt64 = 0, scored: UInt64 = 0,
        weightedQuantileLoss: Double? = nil, lossAgainstClimate: Double? = nil, coverage80: Double? = nil,
        coverage95: Double? = nil, cells: [Cell] = [], applications: [Application] = [], promotions: UInt64 = 0,
        rollbacks: UInt64 = 0
    ) {
        self.horizons = horizons
        self.sampled = sampled
        self.scored = scored
        self.weightedQuantileLoss = weightedQuantileLoss
        self.lossAgainstClimate = lossAgainstClimate
        self.coverage80 = coverage80
        self.coverage95 = coverage95
        self.cells = cells
        self.applications = applications
        self.promotions = promotions
        self.rollbacks = rollbacks
    }
}

/// How much to trust what is forecast of one instance, by what became of the forecasts before.
package struct ForecastTrust: Hashable, Sendable {
    /// Whose forecasts are counted.
    package enum Basis: String, Hashable, Sendable, CaseIterable {
        case instance
        /// Those of its application type, since too few of its own have come true.
        case application
    }

    package var basis: Basis
    /// How many forecasts have come true and count, decayed: the more, the surer are the other two.
    package var scored: Double
    /// Their quantile loss over that of what the climate alone had said: below 1 is better than it. Nil before any.
    package var lossAgainstClimate: Double?
    /// The share of outcomes not above the .95 quantile. Nil before any.
    package var coverage95: Double?

    package init(
        basis: Basis = .application, scored: Double = 0, lossAgainstClimate: Double? = nil, coverage95: Double? = nil
    ) {
        self.basis = basis
        self.scored = scored
        self.lossAgainstClimate = lossAgainstClimate
        self.coverage95 = coverage95
    }
}
