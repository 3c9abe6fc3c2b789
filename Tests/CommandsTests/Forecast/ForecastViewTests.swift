import Dashboard
import FleetModel
import Foundation
import Testing

@testable import Commands

@Suite struct ForecastViewTests {
    /// An instance that has wanted 6 MiB for 10 s, after 50 s without demand.
    private func shown(latest memory: Double = 6 * 0x1p20, trust: ForecastTrust? = nil) -> InstanceForecast {
        var forecast = DemandForecast(madeAt: .seconds(108.5))
        forecast.onset = [0.25, 0.5, 0.75]
        forecast.ending = [0.125, 0.375, 0.875]
        let curve = QuantileCurve { Double($0) * 0x1p20 }
        for target in ForecastTarget.allCases {
            for horizon in ForecastHorizon.allCases {
                forecast.curves[DemandForecast.curveIndex(.memory, target, horizon)] = curve
            }
        }
        let overview = InstanceOverview(
            description: InstanceDescription(
                id: InstanceID(unchecked: "i1"), tenant: TenantID(unchecked: "t"),
                application: ApplicationType(unchecked: "chat")),
            agent: AgentID(unchecked: "a"), readiness: .attached, slice: .zero, device: nil,
            latest: LoadObservation(second: 107, gpuMemory: memory, gpuCompute: 0), source: .trace,
            telemetryAge: .seconds(1), forecast: forecast, trust: trust, shortfall: nil)
        let course = Array(repeating: Float(0), count: 50) + Array(repeating: Float(6 * 0x1p20), count: 10)
        let past = (101...112).map { PastForecast(second: $0, memory: curve, compute: .zero) }
        let cell = AccuracyOverview.Cell(
            resource: .memory, target: .peak, horizon: .long, weightedQuantileLoss: 0.5, coverage95: 0.9375)
        return InstanceForecast(
            at: .seconds(109), instance: overview, course: DemandCourse(memory: course, compute: course.map { _ in 0 }),
            past: past, accuracy: AccuracyOverview(scored: 7, cells: [cell]))
    }

    private let trusted = ForecastTrust(basis: .instance, scored: 40, lossAgainstClimate: 0.625, coverage95: 0.9375)

    @Test func `all that is known of a forecast is in the JSON`() throws {
        let view = try #require(ForecastView(shown(trust: trusted)))
        let text = try AnswerRenderer(format: .json).render(view)
        let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        func probabilities(_ key: String) -> [Double]? {
            (object[key] as? [[String: Any]])?.compactMap { $0["probability"] as? Double }
        }
        #expect(probabilities("onset") == [0.25, 0.5, 0.75])
        #expect(probabilities("ending") == [0.125, 0.375, 0.875])
        #expect((object["curves"] as? [Any])?.count == 12)
        let trust = try #require(object["trust"] as? [String: Any])
        #expect(trust["basis"] as? String == "instance")
        #expect(trust["lossAgainstClimate"] as? Double == 0.625)
        #expect(trust["coverage95"] as? Double == 0.9375)
        #expect(trust["telemetryAgeSeconds"] as? Double == 1)
        #expect(trust["forecastAgeSeconds"] as? Double == 0.5)
        let course = try #require(object["course"] as? [String: Any])
        #expect((course["memoryBytes"] as? [Double])?.count == 60)
        let past = try #require(object["past"] as? [[String: Any]])
        #expect(past.map { $0["secondsAgo"] as? Int } == Array(-5...6).reversed())
        #expect((past[0]["memoryQuantiles"] as? [Double])?.count == 13)
        let accuracy = try #require(object["fleetAccuracy"] as? [String: Any])
        #expect(accuracy["scored"] as? Int == 7)
        let cell = try #require((accuracy["cells"] as? [[String: Any]])?.first)
        #expect(cell["target"] as? String == "peak" && cell["horizonSeconds"] as? Int == 30)
    }

    @Test func `on 80 columns nothing is cut, and what matters most stands first`() throws {
        let view = try #require(ForecastView(shown(trust: trusted)))
        let lines = view.lines(header: true, width: 80).map { $0.rendered(color: false) }
        #expect(lines.allSatisfy { $0.count <= 80 })
        #expect(lines[0] == "i1 (chat), attached · telemetry 1.0 s old · forecast 0.5 s old")
        #expect(lines[1].hasPrefix("loss 0.63 of the climate's · 94 % at or below the 95 % quantile"))
        #expect(lines.contains { $0.hasPrefix("that demand begins within") && $0.contains("50 %") })
        #expect(lines.contains { $0.hasPrefix("that the burst ends within") && $0.contains("88 %") })
        #expect(lines.contains { $0.contains("of 7 seconds 7 lay in the 50 % band, 7 in 80 %, 7 in 95 %") })
        #expect(lines.contains { $0.hasPrefix("memory peak") && $0.contains("12.0 MiB") })
    }

    @Test func `nothing ends that is not under way, and nothing is claimed that is not known`() throws {
        let view = try #require(ForecastView(shown(latest: 0)))
        #expect(view.ending == nil)
        let lines = view.lines(header: true, width: 80).map { $0.rendered(color: false) }
        #expect(lines.contains { $0.hasPrefix("that the burst ends within") && $0.contains("  -") })
        #expect(lines[1] == "no forecast of its application type has come true yet")
    }
}
