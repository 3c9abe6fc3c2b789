import ArgumentParser
import FleetModel
import ForecastCore
import Foundation

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

            --report writes one HTML page that opens anywhere: forecasts over time against what came, how well their \
            levels hold, the loss over time, and what the engine relied on, with explanations. A file that exists is \
            replaced.

            Networks were trained for horizons of 5, 15 and 30 s; for others (--horizons) their outputs are blended, and \
            a fit trains them for those.

            presync forecast evaluate trace.csv.gz --report trace.html
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

    @OptionGroup var algebra: LinearAlgebraOptions
    @OptionGroup var looking: HorizonsOption

    @Flag(
        help: ArgumentHelp(
            "Judge the engine with fewer inputs, too.",
            discussion: """
                The GPU's history alone; and with CPU, memory and network of the host, but without application type, work \
                in flight and user.
                """))
    var ablation = false

    @Flag(help: "Write one JSON object.")
    var json = false

    @Option(help: ArgumentHelp("Also write a report: one HTML page with figures.", valueName: "file"))
    var report: String?

    @Option(
        help: ArgumentHelp(
            "How far ahead the forecasts look that the report draws, one of --horizons. Default: the shortest.",
            valueName: "seconds")
    )
    var reportHorizon: Int?

    func validate() throws {
        guard step >= 1 else { throw ValidationError("--step must be at least 1") }
        guard !(noFit && trainUntil != nil) else {
            throw ValidationError("--train-until and --no-fit exclude each other")
        }
        if let trainUntil, trainUntil < 60 { throw ValidationError("--train-until must be at least 60") }
        if let reportHorizon, looking.horizon(of: reportHorizon) == nil {
            throw ValidationError("--report-horizon must be one of the horizons, \(looking.horizons.phrase)")
        }
    }

    func run() throws {
        try CommandRunner.run {
            let file = try report.map { path in try OutputFile(path, sparing: [trace] + (networks.map { [$0] } ?? [])) }
            let panel = try TracePanel.read(trace)
            let scored = try scoredSeconds(of: panel)
            let start = try networks.map(NetworksFile.read) ?? ShippedNetworks.all
            let until = noFit ? nil : min(trainUntil ?? scored.lowerBound, panel.seconds)
            let linearAlgebra = try algebra.open()
            let drawn = reportHorizon.flatMap(looking.horizon(of:)) ?? .short
            var fitting = NetworkFit.Configuration()
            fitting.horizons = looking.horizons
            let fitted = until.map {
                NetworkFitting.run(
                    panels: [panel], seconds: $0, from: start, configuration: fitting, linearAlgebra: linearAlgebra
                ).networks
            }
            let evaluation = TraceEvaluation(
                panel: panel, origins: scored, step: step, networks: start, fitted: fitted, fittedUntil: until,
                horizons: looking.horizons, linearAlgebra: linearAlgebra,
                record: file.map { _ in
                    EvaluationRecord(
                        panel: panel, origins: scored, step: step, horizon: drawn, horizons: looking.horizons)
                })
            let runs = (EvaluatedMethod.standard + (ablation ? EvaluatedMethod.ablation : [])).map(evaluation.run)
            let view = EvaluationView(
                trace: trace, origins: scored, step: step, trainUntil: until, evaluations: runs.map(\.figures),
                microsecondsPerForecast: evaluation.costWithoutLearning(), stateBytes: FleetForecaster.bytesPerInstance)
            if let file {
                let report = ForecastReport(
                    view: view, runs: runs.filter { EvaluatedMethod.standard.contains($0.method) }, panel: panel,
                    horizon: drawn, horizons: looking.horizons, networks: networks)
                try file.write(report.html)
                StandardError.write("presync forecast: wrote the report\n")
            }
            print(
                try AnswerRenderer(format: json ? .json : .table, style: .standardOutput).render(view), terminator: "")
        }
    }

    /// The origins that can be judged: each needs the longest horizon after it.
    private func scoredSeconds(of panel: DemandPanel) throws(CommandFailure) -> Range<Int> {
        let wanted = origins.map { $0.first..<($0.last + 1) } ?? (panel.seconds * 3 / 5)..<panel.seconds
        let scored = panel.origins(within: wanted, horizons: looking.horizons)
        guard !scored.isEmpty else {
            throw CommandFailure(
                .noInput,
                "the trace has \(panel.seconds) s, and no origin of \(wanted) has \(looking.horizons[.long]) s after it",
                advice: "name others with --origins, or a trace of at least \(looking.horizons[.long] * 5 / 2 + 3) s")
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
