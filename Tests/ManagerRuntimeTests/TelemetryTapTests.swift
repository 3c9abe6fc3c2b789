import ControlProtocol
import FleetModel
import ForecastCore
import Testing

@testable import ManagerRuntime

struct TelemetryTapTests {
    private func description(_ name: String) -> InstanceDescription {
        InstanceDescription(
            id: InstanceID(unchecked: name), tenant: TenantID(unchecked: "t"),
            application: ApplicationType(unchecked: "chat"))
    }

    @Test func whatTheForecasterIsGivenIsShownToThoseWhoWatch() async throws {
        let tap = TelemetryTap()
        var forecaster = TappedForecaster(FleetForecaster(), tap)
        let slots = [forecaster.admit(description("a")), forecaster.admit(description("b"))]
        forecaster.observe(slots[0], LoadObservation(second: 1, gpuMemory: 0, gpuCompute: 0))
        let watch = try #require(tap.watch())
        forecaster.observe(slots[0], LoadObservation(second: 2, gpuMemory: 5, gpuCompute: 7, cpuMilli: 9))
        forecaster.observe(slots[1], LoadObservation(second: 2, gpuMemory: 0, gpuCompute: 0))
        forecaster.retire(slots[1])
        forecaster.observe(slots[1], LoadObservation(second: 3, gpuMemory: 0, gpuCompute: 0))
        tap.finish()
        var seen: [String] = []
        for await observation in watch.coming {
            let load = observation.load
            seen.append("\(observation.instance) \(observation.application) \(load.second) \(load.gpuMemory)")
        }
        #expect(seen == ["a chat 2 5.0", "b chat 2 0.0"])
        #expect(forecaster.forecast(slots, madeAt: .zero).count == 2)
    }

    @Test func noMoreWatchAtOnceThanThereIsRoomFor() throws {
        let tap = TelemetryTap()
        let watches = try (0..<TelemetryTap.watcherLimit).map { _ in try #require(tap.watch()) }
        #expect(tap.watch() == nil)
        tap.unwatch(watches[0].id)
        #expect(tap.watch() != nil)
        tap.finish()
        tap.unwatch(watches[1].id)
        #expect(tap.watch() == nil)
    }
}
