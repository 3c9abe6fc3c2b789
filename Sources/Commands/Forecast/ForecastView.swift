import Dashboard
import FleetModel

/// One instance's forecast, as `presync forecast show` writes it.
struct ForecastView: RenderableAnswer {
    struct Curve: Encodable {
        var resource: String
        var target: String
        var horizonSeconds: Int
        /// By level, ascending: bytes, or thousandths of a device.
        var quantiles: [Double]
    }

    struct Probability: Encodable {
        var horizonSeconds: Int
        var probability: Double
    }

    struct Trust: Encodable {
        /// Whose forecasts are counted: `instance`, or `application` while too few of its own have come true.
        var basis: String
        var scored: Double
        /// Their loss over that of the climate alone.
        var lossAgainstClimate: Double?
        /// The share of outcomes not above the .95 quantile.
        var coverage95: Double?
        /// The age of the telemetry that the forecast is made of, and of the forecast.
        var telemetryAgeSeconds: Double
        var forecastAgeSeconds: Double
    }

    /// What the instance did in the last seconds, oldest first.
    struct Course: Encodable {
        var memoryBytes: [Float]
        var computeMilli: [Float]
    }

    /// What had been said of one second the shortest horizon before it.
    struct Past: Encodable {
        /// Seconds before the last one of the course; below 0 for one that is still to come.
        var secondsAgo: Int
        var memoryQuantiles: [Double]
        var computeQuantiles: [Double]
    }

    var instance: String
    var application: String
    var readiness: String
    var levels = QuantileLevels.all
    var onset: [Probability]
    /// Absent in a second without demand: nothing is there to end.
    var ending: [Probability]?
    var curves: [Curve]
    var trust: Trust
    var course: Course
    var past: [Past]
    /// Of the fleet's forecasts that have come true.
    var fleetAccuracy: AccuracyView

    private let shown: InstanceForecast

    private enum CodingKeys: CodingKey {
        case instance, application, readiness, levels, onset, ending, curves, trust, course, past, fleetAccuracy
    }

    /// Nil where nothing is forecast of the instance.
    init?(_ shown: InstanceForecast) {
        let overview = shown.instance
        guard let forecast = overview.forecast else { return nil }
        self.shown = shown
        instance = overview.description.id.rawValue
        application = overview.description.application.rawValue
        readiness = overview.readiness.description
        func probabilities(_ probability: (ForecastHorizon) -> Double) -> [Probability] {
            ForecastHorizon.allCases.map {
                Probability(horizonSeconds: forecast.horizons[$0], probability: probability($0))
            }
        }
        onset = probabilities(forecast.onsetProbability(within:))
        let isBusy = overview.latest?.hasDemand ?? false
        ending = isBusy ? probabilities(forecast.endingProbability(within:)) : nil
        curves = Resource.allCases.flatMap { resource in
            ForecastTarget.allCases.flatMap { target in
                ForecastHorizon.allCases.map { horizon in
                    let curve = forecast.curve(resource, target, horizon)
                    return Curve(
                        resource: String(describing: resource), target: String(describing: target),
                        horizonSeconds: forecast.horizons[horizon], quantiles: Self.values(curve))
                }
            }
        }
        let known = overview.trust ?? ForecastTrust()
        trust = Trust(
            basis: known.basis.rawValue, scored: known.scored, lossAgainstClimate: known.lossAgainstClimate,
            coverage95: known.coverage95, telemetryAgeSeconds: overview.telemetryAge.inSeconds,
            forecastAgeSeconds: (shown.at - forecast.madeAt).inSeconds)
        course = Course(memoryBytes: shown.course.memory, computeMilli: shown.course.compute)
        let now = overview.latest?.second ?? 0
        past = shown.past.map {
            Past(
                secondsAgo: Int(clamping: now &- $0.second), memoryQuantiles: Self.values($0.memory),
                computeQuantiles: Self.values($0.compute))
        }
        fleetAccuracy = AccuracyView(shown.accuracy)
    }

    private static func values(_ curve: QuantileCurve) -> [Double] { QuantileLevels.all.indices.map { curve[$0] } }
}

// MARK: - For people

extension ForecastView {
    private static let shownLevels = [1, 5, 9, 10, 12]
    /// Rows of a fan's plot.
    private static let plotRows = 8

    func lines(header: Bool, width: Int) -> [StyledLine] {
        let charts = Resource.allCases.flatMap { resource in
            [StyledLine(), StyledLine("GPU \(String(describing: resource).uppercased())", .strong)]
                + FanChart(shown, resource, width: width).lines(height: Self.plotRows)
        }
        return heading(width: width) + [StyledLine()] + probabilities().lines(header: header) + charts
            + [StyledLine()] + table().lines(header: header)
    }

    /// Which instance, and how much to trust what follows.
    private func heading(width: Int) -> [StyledLine] {
        var name = StyledLine(instance, .strong)
        name.append(" (\(application)), \(readiness)")
        let ages = [("telemetry", trust.telemetryAgeSeconds), ("forecast", trust.forecastAgeSeconds)].map {
            StyledLine("\($0.0) \(Quantity.decimal($0.1, digits: 1)) s old")
        }
        let record = [
            trust.lossAgainstClimate.map { "loss \(Quantity.decimal($0, digits: 2)) of the climate's" },
            trust.coverage95.map { "\(Quantity.percent($0)) at or below the 95 % quantile" },
        ].compactMap(\.self)
        let whose = trust.basis == ForecastTrust.Basis.instance.rawValue ? "its own" : "its application type's"
        let basis = "by \(Quantity.decimal(trust.scored, digits: 0)) of \(whose) forecasts"
        let parts = record.isEmpty ? ["no forecast of its application type has come true yet"] : record + [basis]
        return StyledLine.flowed([name] + ages, width: width, indent: 2)
            + StyledLine.flowed(parts.map { StyledLine($0) }, width: width, indent: 2)
    }

    private func probabilities() -> TextTable {
        var table = TextTable(titles: ["PROBABILITY"] + onset.map { "\($0.horizonSeconds) S" })
        func row(_ name: String, _ probabilities: [Probability]?) {
            let cells = onset.indices.map { index in
                TextTable.Cell(probabilities.map { Quantity.percent($0[index].probability) } ?? "-")
            }
            table.rows.append([TextTable.Cell(name)] + cells)
        }
        row("that demand begins within", onset)
        row("that the burst ends within", ending)
        return table
    }

    /// The quantiles that people look at.
    func table() -> TextTable {
        let levels = Self.shownLevels.map { Quantity.percent(QuantileLevels.all[$0]) }
        var table = TextTable(titles: ["QUANTILES", "AHEAD"] + levels)
        for curve in curves {
            let values = Self.shownLevels.map { level in
                let value = curve.quantiles[level]
                return curve.resource == "memory" ? Quantity.bytes(value) : Quantity.percent(value / 1_000)
            }
            table.rows.append(
                [TextTable.Cell("\(curve.resource) \(curve.target)"), "\(curve.horizonSeconds) s"]
                    + values.map { TextTable.Cell($0) })
        }
        return table
    }
}
