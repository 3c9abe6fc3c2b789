import FleetModel
import ForecastCore

/// The evaluation of methods on one trace, one after the other, told on standard error as it goes.
struct TraceEvaluation {
    struct Run {
        var method: EvaluatedMethod
        var figures: EvaluationView.Evaluation
        var record: EvaluationRecord?
    }

    var panel: DemandPanel
    var origins: Range<Int>
    var step: Int
    /// What the engine begins with.
    var networks: [QuantileNetwork]
    /// Networks that were fitted to the seconds before ``fittedUntil``, and are proposed there; nil where none were.
    var fitted: [QuantileNetwork]?
    var fittedUntil: Int?
    var horizons = ForecastHorizons.standard
    var linearAlgebra: any LinearAlgebra = PortableLinearAlgebra()
    /// An empty one, to be filled by each run; nil where no report is wanted.
    var record: EvaluationRecord?

    func run(_ method: EvaluatedMethod) -> Run {
        if let baseline = method.baseline {
            return run(method, BaselineForecaster(baseline, horizons: horizons)) { _, _, _ in }
        }
        var configuration = FleetForecaster.Configuration(
            models: method.models, networks: networks, linearAlgebra: linearAlgebra)
        configuration.horizons = horizons
        return run(method, FleetForecaster(configuration: configuration)) { second, engine, record in
            // Fitted on what came before: they serve once they have forecast what then came no worse.
            if second == fittedUntil, let fitted { engine.propose(fitted) }
            record?.watch(engine, at: second)
        }
    }

    /// What observing, forecasting, scoring and mixing take, in microseconds a forecast. A step of learning takes the
    /// same for 64 instances as for a million: it is left out here, and part of each method's own figure.
    func costWithoutLearning() -> Double {
        var configuration = FleetForecaster.Configuration(
            networks: networks, learnsOnline: false, linearAlgebra: linearAlgebra)
        configuration.horizons = horizons
        var forecaster = TimedForecaster(FleetForecaster(configuration: configuration))
        _ = Evaluation.run(&forecaster, on: panel, origins: origins, step: origins.count)
        return forecaster.microsecondsPerForecast
    }

    private func run<Base: Forecaster>(
        _ method: EvaluatedMethod, _ base: Base, beforeSecond: (Int, inout Base, inout EvaluationRecord?) -> Void
    ) -> Run {
        var forecaster = TimedForecaster(base)
        var record = record
        let result = Evaluation.run(
            &forecaster, on: panel.showing(method.inputs), origins: origins, step: step,
            beforeSecond: { second, timed in
                beforeSecond(second, &timed.base, &record)
                guard second % 500 == 0 else { return }
                StandardError.write("presync forecast: \(method.rawValue), second \(second) of \(origins.upperBound)\n")
            },
            onScored: { record?.count($0) })
        return Run(
            method: method,
            figures: EvaluationView.Evaluation(
                name: method.rawValue, result: result, microsecondsPerForecast: forecaster.microsecondsPerForecast),
            record: record)
    }
}
