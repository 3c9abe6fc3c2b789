import FleetModel
import Testing

@testable import ForecastCore

@Suite struct HostSignalsTests {
    private func features(_ signals: HostSignals) -> [Float] {
        var row = [Float](repeating: .nan, count: FeatureVector.count)
        row.withUnsafeMutableBufferPointer {
            guard let base = $0.baseAddress else { return }
            var writer = FeatureWriter(base)
            signals.write(to: &writer)
        }
        return Array(row.prefix(HostSignals.featureCount))
    }

    private func observation(
        _ second: Int64, cpu: Double? = nil, network: Double? = nil, user: Double? = nil
    ) -> LoadObservation {
        LoadObservation(
            second: second, gpuMemory: 0, gpuCompute: 0, cpuMilli: cpu, networkIn: network, userIdleSeconds: user)
    }

    @Test func whatIsNotReportedIsZero() {
        var signals = HostSignals()
        signals.observe(observation(1))
        #expect(features(signals) == Array(repeating: 0, count: HostSignals.featureCount))
        #expect(!signals.isReported)
    }

    /// A signal stands for its logarithm above what is usual, and a lapse for what is usual.
    @Test func aSurgeStandsOutByItsLogarithm() {
        var signals = HostSignals()
        for second in 0..<600 as Range<Int64> { signals.observe(observation(second, cpu: 100, network: 0)) }
        #expect(features(signals).allSatisfy { abs($0) < 1e-3 })
        signals.observe(observation(600, cpu: 975, network: 0))
        let surge = features(signals)
        // 1,000 over 125: CPU and its floor of 25, now and before.
        #expect(abs(surge[0] - FloatMath.log(8)) < 0.02)
        #expect(surge[1] > 0.5 && surge[1] < surge[0])
        #expect(abs(surge[4]) < 1e-3)
        signals.observe(observation(601))
        #expect(features(signals)[0] == 0)
    }

    @Test(arguments: [Double.nan, .infinity, -.infinity, -5, 1e300])
    func anyValueGivesBoundedFeatures(_ value: Double) {
        var signals = HostSignals()
        for second in 0..<5 as Range<Int64> {
            signals.observe(observation(second, cpu: value, network: value, user: value))
        }
        #expect(features(signals).allSatisfy { $0.magnitude <= 8 })
    }

    @Test func anActiveUserIsTold() {
        var signals = HostSignals()
        signals.observe(observation(1, user: 0))
        #expect(Array(features(signals).suffix(3)) == [1, 0, 1])
        signals.observe(observation(2, user: 60))
        #expect(features(signals)[8] < 0.1)
    }
}

@Suite struct CalendarFeaturesTests {
    private func features(_ second: Int64, offset: Int64?) -> [Float] {
        var row = [Float](repeating: .nan, count: FeatureVector.count)
        var calendar = CalendarFeatures()
        calendar.advance(to: second, offset: offset)
        row.withUnsafeMutableBufferPointer {
            guard let base = $0.baseAddress else { return }
            var writer = FeatureWriter(base)
            calendar.write(to: &writer)
        }
        return Array(row.prefix(4))
    }

    @Test func withoutAClockThereIsNone() { #expect(features(5, offset: nil) == [0, 0, 0, 0]) }

    /// 1970-01-05 was a Monday.
    @Test(arguments: [(0, 0, 1), (6, 1, 0), (12, 0, -1), (18, -1, 0)])
    func theDayIsACircle(_ hour: Int64, _ sine: Float, _ cosine: Float) {
        let monday: Int64 = 4 * 86_400
        let found = features(100, offset: monday + hour * 3_600 - 100)
        #expect(abs(found[0] - sine) < 3e-3 && abs(found[1] - cosine) < 3e-3)
        #expect(abs(found[3] - 1) < 0.3)
    }

    @Test func halfAWeekFromMondayIsOpposite() {
        let found = features(0, offset: 4 * 86_400 + 302_400)
        #expect(abs(found[2]) < 3e-3 && abs(found[3] + 1) < 3e-3)
    }
}
