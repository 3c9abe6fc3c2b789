import Dashboard
import FleetModel
import ForecastCore

/// An evaluation as one page that needs nothing beside it: equal evaluations give equal bytes, but for the speed that
/// was measured.
struct ForecastReport {
    var view: EvaluationView
    /// Each with its record.
    var runs: [TraceEvaluation.Run]
    var panel: DemandPanel
    /// Of the forecasts that are drawn over time.
    var horizon: ForecastHorizon
    var horizons = ForecastHorizons.standard
    /// Where the networks came from; nil for those that ship.
    var networks: String?

    var html: String {
        ReportPage(title: "Forecasts of \(ReportPage.fileName(view.trace))", content: opening + sections).html
    }

    // MARK: The head

    private var opening: [Markup] { [.paragraph(ReportText.verdict(view)), .definitions(facts)] }

    private var facts: [(term: String, text: String)] {
        let fitted = view.trainUntil.map { "fitted to the seconds before \($0)" } ?? "not fitted to this trace"
        return [
            ("trace", ReportPage.fileName(view.trace)), ("instances", "\(panel.instances.count)"),
            ("seconds", "\(panel.seconds)"),
            (
                "judged",
                "\(view.forecasts) forecasts, made every \(view.step == 1 ? "second" : "\(view.step) s") from second "
                    + "\(view.firstOrigin) to \(view.lastOrigin)"
            ),
            (
                "networks",
                (networks.map { "of the file \(ReportPage.fileName($0))" } ?? "those that ship") + ", \(fitted)"
            ),
            (
                "speed",
                Quantity.decimal(view.microsecondsPerForecast, digits: 2) + " µs a forecast without learning, "
                    + "\(view.stateBytesPerInstance) bytes an instance (times are the machine's, and differ from run to run)"
            ),
        ]
    }

    // MARK: The sections

    private var sections: [Markup] {
        let scores = ScoreTable(view: view)
        return ReportPage.section("The words", [.definitions(ReportText.words(horizons))])
            + ReportPage.section(
                "How good each method was", [.paragraph(ReportText.scores), scores.means, scores.losses])
            + ReportPage.section("Forecasts against what came", [.paragraph(ReportText.fans(horizons[horizon]))] + fans)
            + ReportPage.figure("Do the levels hold?", ReportText.calibration, calibration)
            + ReportPage.figure("Loss over time", ReportText.loss(windowSeconds), losses)
            + ReportPage.figure("What the engine relied on", ReportText.weights, weights)
            + ReportPage.section("All figures", [scores.all])
    }

    /// Each method with something of its record, in the order of evaluation.
    private func methods<Part>(
        _ part: KeyPath<EvaluationRecord, Part>
    ) -> [(method: EvaluatedMethod, record: Part)] {
        runs.compactMap { run in run.record.map { (run.method, $0[keyPath: part]) } }
    }

    private var engine: EvaluationRecord? { runs.first { $0.method == .presync }?.record }
    private var windowSeconds: Int { engine?.losses.windowSeconds ?? 0 }

    private var fans: [Markup] {
        let records = engine?.instances ?? []
        guard !records.isEmpty else { return [.paragraph("No instance had any demand in these seconds.")] }
        return [FanFigure.legend] + records.flatMap(fans)
    }

    private func fans(of record: InstanceRecord) -> [Markup] {
        let instance = panel.instances[record.instance]
        let name = "\(instance.id.rawValue) (\(instance.application.rawValue))"
        let figures = zip(Resource.allCases, record.fans).map { resource, fan -> Markup in
            let title = "\(resource) of \(name): forecasts made \(record.ahead) s before, and what came"
            return .element("figure", [:], [FanFigure(record: fan, resource: resource, title: title).drawing])
        }
        let heading: Markup = """
            \(ReportText.name(record.rank)): \(name), busy in \(record.busySeconds) of \(record.seconds.count) s
            """
        return [.element("h3", [:], [heading])] + figures
    }

    private var calibration: Markup {
        let compared = methods(\.calibration).filter { [.presync, .rollingQuantiles].contains($0.method) }
        return CalibrationFigure(methods: compared, horizons: horizons).drawing
    }

    private var losses: Markup { LossFigure(methods: methods(\.losses)).drawing }

    private var weights: Markup {
        .element("div", [:], engine.map { [WeightFigure(record: $0.weights).drawing] } ?? [])
    }
}
