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
    /// Where the networks came from; nil for those that ship.
    var networks: String?

    private static let policy = "default-src 'none'; style-src 'unsafe-inline'"

    var html: String {
        let title = "Forecasts of \(Self.fileName(view.trace))"
        let head = Markup.element(
            "head", [:],
            [
                .element("meta", ["charset": "utf-8"]),
                .element("meta", ["http-equiv": "Content-Security-Policy", "content": Self.policy]),
                .element("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"]),
                .element("title", [:], [Markup(title)]), .element("style", [:], [Markup(ReportStyle.sheet)]),
            ])
        let body = Markup.element("body", [:], [.element("h1", [:], [Markup(title)])] + opening + sections)
        let page = Markup.element(
            "html", ["xmlns": "http://www.w3.org/1999/xhtml", "lang": "en"], [head, body])
        return "<!DOCTYPE html>\n" + page.source + "\n"
    }

    // MARK: The head

    /// Without the folders: those say more of a machine than of what was recorded.
    private static func fileName(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }

    private var opening: [Markup] { [.paragraph(ReportText.verdict(view)), .definitions(facts)] }

    private var facts: [(term: String, text: String)] {
        let fitted = view.trainUntil.map { "fitted to the seconds before \($0)" } ?? "not fitted to this trace"
        return [
            ("trace", Self.fileName(view.trace)), ("instances", "\(panel.instances.count)"),
            ("seconds", "\(panel.seconds)"),
            (
                "judged",
                "\(view.forecasts) forecasts, made every \(view.step == 1 ? "second" : "\(view.step) s") from second "
                    + "\(view.firstOrigin) to \(view.lastOrigin)"
            ),
            ("networks", (networks.map { "of the file \(Self.fileName($0))" } ?? "those that ship") + ", \(fitted)"),
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
        return section("The words", [.definitions(ReportText.words)])
            + section(
                "How good each method was", [.paragraph(ReportText.scores), scores.means, scores.losses])
            + section("Forecasts against what came", [.paragraph(ReportText.fans(horizon))] + fans)
            + figure("Do the levels hold?", ReportText.calibration, calibration)
            + figure("Loss over time", ReportText.loss(windowSeconds), losses)
            + figure("What the engine relied on", ReportText.weights, weights)
            + section("All figures", [scores.all])
    }

    private func section(_ title: String, _ content: [Markup]) -> [Markup] {
        [.element("h2", [:], [Markup(title)])] + content
    }

    private func figure(_ title: String, _ explanation: String, _ drawing: Markup) -> [Markup] {
        section(title, [.paragraph(explanation), .element("figure", [:], [drawing])])
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
            let title = "\(resource) of \(name): forecasts made \(record.horizon.seconds) s before, and what came"
            return .element("figure", [:], [FanFigure(record: fan, resource: resource, title: title).drawing])
        }
        let heading: Markup = """
            \(ReportText.name(record.rank)): \(name), busy in \(record.busySeconds) of \(record.seconds.count) s
            """
        return [.element("h3", [:], [heading])] + figures
    }

    private var calibration: Markup {
        let compared = methods(\.calibration).filter { [.presync, .rollingQuantiles].contains($0.method) }
        return CalibrationFigure(methods: compared).drawing
    }

    private var losses: Markup { LossFigure(methods: methods(\.losses)).drawing }

    private var weights: Markup {
        .element("div", [:], engine.map { [WeightFigure(record: $0.weights).drawing] } ?? [])
    }
}
