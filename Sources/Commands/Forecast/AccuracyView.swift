import Dashboard
import FleetModel

/// How good the fleet's forecasts were, as commands write it for programs.
struct AccuracyView: Encodable {
    struct Cell: Encodable {
        var resource: String
        var target: String
        var horizonSeconds: Int
        var weightedQuantileLoss: Double?
        var lossAgainstClimate: Double?
        /// Shares of outcomes not above the quantile.
        var coverage90: Double?
        var coverage95: Double?
        var coverage99: Double?
    }

    struct Application: Encodable {
        var application: String
        var scored: Double
        var lossAgainstClimate: Double?
        var coverage95: Double?
    }

    var sampled: UInt64
    var scored: UInt64
    var weightedQuantileLoss: Double?
    var lossAgainstClimate: Double?
    /// Shares of outcomes within the two-sided intervals, of busy instances.
    var coverage80: Double?
    var coverage95: Double?
    var cells: [Cell]
    var applications: [Application]
    var promotions: UInt64
    var rollbacks: UInt64

    init(_ accuracy: AccuracyOverview) {
        sampled = accuracy.sampled
        scored = accuracy.scored
        weightedQuantileLoss = accuracy.weightedQuantileLoss
        lossAgainstClimate = accuracy.lossAgainstClimate
        coverage80 = accuracy.coverage80
        coverage95 = accuracy.coverage95
        cells = accuracy.cells.map { cell in
            Cell(
                resource: String(describing: cell.resource), target: String(describing: cell.target),
                horizonSeconds: accuracy.horizons[cell.horizon], weightedQuantileLoss: cell.weightedQuantileLoss,
                lossAgainstClimate: cell.lossAgainstClimate, coverage90: cell.coverage90, coverage95: cell.coverage95,
                coverage99: cell.coverage99)
        }
        applications = accuracy.applications.map { one in
            Application(
                application: one.application.rawValue, scored: one.trust.scored,
                lossAgainstClimate: one.trust.lossAgainstClimate, coverage95: one.trust.coverage95)
        }
        promotions = accuracy.promotions
        rollbacks = accuracy.rollbacks
    }
}
