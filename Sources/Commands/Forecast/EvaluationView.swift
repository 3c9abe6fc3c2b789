import Dashboard
import FleetModel
import ForecastCore

/// How good each method was, as `presync forecast evaluate` writes it.
struct EvaluationView: RenderableAnswer {
    /// One method's run.
    struct Evaluation {
        var name: String
        var result: EvaluationResult
        var microsecondsPerForecast: Double
    }

    struct Figures: Encodable {
        /// Weighted quantile loss over the scored levels, and at .99 alone.
        var wql: Double
        var wql99: Double
        /// Shares of outcomes not above the quantile.
        var coverage90: Double
        var coverage95: Double
        var coverage99: Double
        /// Shares of outcomes within the two-sided intervals, of instances busy in over 20 % of the time; absent when
        /// there are none.
        var two80Busy: Double?
        var two95Busy: Double?
    }

    /// One resource, target and horizon; its figures stand beside these names.
    struct Cell: Encodable {
        var resource: String
        var target: String
        /// Seconds.
        var horizon: Int
        var figures: Figures

        private enum CodingKeys: CodingKey {
            case resource
            case target
            case horizon
        }

        func encode(to encoder: any Encoder) throws {
            var names = encoder.container(keyedBy: CodingKeys.self)
            try names.encode(resource, forKey: .resource)
            try names.encode(target, forKey: .target)
            try names.encode(horizon, forKey: .horizon)
            try figures.encode(to: encoder)
        }
    }

    struct Method: Encodable {
        var name: String
        var cells: [Cell]
        var mean: Figures
        /// With its learning.
        var microsecondsPerForecast: Double
    }

    var trace: String
    var firstOrigin: Int
    var lastOrigin: Int
    /// Seconds from one origin to the next.
    var step: Int
    /// The networks were fitted to what came before this second; absent where nothing was fitted.
    var trainUntil: Int?
    var forecasts: Int
    var methods: [Method]
    /// The engine's, without its learning, which costs the same whatever the size of the fleet.
    var microsecondsPerForecast: Double
    var stateBytesPerInstance: Int

    init(
        trace: String, origins: Range<Int>, step: Int, trainUntil: Int?, evaluations: [Evaluation],
        microsecondsPerForecast: Double, stateBytes: Int
    ) {
        self.trace = trace
        firstOrigin = origins.lowerBound
        lastOrigin = origins.upperBound - 1
        self.step = step
        self.trainUntil = trainUntil
        forecasts = evaluations.first?.result.forecasts ?? 0
        methods = evaluations.map(Method.init)
        self.microsecondsPerForecast = microsecondsPerForecast
        stateBytesPerInstance = stateBytes
    }

    func table() -> TextTable {
        var table = TextTable(
            titles: ["METHOD", "RESOURCE", "TARGET", "WITHIN", "WQL", "WQL .99", "NOT ABOVE .9", ".95", ".99"])
        func row(_ names: [String], _ figures: Figures) {
            let values = [
                figures.wql, figures.wql99, figures.coverage90, figures.coverage95, figures.coverage99,
            ]
            table.rows.append((names + values.map { Quantity.decimal($0, digits: 3) }).map { TextTable.Cell($0) })
        }
        for method in methods {
            for cell in method.cells {
                row([method.name, cell.resource, cell.target, "\(cell.horizon) s"], cell.figures)
            }
            row([method.name, "mean of 12", "", ""], method.mean)
        }
        return table
    }
}

extension EvaluationView.Method {
    fileprivate init(_ evaluation: EvaluationView.Evaluation) {
        let result = evaluation.result
        name = evaluation.name
        cells = result.cells.map { cell in
            EvaluationView.Cell(
                resource: String(describing: cell.resource), target: String(describing: cell.target),
                horizon: result.horizons[cell.horizon],
                figures: EvaluationView.Figures(
                    wql: cell.loss, wql99: cell.loss99, coverage90: cell.coverage90, coverage95: cell.coverage95,
                    coverage99: cell.coverage99, two80Busy: cell.two80, two95Busy: cell.two95))
        }
        func mean(_ figures: [Double?]) -> Double? {
            let known = figures.compactMap(\.self)
            return known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
        }
        self.mean = EvaluationView.Figures(
            wql: result.meanLoss, wql99: result.meanLoss99, coverage90: result.coverage90,
            coverage95: result.coverage95, coverage99: result.coverage99,
            two80Busy: mean(result.cells.map(\.two80)), two95Busy: mean(result.cells.map(\.two95)))
        microsecondsPerForecast = evaluation.microsecondsPerForecast
    }
}
