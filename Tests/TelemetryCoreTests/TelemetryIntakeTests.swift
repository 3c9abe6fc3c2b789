import Determinism
import FleetModel
import Testing

@testable import TelemetryCore

/// An agent's clock, in seconds after an origin that has nothing to do with the receiver's.
private func agent(_ seconds: Double) -> MonotonicTime { .seconds(50_000 + seconds) }

private func report(
    at times: [Double], incarnation: UInt64 = 1, cpu: Double? = 5, gpuMemory: Int64? = nil
) -> InstanceTelemetry {
    InstanceTelemetry(
        instance: InstanceID(unchecked: "i"), incarnation: incarnation, source: .cgroupV2,
        samples: times.map {
            TelemetrySample(at: agent($0), cpuMilli: cpu, gpuMemory: gpuMemory.map { Bytes($0) })
        })
}

extension TelemetryIntake {
    /// A report of samples that ended at `times`, sent at `sentAt` and received `delay` later on the receiver's clock.
    @discardableResult
    fileprivate mutating func ingest(
        _ times: [Double], sentAt: Double, delay: Double = 0, incarnation: UInt64 = 1, cpu: Double? = 5,
        gpuMemory: Int64? = nil
    ) -> IntakeOutcome {
        ingest(
            report(at: times, incarnation: incarnation, cpu: cpu, gpuMemory: gpuMemory), sentAt: agent(sentAt),
            receivedAt: .seconds(sentAt + delay))
    }
}

@Suite struct TelemetryIntakeTests {
    @Test func aSecondIsReleasedAsSoonAsItsSampleHasCome() {
        var intake = TelemetryIntake()
        let outcome = intake.ingest([10.9], sentAt: 10.9)
        #expect(outcome.accepted == 1)
        #expect(intake.takeObservations(before: 11).map(\.second) == [10])
        #expect(intake.takeObservations(before: 11).isEmpty)
        #expect(intake.latest?.cpuMilli == 5)
        #expect(intake.source == .cgroupV2)
        #expect(intake.lastReceived == .seconds(10.9))
    }

    @Test func ofSeveralSamplesInASecondTheMostWorkAndTheLeastIdlenessCount() {
        var intake = TelemetryIntake()
        var telemetry = report(at: [10.3, 10.9])
        telemetry.samples[0].workInFlight = 4
        telemetry.samples[0].userIdle = .seconds(2)
        telemetry.samples[1].workInFlight = 1
        telemetry.samples[1].userIdle = .seconds(-1)
        let outcome = intake.ingest(telemetry, sentAt: agent(10.9), receivedAt: .seconds(10.9))
        #expect(outcome.accepted == 2)
        let observation = intake.takeObservations(before: 11).first
        #expect(observation?.workInFlight == 4)
        #expect(observation?.userIdleSeconds == 2)
    }

    @Test func secondsComeOnceAscendingAndWithoutHoles() {
        var intake = TelemetryIntake()
        var seconds: [Int64] = []
        // Sampling that drifts over the turn of a second, with a second left out.
        for step in 0..<40 where step != 17 {
            let end = 10.4 + Double(step) * 1.004
            intake.ingest([end], sentAt: end)
            seconds += intake.takeObservations(before: Int64(end) + 1).map(\.second)
        }
        #expect(seconds == Array(9..<(9 + Int64(seconds.count))))
        #expect(seconds.count == 40)
    }

    @Test func aDelayedReportDoesNotShiftTheSeries() {
        var intake = TelemetryIntake()
        for second in 1...20 { intake.ingest([Double(second)], sentAt: Double(second), delay: 0.01) }
        _ = intake.takeObservations(before: 20)
        intake.ingest([21, 22, 23], sentAt: 23, delay: 1.8)
        #expect(intake.takeObservations(before: 30).prefix(3).map(\.second) == [20, 21, 22])
    }

    @Test func aGapIsReleasedTwoSecondsLater() {
        var intake = TelemetryIntake()
        intake.ingest([10.9], sentAt: 10.9)
        #expect(intake.takeObservations(before: 13).map(\.second) == [10])
        let gap = intake.takeObservations(before: 14)
        #expect(gap == [LoadObservation(second: 11, gpuMemory: 0, gpuCompute: 0)])
    }

    @Test func whatComesForASecondThatWasGivenUpIsLate() {
        var intake = TelemetryIntake()
        intake.ingest([10.9], sentAt: 10.9)
        _ = intake.takeObservations(before: 20)
        let outcome = intake.ingest([12.9], sentAt: 19.9)
        #expect(outcome.late == 1 && outcome.accepted == 0)
    }

    @Test func repeatsAreCountedAndChangeNothing() {
        var intake = TelemetryIntake()
        intake.ingest([10.9, 11.9], sentAt: 11.9)
        #expect(intake.ingest([10.9, 11.9], sentAt: 11.9).duplicate == 2)
        #expect(intake.takeObservations(before: 12).count == 2)
        #expect(intake.ingest([10.9, 11.9], sentAt: 11.9).duplicate == 2)
        #expect(intake.takeObservations(before: 12).isEmpty)
    }

    @Test func samplesOutOfOrderWithinAReportAreSorted() {
        var intake = TelemetryIntake()
        #expect(intake.ingest([12.9, 10.9, 11.9], sentAt: 12.9).accepted == 3)
        #expect(intake.takeObservations(before: 13).map(\.second) == [10, 11, 12])
    }

    @Test(arguments: [-1, .nan, .infinity, 1e300])
    func absurdValuesAreLeftOut(_ value: Double) {
        var intake = TelemetryIntake()
        let outcome = intake.ingest([10.9], sentAt: 10.9, cpu: value)
        #expect(outcome.implausibleValues == 1 && outcome.accepted == 1)
        #expect(intake.takeObservations(before: 11).first?.cpuMilli == nil)
    }

    @Test func aSampleFromItsSendersFutureOrDistantPastIsRejected() {
        var intake = TelemetryIntake()
        #expect(intake.ingest([11.5, -200], sentAt: 10.9).rejected == 2)
        #expect(intake.takeObservations(before: 20).isEmpty)
    }

    @Test func aReportBeyondItsBoundIsCut() {
        var intake = TelemetryIntake()
        let outcome = intake.ingest((0..<70).map { Double($0) + 0.9 }, sentAt: 70)
        #expect(outcome.accepted == 64 && outcome.rejected == 6)
    }

    @Test func aNewLifeIsFollowedAndAnEndedOneRejected() {
        var intake = TelemetryIntake()
        intake.ingest([10.9], sentAt: 10.9, incarnation: 1)
        _ = intake.takeObservations(before: 11)
        #expect(intake.ingest([11.9], sentAt: 11.9, incarnation: 2).accepted == 1)
        #expect(intake.ingest([12.9], sentAt: 12.9, incarnation: 1).rejected == 1)
        #expect(intake.takeObservations(before: 12).map(\.second) == [11])
    }

    @Test(arguments: [-3_000.0, 3_000])
    func aClockThatWasSetIsFollowed(_ jump: Double) {
        var intake = TelemetryIntake()
        for second in 1...5 { intake.ingest([Double(second)], sentAt: Double(second)) }
        _ = intake.takeObservations(before: 5)
        let telemetry = report(at: [6 + jump])
        let outcome = intake.ingest(telemetry, sentAt: agent(6 + jump), receivedAt: .seconds(6))
        #expect(outcome.accepted == 1)
        #expect(intake.takeObservations(before: 6).map(\.second) == [5])
    }

    @Test func gpuUseStandsForThreeSecondsAndIsThenZero() {
        var intake = TelemetryIntake()
        for second in 10...17 {
            let now = Double(second) + 0.9
            if second == 11 {
                intake.recordGPUUse(memory: Bytes(100), compute: MilliShare(20), receivedAt: .seconds(now))
            }
            intake.ingest([now], sentAt: now)
        }
        let taken = intake.takeObservations(before: 18)
        #expect(taken.map(\.gpuMemory) == [100, 100, 100, 100, 0, 0, 0, 0])
        #expect(taken[1].gpuCompute == 20)
    }

    @Test func gpuUseInSamplesWins() {
        var intake = TelemetryIntake()
        intake.recordGPUUse(memory: Bytes(100), compute: MilliShare(20), receivedAt: .seconds(10.9))
        intake.ingest([10.9], sentAt: 10.9, gpuMemory: 7)
        #expect(intake.takeObservations(before: 11).first?.gpuMemory == 7)
    }

    @Test func aShortUseBetweenTwoReleasesIsNotLost() {
        var intake = TelemetryIntake()
        intake.ingest([10.9], sentAt: 10.9)
        _ = intake.takeObservations(before: 11)
        intake.recordGPUUse(memory: Bytes(100), compute: MilliShare(20), receivedAt: .seconds(11.2))
        intake.recordGPUUse(memory: .zero, compute: .zero, receivedAt: .seconds(11.8))
        intake.ingest([11.9], sentAt: 11.9)
        #expect(intake.takeObservations(before: 12).first?.gpuMemory == 100)
    }

    @Test func whatASessionUsedAtItsEndCountsForThatSecondAlone() {
        var intake = TelemetryIntake()
        intake.ingest([10.9], sentAt: 10.9)
        _ = intake.takeObservations(before: 11)
        intake.recordGPUUse(memory: Bytes(100), compute: MilliShare(20), receivedAt: .seconds(11.8))
        intake.recordEndOfGPUUse(receivedAt: .seconds(11.8))
        for second in 11...13 { intake.ingest([Double(second) + 0.9], sentAt: Double(second) + 0.9) }
        #expect(intake.takeObservations(before: 14).map(\.gpuMemory) == [100, 0, 0])
    }

    @Test func aLongSilenceFillsABoundedNumberOfSeconds() {
        var intake = TelemetryIntake()
        intake.ingest([10.9], sentAt: 10.9)
        let taken = intake.takeObservations(before: 1_000_000)
        #expect(taken.count <= TelemetryIntake.maximumWaiting + 1)
        #expect(taken.last?.second == 999_997)
    }

    /// Whatever a sender says, seconds come once and ascending, state is bounded and values are plausible.
    @Test(arguments: 0..<40 as Range<UInt64>)
    func anythingIsSurvived(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var intake = TelemetryIntake()
        var last = Int64.min
        let wild: [Double] = [-1, .nan, 1e300, 0, 5, 1e6]
        let times: [Int64] = [.min, .max, 0, -1, 1 << 61]
        for step in 0..<300 {
            let now = MonotonicTime.seconds(Double(step) * 0.7)
            var samples: [TelemetrySample] = []
            for _ in 0..<Int(generator.below(6)) {
                let isWild = generator.chance(1, in: 10)
                let at =
                    isWild
                    ? MonotonicTime(rawValue: times[Int(generator.below(5))])
                    : agent(now.rawValue == 0 ? 0 : Double(step) * 0.7 - 8 * generator.unit())
                samples.append(
                    TelemetrySample(
                        at: at, cpuMilli: wild[Int(generator.below(6))], memory: Bytes(times[Int(generator.below(5))]),
                        networkInRate: wild[Int(generator.below(6))]))
            }
            let telemetry = InstanceTelemetry(
                instance: InstanceID(unchecked: "i"), incarnation: generator.below(20) == 0 ? generator.next() : 1,
                source: .host, samples: samples)
            let sentAt =
                generator.chance(1, in: 20)
                ? MonotonicTime(rawValue: times[Int(generator.below(5))]) : agent(Double(step) * 0.7)
            let outcome = intake.ingest(telemetry, sentAt: sentAt, receivedAt: now)
            #expect(outcome.accepted + outcome.late + outcome.duplicate + outcome.rejected == samples.count)
            for observation in intake.takeObservations(before: now.secondIndex + 1) {
                #expect(observation.second > last)
                last = observation.second
                #expect((observation.cpuMilli ?? 0) >= 0 && (observation.cpuMilli ?? 0) <= 1e7)
            }
        }
    }
}

extension TelemetryIntake {
    fileprivate mutating func takeObservations(before second: Int64) -> [LoadObservation] {
        var taken: [LoadObservation] = []
        takeObservations(before: second) { taken.append($0) }
        return taken
    }
}
