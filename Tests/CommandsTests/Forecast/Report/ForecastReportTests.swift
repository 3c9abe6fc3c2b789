import ArgumentParser
import FleetModel
import ForecastCore
import Foundation
import FoundationXML
import Testing

@testable import Commands

@Suite struct ForecastReportTests {
    private static let hostile = "<h3><script>alert('x')<script>\"&"

    /// Three instances with names that no trace may have, busy now and then.
    private static let panel = DemandPanel(
        instances: (0..<3).map {
            InstanceDescription(
                id: InstanceID(unchecked: "\(hostile)\($0)"), tenant: TenantID(unchecked: "t"),
                application: ApplicationType(unchecked: "<i>chat"))
        },
        observations: (0..<3).map { instance in
            (0..<200).map { second in
                let isBusy = (second / 9 + instance) % (3 + instance) == 0
                let amount = isBusy ? Double(1 + second % 3) : 0
                return LoadObservation(second: Int64(second), gpuMemory: amount * 0x1p28, gpuCompute: amount * 50)
            }
        })

    private static func report(_ panel: DemandPanel, origins: Range<Int> = 80..<170, step: Int = 1) -> ForecastReport {
        let evaluation = TraceEvaluation(
            panel: panel, origins: origins, step: step, networks: ShippedNetworks.all,
            record: EvaluationRecord(panel: panel, origins: origins, step: step, horizon: .medium))
        var runs = EvaluatedMethod.allCases.map(evaluation.run)
        // The only figure that differs from run to run.
        for index in runs.indices { runs[index].figures.microsecondsPerForecast = 1.5 }
        let view = EvaluationView(
            trace: "folder/\(hostile).csv", origins: origins, step: step, trainUntil: 60,
            evaluations: runs.map(\.figures),
            microsecondsPerForecast: 0.5, stateBytes: 7)
        return ForecastReport(
            view: view, runs: runs, panel: panel, horizon: .medium, networks: "folder/\(hostile).networks")
    }

    @Test func `equal evaluations give equal bytes`() throws {
        let panel = try #require(Self.panel)
        #expect(Self.report(panel).html == Self.report(panel).html)
    }

    @Test func `the page is well formed, and names from outside are text in it`() throws {
        let html = Self.report(try #require(Self.panel)).html
        let page = try Page(html)
        #expect(!page.elements.contains("script"))
        #expect(!html.contains("<i>"))
        let names = page.texts.filter { $0.contains(Self.hostile) }
        // The title, the first heading, the trace, the networks, and a heading for each of the three instances.
        #expect(names.count >= 7)
        #expect(page.elements.count { $0 == "svg" } == 1 + 3 * 2 + 3)
        #expect(page.elements.count { $0 == "h2" } == 7)
        #expect(page.elements.count { $0 == "table" } == 3)
    }

    @Test func `nothing is fetched, and no folder or time is told`() throws {
        let html = Self.report(try #require(Self.panel)).html
        for word in ["src=", "href=", "url(", "@import", "folder/"] { #expect(!html.contains(word), "\(word)") }
        // Names of the two vocabularies, which nobody fetches; and a directive of HTML.
        let addresses = Set(html.components(separatedBy: "http").dropFirst().map { $0.prefix { $0 != "\"" } })
        #expect(addresses == ["://www.w3.org/1999/xhtml", "://www.w3.org/2000/svg", "-equiv="])
    }

    @Test func `the table is the terminal's, with the engine's rows marked`() throws {
        let report = Self.report(try #require(Self.panel))
        let html = report.html
        let printed = report.view.table()
        for row in printed.rows {
            let cells = row.dropFirst(4).map { "<td class=\"figure\">\($0.text)</td>" }.joined()
            #expect(html.contains(cells))
        }
        #expect(html.components(separatedBy: "<tr class=\"engine\">").count == 1 + 1 + 1 + 13)
    }

    @Test func `a dot of the loss stands for the loss of its window`() throws {
        let panel = try #require(Self.panel)
        let report = Self.report(panel)
        var forecaster = BaselineForecaster(.lastValue)
        let window = Evaluation.run(&forecaster, on: panel, origins: 110..<140)
        let text = "last-value, seconds 110 to 139: \(String(format: "%.3f", window.meanLoss))"
        #expect(try Page(report.html).texts.contains(text))
    }

    @Test func `a close-up tells what came, second by second`() throws {
        let panel = try #require(Self.panel)
        let texts = try Page(Self.report(panel).html).texts
        // The busiest instance; what is foretold begins 15 s after the first origin.
        for second in 95..<185 {
            let came = panel.observations[0][second].gpuMemory
            let amount = came == 0 ? "0 B" : "\(Int(came / 0x1p20)) MiB"
            #expect(texts.contains { $0.hasPrefix("second \(second): came \(amount);") })
        }
    }

    @Test func `a trace in which nothing happens still gives a page`() throws {
        let idle = (0..<100).map { LoadObservation(second: Int64($0), gpuMemory: 0, gpuCompute: 0) }
        let panel = try #require(
            DemandPanel(instances: [Self.panel?.instances[0]].compactMap(\.self), observations: [idle]))
        let page = try Page(Self.report(panel, origins: 10..<60, step: 7).html)
        #expect(page.texts.contains("No instance had any demand in these seconds."))
        #expect(!page.texts.contains { $0.contains("nan") || $0.contains("inf") })
    }

    @Test(arguments: ["0", "7", "-5", "long"])
    func `only the horizons that are forecast can be drawn`(horizon: String) {
        #expect(throws: (any Error).self) {
            try ForecastEvaluateCommand.parse(["t.csv", "--report", "r.html", "--report-horizon", horizon])
        }
        #expect(throws: Never.self) {
            try ForecastEvaluateCommand.parse(["t.csv", "--horizons", "1,7,20", "--report-horizon", "7"])
        }
    }
}

/// A page as an XML parser sees it: a mistake in its markup is an error.
private final class Page: NSObject, XMLParserDelegate {
    private(set) var elements: [String] = []
    /// What stands directly within an element, for each.
    private(set) var texts: [String] = []
    private var open: [String] = []

    init(_ html: String) throws {
        super.init()
        let parser = XMLParser(data: Data(html.utf8))
        parser.delegate = self
        guard parser.parse() else { throw try #require(parser.parserError) }
    }

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
    ) {
        elements.append(name)
        open.append("")
    }

    func parser(_ parser: XMLParser, foundCharacters text: String) { open[open.count - 1] += text }

    func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
        if let text = open.popLast(), !text.isEmpty { texts.append(text) }
    }
}
