import ArgumentParser
import FleetModel
import ForecastCore
import Foundation
import OpenBLAS

/// `presync forecast evaluate`.
struct ForecastEvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Judge the forecasts on a recorded trace: loss and coverage, per resource, target and horizon.",
        discussion: """
            Each second the engine sees what had happened until then, and is asked; what it said is compared with \
            what came. The loss is the weighted quantile loss over the levels .1 to .9, .95 and .99: 0 is perfect, and \
            lower is better. The networks are first fitted to the part before --train-until (default: before the first \
            origin); --no-fit judges those that ship, as they learn on the way.

            presync forecast evaluate trace.csv.gz
            presync forecast evaluate panel.telemetry.csv.gz --train-until 1260 --origins 1260..2069 --json
            """)

    @Argument(help: ArgumentHelp("A telemetry trace, plain or gzip.", valueName: "trace"))
    var trace: String

    @Option(
        help: ArgumentHelp(
            "The seconds from which forecasts are judged, both included. Default: the last 40 % of the trace.",
            valueName: "first..last"))
    var origins: OriginRange?

    @Option(help: ArgumentHelp("Judge every so many seconds.", valueName: "seconds"))
    var step = 1

    @Option(help: ArgumentHelp("Fit the networks to the seconds before this one.", valueName: "second"))
    var trainUntil: Int?

    @Flag(help: "Fit nothing: the networks as they are, and what they learn on the way.")
    var noFit = false

    @Option(
        help: ArgumentHelp("Networks that 'presync forecast train' wrote. Default: those that ship.", valueName: "file")
    )
    var networks: String?

    @Option(
        help: ArgumentHelp(
            "What the networks are computed with: portable (equal figures everywhere), openblas (faster) or automatic.",
            valueName: "name"))
    var linearAlgebra = LinearAlgebraChoice.portable

    @Flag(help: "Write one JSON object.")
    var json = false

    func validate() throws {
        guard step >= 1 else { throw ValidationError("--step must be at least 1") }
        guard !(noFit && trainUntil != nil) else {
            throw ValidationError("--train-until and --no-fit exclude each other")
        }
        if let trainUntil, trainUntil < 60 { throw ValidationError("--train-until must be at least 60") }
    }

    func run() throws {
        try CommandRunner.run {
            let panel = try TracePanel.read(trace)
            let scored = try scoredSeconds(of: panel)
            let start = try networks.map(NetworksFile.read) ?? ShippedNetworks.all
            let until = noFit ? nil : min(trainUntil ?? scored.lowerBound, panel.seconds)
            let algebra = try linearAlgebra.open()
            let fitted = until.map {
                NetworkFitting.run(panels: [panel], seconds: $0, from: start, linearAlgebra: algebra).networks
            }
            let evaluations = EvaluatedMethod.allCases.map { method in
                evaluate(method, on: panel, scored, start: start, fitted: fitted, from: until, algebra)
            }
            let view = EvaluationView(
                trace: trace, origins: scored, trainUntil: until, evaluations: evaluations,
                microsecondsPerForecast: costWithoutLearning(on: panel, scored, networks: start, algebra),
                stateBytes: FleetForecaster.bytesPerInstance)
            print(
                try AnswerRenderer(format: json ? .json : .table, style: .standardOutput).render(view), terminator: "")
        }
    }

    private func evaluate(
        _ method: EvaluatedMethod, on panel: DemandPanel, _ scored: Range<Int>, start: [QuantileNetwork],
        fitted: [QuantileNetwork]?, from until: Int?, _ algebra: any LinearAlgebra
    ) -> EvaluationView.Evaluation {
        if let baseline = method.baseline {
            return evaluate(method, BaselineForecaster(baseline), on: panel, scored) { _, _ in }
        }
        let configuration = FleetForecaster.Configuration(
            models: method.models, networks: start, linearAlgebra: algebra)
        return evaluate(method, FleetForecaster(configuration: configuration), on: panel, scored) { second, engine in
            // Fitted on what came before: they serve once they have forecast what then came no worse.
            if second == until, let fitted { engine.propose(fitted) }
        }
    }

    /// What observing, forecasting, scoring and mixing take. A step of learning takes the same for 64 instances as for a
    /// million: it is left out here, and part of each method's own figure.
    private func costWithoutLearning(
        on panel: DemandPanel, _ scored: Range<Int>, networks: [QuantileNetwork], _ algebra: any LinearAlgebra
    ) -> Double {
        let configuration = FleetForecaster.Configuration(
            networks: networks, learnsOnline: false, linearAlgebra: algebra)
        var forecaster = TimedForecaster(FleetForecaster(configuration: configuration))
        _ = Evaluation.run(&forecaster, on: panel, origins: scored, step: scored.count)
        return forecaster.microsecondsPerForecast
    }

    private func evaluate<Base: Forecaster>(
        _ method: EvaluatedMethod, _ base: Base, on panel: DemandPanel, _ scored: Range<Int>,
        beforeSecond: (Int, inout Base) -> Void
    ) -> EvaluationView.Evaluation {
        var forecaster = TimedForecaster(base)
        let result = Evaluation.run(&forecaster, on: panel, origins: scored, step: step) { second, timed in
            beforeSecond(second, &timed.base)
            guard second % 500 == 0 else { return }
            StandardError.write("presync forecast: \(method.rawValue), second \(second) of \(scored.upperBound)\n")
        }
        return EvaluationView.Evaluation(
            name: method.rawValue, result: result, microsecondsPerForecast: forecaster.microsecondsPerForecast)
    }

    /// The origins that can be judged: each needs the longest horizon after it.
    private func scoredSeconds(of panel: DemandPanel) throws(CommandFailure) -> Range<Int> {
        let end = panel.seconds - ForecastHorizon.long.seconds
        let wanted = origins.map { $0.first..<($0.last + 1) } ?? (panel.seconds * 3 / 5)..<max(end, 0)
        let scored = wanted.clamped(to: 0..<max(end, 0))
        guard !scored.isEmpty else {
            throw CommandFailure(
                .noInput, "the trace has \(panel.seconds) s, and no origin of \(wanted) has 30 s after it",
                advice: "name others with --origins, or a longer trace")
        }
        return scored
    }
}

/// `FIRST..LAST`, both included.
struct OriginRange: ExpressibleByArgument {
    var first: Int
    var last: Int

    init?(argument: String) {
        let ends = argument.components(separatedBy: "..").map { Int($0) }
        guard ends.count == 2, let first = ends[0], let last = ends[1], first >= 0, first <= last, last < 1 << 40 else {
            return nil
        }
        (self.first, self.last) = (first, last)
    }
}

/// What is judged side by side: the engine, what its parts say alone, and simple methods.
enum EvaluatedMethod: String, CaseIterable {
    case presync
    case climate
    case network
    case rollingQuantiles = "rolling-quantiles-300"
    case lastValue = "last-value"
    case movingAverage = "ewma-gaussian"

    /// The engine's models; none for what is no part of it.
    var models: [ForecastModel] {
        switch self {
        case .presync: ForecastModel.allCases
        case .climate: [.climate]
        case .network: [.network]
        case .rollingQuantiles, .lastValue, .movingAverage: []
        }
    }

    var baseline: BaselineForecaster.Method? {
        switch self {
        case .presync, .climate, .network: nil
        case .rollingQuantiles: .rollingQuantiles(seconds: 300)
        case .lastValue: .lastValue
        case .movingAverage: .movingAverage(halfLife: 30)
        }
    }
}
