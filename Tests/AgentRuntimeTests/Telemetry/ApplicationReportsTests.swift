import FleetModel
import RemotingCore
import Testing

@testable import AgentRuntime

private let instance = InstanceID(unchecked: "chat")
private let start = MonotonicTime.seconds(100)

@Suite("What applications report of themselves")
struct ApplicationReportsTests {
    private func sample(
        _ reports: inout ApplicationReports, after seconds: Int64, userIdle: Duration? = nil
    ) -> TelemetrySample? {
        let now = start + .seconds(seconds)
        var telemetry = [
            InstanceTelemetry(
                instance: instance, incarnation: 1, source: .host,
                samples: [TelemetrySample(at: now, userIdle: userIdle)]),
            InstanceTelemetry(
                instance: InstanceID(unchecked: "other"), incarnation: 1, source: .host,
                samples: [TelemetrySample(at: now)]),
        ]
        reports.complete(&telemetry, now: now)
        #expect(telemetry[1].samples == [TelemetrySample(at: now)])
        return telemetry[0].samples.first
    }

    @Test("A report counts for 10 s, and idleness grows meanwhile")
    func lifetime() {
        var reports = ApplicationReports()
        let report = ApplicationReport(workInFlight: 7, userIdleMilliseconds: 1_500)
        reports.take(report, of: instance, now: start)
        #expect(sample(&reports, after: 0)?.workInFlight == 7)
        let last = sample(&reports, after: 10)
        #expect(last?.workInFlight == 7)
        #expect(last?.userIdle == .milliseconds(11_500))
        let none = sample(&reports, after: 11)
        #expect(none?.workInFlight == nil)
        #expect(none?.userIdle == nil)
    }

    @Test("The newest report counts alone")
    func replaced() {
        var reports = ApplicationReports()
        reports.take(ApplicationReport(workInFlight: 7), of: instance, now: start)
        reports.take(ApplicationReport(userIdleMilliseconds: 0), of: instance, now: start)
        let sample = sample(&reports, after: 1)
        #expect(sample?.workInFlight == nil)
        #expect(sample?.userIdle == .seconds(1))
    }

    @Test("Of terminals and reports, whoever saw the user last is right")
    func shortestIdle() {
        var reports = ApplicationReports()
        reports.take(ApplicationReport(userIdleMilliseconds: .max), of: instance, now: start)
        #expect(sample(&reports, after: 1, userIdle: .seconds(3))?.userIdle == .seconds(3))
    }

    @Test("An instance that is gone leaves no report behind")
    func removed() {
        var reports = ApplicationReports()
        reports.take(ApplicationReport(workInFlight: 7), of: instance, now: start)
        reports.remove(instance)
        #expect(sample(&reports, after: 0)?.workInFlight == nil)
    }
}
