import Determinism
import FleetModel
import Testing

@testable import ForecastCore

@Suite struct OnsetModelTests {
    /// For each instance and second, what was said of demand within 5 s after that second was observed.
    private func probabilities(_ observations: [[LoadObservation]]) -> [[Double]] {
        var forecaster = FleetForecaster()
        let slots = observations.indices.map { forecaster.admit(.numbered($0)) }
        var said = observations.map { _ in [Double]() }
        for second in observations[0].indices {
            for (index, slot) in slots.enumerated() { forecaster.observe(slot, observations[index][second]) }
            let forecasts = forecaster.forecast(slots, madeAt: .seconds(Double(second)))
            for index in slots.indices { said[index].append(forecasts[index].onsetProbability(within: .short)) }
        }
        return said
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func onsetsThatAreAnnouncedAreForeseenAfterAMinute(_ seed: UInt64) {
        let observations = SurgeWorkload(instances: 4, seconds: 180, seed: seed).observations
        let said = probabilities(observations)
        var tally = OnsetTally()
        for (series, said) in zip(observations, said) {
            tally.count(series, probabilities: said, from: 60, threshold: 0.35)
        }
        #expect(tally.onsets > 5)
        #expect(tally.recall >= 0.85)
        #expect(tally.falseAlarmShare < 0.15)
    }

    @Test(arguments: 1...2 as ClosedRange<UInt64>)
    func ordinaryIdleSecondsStayBelowThreeTenths(_ seed: UInt64) {
        let observations = SurgeWorkload(instances: 4, seconds: 180, seed: seed).observations
        let said = probabilities(observations)
        for (series, said) in zip(observations, said) {
            for second in 60..<series.count {
                let isOrdinary = series[(second - 6)...second].allSatisfy {
                    $0.gpuMemory == 0 && ($0.cpuMilli ?? 0) < 30 && ($0.networkIn ?? 0) < 10_000
                }
                if isOrdinary { #expect(said[second] < 0.3) }
            }
        }
    }

    @Test func aSurgeOfBothSignalsBeforeAnyHistoryIsEvenOdds() {
        var forecaster = FleetForecaster()
        let slot = forecaster.admit(.numbered(0))
        for second in 0..<20 as Range<Int64> {
            let isSurge = second == 19
            forecaster.observe(
                slot,
                LoadObservation(
                    second: second, gpuMemory: 0, gpuCompute: 0, cpuMilli: isSurge ? 800 : 4,
                    networkIn: isSurge ? 3e6 : 500))
        }
        let forecast = forecaster.forecast([slot], madeAt: .zero)[0]
        #expect(abs(forecast.onsetProbability(within: .short) - 0.5) < 0.05)
        // What a reservation needs is there too: the prior amounts, at the levels above 1 - P.
        #expect(forecast.curve(.memory, .peak, .short).value(at: 0.9) > 0)
        #expect(forecast.curve(.memory, .peak, .short).value(at: 0.4) == 0)
    }

    @Test func surgesThatLeadNowhereStopRaisingAlarm() {
        var forecaster = FleetForecaster()
        let slots = (0..<2).map { forecaster.admit(.numbered($0)) }
        var said: [Double] = []
        for second in 0..<400 as Range<Int64> {
            for (index, slot) in slots.enumerated() {
                // Both are sent something every 40 s; only for the second does GPU work follow.
                let phase = second % 40
                let isBusy = index == 1 && (3..<7).contains(phase)
                forecaster.observe(
                    slot,
                    LoadObservation(
                        second: second, gpuMemory: isBusy ? 1e8 : 0, gpuCompute: isBusy ? 200 : 0,
                        cpuMilli: phase == 2 ? 900 : 5, networkIn: phase == 1 || phase == 2 ? 3e6 : 800))
            }
            let forecasts = forecaster.forecast(slots, madeAt: .seconds(Double(second)))
            if second == 362 { said = forecasts.map { $0.onsetProbability(within: .short) } }
        }
        #expect(said[0] < 0.3)
        #expect(said[1] > 0.7)
    }

    /// Two users type now and then; only the second's program then uses the GPU.
    @Test func aUserAtWorkAnnouncesDemandWhereItDid() {
        var forecaster = FleetForecaster()
        let slots = (0..<2).map { forecaster.admit(.numbered($0)) }
        var typing: [Double] = []
        var away: [Double] = []
        for second in 0..<600 as Range<Int64> {
            let isTyping = second % 40 < 4
            for (index, slot) in slots.enumerated() {
                let isBusy = index == 1 && (5..<9).contains(second % 40)
                forecaster.observe(
                    slot,
                    LoadObservation(
                        second: second, gpuMemory: isBusy ? 1e8 : 0, gpuCompute: isBusy ? 200 : 0,
                        cpuMilli: 5, networkIn: 800,
                        userIdleSeconds: isTyping ? 0 : Double(second % 40 - 3)))
            }
            let forecasts = forecaster.forecast(slots, madeAt: .seconds(Double(second)))
            if second == 561 { typing = forecasts.map { $0.onsetProbability(within: .short) } }
            if second == 590 { away = forecasts.map { $0.onsetProbability(within: .short) } }
        }
        #expect(typing[0] < 0.1)
        #expect(typing[1] > 0.7)
        #expect(away[1] < 0.1)
    }

    @Test func everyContextHasACellAGroupAndARisingPrior() {
        for cell in 0..<OnsetContext.cellCount {
            let context = OnsetContext(cell: UInt16(cell))
            #expect((0..<OnsetContext.groupCount).contains(context.group))
        }
        for group in 0..<OnsetContext.groupCount {
            let prior = OnsetContext.prior(ofGroup: group)
            #expect(prior[0] <= prior[1] && prior[1] <= prior[2])
        }
    }
}
