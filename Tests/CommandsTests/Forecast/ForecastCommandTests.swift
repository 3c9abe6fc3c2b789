import FleetModel
import ForecastCore
import Foundation
import Testing

@testable import Commands

@Suite struct ForecastCommandTests {
    /// A trace in a file of its own, removed with it.
    private final class TraceFile {
        let path = FileManager.default.temporaryDirectory.path + "/presync-trace-\(UUID().uuidString).csv"

        init(_ rows: [String]) throws {
            let header = "time_s,instance,application,gpu_memory_bytes,gpu_compute_millishare,cpu_milli"
            try ([header] + rows).joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
        }

        deinit { try? FileManager.default.removeItem(atPath: path) }
    }

    @Test func `a trace becomes a panel, with seconds without a row as idle ones`() throws {
        let file = try TraceFile(["100,a,chat,5,10,70", "102,b,code,7,20,", "103,a,chat,9,30,"])
        let panel = try TracePanel.read(file.path)
        #expect(panel.instances.map(\.id.rawValue) == ["a", "b"])
        #expect(panel.instances.map(\.application.rawValue) == ["chat", "code"])
        #expect(panel.observations[0].map(\.gpuMemory) == [5, 0, 0, 9])
        #expect(panel.observations[1].map(\.gpuCompute) == [0, 0, 20, 0])
        #expect(panel.observations[0].map(\.second) == [0, 1, 2, 3])
        #expect(panel.observations[0].map(\.cpuMilli) == [70, nil, nil, nil])
    }

    @Test(arguments: [[], ["0,a,chat,5,10,", "1000000000,a,chat,5,10,"]])
    func `a trace that is empty or too long is refused with a next step`(rows: [String]) throws {
        let file = try TraceFile(rows)
        let failure = #expect(throws: CommandFailure.self) { try TracePanel.read(file.path) }
        #expect(failure?.status == .noInput)
        #expect(failure?.advice.isEmpty == false)
    }

    @Test(arguments: ["", "5", "5..", "..5", "9..5", "-1..5", "1..2..3", "a..b"])
    func `what is no range of origins is refused`(text: String) {
        #expect(OriginRange(argument: text) == nil)
    }

    @Test func `every method, cell and figure is in the JSON`() throws {
        var random = SeededPanel()
        let panel = try #require(DemandPanel(instances: random.instances, observations: random.observations(200)))
        let evaluations = EvaluatedMethod.allCases.map { method in
            var forecaster = TimedForecaster(BaselineForecaster(method.baseline ?? .lastValue))
            let result = Evaluation.run(&forecaster, on: panel, origins: 100..<170)
            #expect(forecaster.microsecondsPerForecast > 0)
            return EvaluationView.Evaluation(
                name: method.rawValue, result: result, microsecondsPerForecast: forecaster.microsecondsPerForecast)
        }
        let view = EvaluationView(
            trace: "t", origins: 100..<170, step: 1, trainUntil: nil, evaluations: evaluations,
            microsecondsPerForecast: 0.1,
            stateBytes: FleetForecaster.bytesPerInstance)
        let text = try AnswerRenderer(format: .json).render(view)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect(object["stateBytesPerInstance"] as? Int == FleetForecaster.bytesPerInstance)
        #expect(object["microsecondsPerForecast"] as? Double == 0.1)
        let methods = try #require(object["methods"] as? [[String: Any]])
        #expect(methods.map { $0["name"] as? String } == EvaluatedMethod.allCases.map(\.rawValue))
        let cells = try #require(methods[0]["cells"] as? [[String: Any]])
        #expect(cells.count == 12)
        #expect(Set(cells.compactMap { $0["horizon"] as? Int }) == [5, 15, 30])
        #expect(Set(cells.compactMap { $0["resource"] as? String }) == ["memory", "compute"])
        #expect(Set(cells.compactMap { $0["target"] as? String }) == ["point", "peak"])
        let mean = try #require(methods[0]["mean"] as? [String: Any])
        for key in ["wql", "wql99", "coverage90", "coverage95", "coverage99", "two80Busy", "two95Busy"] {
            #expect(cells[0][key] is Double, "\(key) of a cell")
            #expect(mean[key] is Double, "\(key) of the mean")
        }
        // A row for each cell, and one for their mean.
        #expect(view.table().rows.count == EvaluatedMethod.allCases.count * 13)
    }

    @Test func `what is no file of networks is refused`() throws {
        let file = try TraceFile([])
        let failure = #expect(throws: CommandFailure.self) { try NetworksFile.read(file.path) }
        #expect(failure?.cause.contains("holds no networks") == true)
        let missing = #expect(throws: CommandFailure.self) { try NetworksFile.read("/nonexistent") }
        #expect(missing?.status == .noInput)
    }
}

/// Four instances that are busy now and then.
private struct SeededPanel {
    let instances = (0..<4).map {
        InstanceDescription(
            id: InstanceID(unchecked: "i\($0)"), tenant: TenantID(unchecked: "t"),
            application: ApplicationType(unchecked: "chat"))
    }

    mutating func observations(_ seconds: Int) -> [[LoadObservation]] {
        instances.indices.map { instance in
            (0..<seconds).map { second in
                let isBusy = (second / 7 + instance) % 3 == 0
                let amount = isBusy ? Double(1 + second % 5) : 0
                return LoadObservation(second: Int64(second), gpuMemory: amount * 0x1p20, gpuCompute: amount)
            }
        }
    }
}
