import FleetModel
import Testing

@testable import ControlLoop

@Suite struct WatchedForecastsTests {
    private func forecast(_ value: Double) -> DemandForecast {
        var forecast = DemandForecast(madeAt: .zero)
        forecast.curves[DemandForecast.curveIndex(.memory, .point, .short)] = QuantileCurve { _ in value }
        forecast.curves[DemandForecast.curveIndex(.compute, .point, .short)] = QuantileCurve { _ in 2 * value }
        return forecast
    }

    private func name(_ number: Int) -> InstanceID { InstanceID(unchecked: "i\(number)") }

    @Test func whatIsSaidIsKeptForTheSecondThatItIsAbout() {
        var watched = WatchedForecasts()
        watched.keep(forecast(1), madeIn: 10, of: name(0))
        #expect(watched.past(of: name(0)).isEmpty)
        watched.look(at: name(0), now: .zero)
        watched.keep(forecast(2), madeIn: 11, of: name(0))
        watched.keep(forecast(3), madeIn: 12, of: name(0))
        // Nothing new was observed in a second: what is said last counts.
        watched.keep(forecast(4), madeIn: 12, of: name(0))
        let past = watched.past(of: name(0))
        #expect(past.map(\.second) == [16, 17])
        #expect(past.map(\.memory.median) == [2, 4])
        #expect(past.map(\.compute.median) == [4, 8])
    }

    @Test func noMoreThanSixtyFiveSecondsOfSixtyFourInstancesAreKept() {
        var watched = WatchedForecasts()
        for number in 0..<70 { watched.look(at: name(number), now: .seconds(Double(number))) }
        #expect(watched.instances.count == 64)
        // The first six gave way.
        #expect(Set(watched.instances) == Set((6..<70).map(name)))
        for second in 0..<200 { watched.keep(forecast(1), madeIn: Int64(second), of: name(69)) }
        #expect(watched.past(of: name(69)).map(\.second) == Array(140...204))
    }

    @Test func whatNobodyLooksAtIsLetGoAfterTwoMinutes() {
        var watched = WatchedForecasts()
        watched.look(at: name(0), now: .zero)
        watched.look(at: name(1), now: .zero)
        watched.look(at: name(1), now: .seconds(60))
        watched.expire(.seconds(120))
        #expect(watched.instances.count == 2)
        watched.expire(.seconds(121))
        #expect(Array(watched.instances) == [name(1)])
        watched.forget(name(1))
        #expect(watched.instances.isEmpty)
    }

    @Test func aMachineKeepsWhatItSaysOfAnInstanceThatSomeoneLooksAt() throws {
        var fleet = ManagerHarness()
        let instance = ManagerHarness.instance.id
        #expect(fleet.manager.forecast(of: instance, at: fleet.now) == nil)
        fleet.agentSaysHello(on: 1)
        func reports() {
            let telemetry = InstanceTelemetry(
                instance: instance, incarnation: 1, source: .host,
                samples: [TelemetrySample(at: fleet.now, gpuMemory: .mebibytes(1), gpuCompute: MilliShare(1))])
            let report = PredictionReport(
                sequence: UInt64(fleet.now.secondIndex), sentAt: fleet.now, telemetry: [telemetry])
            fleet.happens(.agentMessageReceived(.report(report), LinkID(rawValue: 1)))
            fleet.periodPasses(agents: [1])
        }
        for _ in 0..<3 { reports() }
        #expect(fleet.manager.forecast(of: instance, at: fleet.now)?.past.isEmpty == true)
        for _ in 0..<4 { reports() }
        let answer = fleet.manager.forecast(of: instance, at: fleet.now)
        let shown = try #require(answer)
        #expect(shown.at == fleet.now)
        #expect(shown.instance.trust == ForecastTrust())
        let latest = try #require(shown.instance.latest).second
        #expect(shown.past.map(\.second) == Array((latest + 2)...(latest + 5)))
        // It goes, and one of the same name comes: what was said is not shown of that.
        fleet.happens(
            .agentMessageReceived(
                .instanceChanged(ManagerHarness.instance, present: false), LinkID(rawValue: 1)))
        #expect(fleet.manager.forecast(of: instance, at: fleet.now) == nil)
        fleet.happens(
            .agentMessageReceived(.instanceChanged(ManagerHarness.instance, present: true), LinkID(rawValue: 1)))
        #expect(fleet.manager.forecast(of: instance, at: fleet.now)?.past.isEmpty == true)
    }
}
