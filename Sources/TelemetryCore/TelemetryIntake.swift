package import FleetModel

/// Turns the reports of one instance into one clean observation a second, on the receiver's clock.
///
/// - Samples carry times of the agent's clock; they are placed by their age when sent, with the delay of the report
///   filtered out, and fall into the second in which the middle of their period lies.
/// - A second is released as soon as a sample for it has come. One for which none has come is released as a gap when a
///   later second's sample has come, or two seconds later; what comes for it after that is late.
/// - In a gap CPU, network and memory are not known; GPU use stands for 3 s and is 0 from then on.
/// - GPU use comes from samples (traces, simulation) or from GPU servers' heartbeats; where both are, samples win.
/// - A new incarnation starts anew; a report of the life before it is rejected.
///
/// Expected races, counted and otherwise silent: late, repeated and reordered reports. About 300 bytes; at most
/// ``maximumWaiting`` seconds wait to be taken.
package struct TelemetryIntake: Sendable {
    /// Seconds that wait to be taken, at most; what comes beyond is rejected. Also the longest run of gaps that is
    /// filled: after a longer silence the seconds between are left out.
    package static let maximumWaiting = 64
    /// How long a second waits for its sample.
    package static let gapDelaySeconds: Int64 = 2
    /// How long GPU use stands when nothing is heard.
    package static let carriedSeconds: Int64 = 3
    /// From the sending of a report back to its oldest sample.
    private static let oldest = Duration.seconds(-120)
    /// From the end of a sample's period back to its middle.
    private static let toMiddle = Duration.milliseconds(-500)
    /// How far, in seconds, a sample may lie outside the second after its predecessor's and still count as that one:
    /// sampling that drifts around the turn of a second makes neither gaps nor repeats.
    private static let tolerance = Duration.milliseconds(350)

    private struct GPUUse: Sendable {
        var second: Int64
        var memory: Double
        var compute: Double
    }

    private var incarnation: UInt64?
    private var previousIncarnation: UInt64?
    private var offset = ClockOffset()
    /// Ascending by second.
    private var waiting: [SecondOfSamples] = []
    private var nextRelease: Int64?
    private var newestSecond: Int64 = .min
    /// Bit `a` tells that a sample came for the second `a` before `newestSecond`.
    private var receivedMask: UInt64 = 0
    /// What GPU servers reported since the last release.
    private var freshUse: GPUUse?
    private var standingUse: GPUUse?
    /// Whether the last session has ended: the fresh use counts for its second, and does not stand after it.
    private var useIsOver = false

    /// The last observation that was taken.
    package private(set) var latest: LoadObservation?
    /// When the last report came.
    package private(set) var lastReceived: MonotonicTime?
    package private(set) var source: TelemetrySource = .host

    package init() {}

    // MARK: Taking in

    /// Takes in one report. `sentAt` is on the agent's clock, `receivedAt` on the receiver's.
    package mutating func ingest(
        _ telemetry: InstanceTelemetry, sentAt: MonotonicTime, receivedAt: MonotonicTime
    ) -> IntakeOutcome {
        var outcome = IntakeOutcome()
        guard accept(telemetry.incarnation), Self.isSane(sentAt), Self.isSane(receivedAt) else {
            outcome.rejected = telemetry.samples.count
            return outcome
        }
        lastReceived = receivedAt
        source = telemetry.source
        let difference = offset.observe(sentAt: sentAt, receivedAt: receivedAt)
        let bounded = telemetry.samples.prefix(InstanceTelemetry.maximumSamples)
        outcome.rejected += telemetry.samples.count - bounded.count
        for sample in bounded.sorted(by: { $0.at < $1.at }) {
            // Compared before subtracting: a hostile time must not overflow.
            guard sample.at <= sentAt, sample.at >= sentAt + Self.oldest else {
                outcome.rejected += 1
                continue
            }
            place(sample, at: sample.at + difference, &outcome)
        }
        return outcome
    }

    /// Takes in what GPU servers say that the instance's sessions use. Several sessions are summed by the caller.
    package mutating func recordGPUUse(memory: Bytes, compute: MilliShare, receivedAt: MonotonicTime) {
        guard Self.isSane(receivedAt) else { return }
        useIsOver = false
        let second = (receivedAt + Self.toMiddle).secondIndex
        let bytes = Double(memory.rawValue).clamped(to: PlausibleRange.gpuMemory)
        let share = Double(compute.rawValue).clamped(to: PlausibleRange.gpuCompute)
        freshUse = GPUUse(
            second: second, memory: max(bytes, freshUse?.memory ?? 0), compute: max(share, freshUse?.compute ?? 0))
    }

    /// Takes in that a session has ended: what it used counts until here.
    package mutating func recordEndOfGPUUse(receivedAt: MonotonicTime) {
        recordGPUUse(memory: .zero, compute: .zero, receivedAt: receivedAt)
        useIsOver = true
    }

    /// Whether reports of this life count; a life that is new ends the one before.
    private mutating func accept(_ reported: UInt64) -> Bool {
        guard let incarnation, incarnation != reported else {
            self.incarnation = reported
            return true
        }
        guard reported != previousIncarnation else { return false }
        previousIncarnation = incarnation
        self.incarnation = reported
        offset = ClockOffset()
        freshUse = nil
        standingUse = nil
        return true
    }

    private mutating func place(_ sample: TelemetrySample, at time: MonotonicTime, _ outcome: inout IntakeOutcome) {
        let second = slot(for: time + Self.toMiddle)
        let first = nextRelease ?? second
        guard second >= first else {
            if wasReceived(second) { outcome.duplicate += 1 } else { outcome.late += 1 }
            return
        }
        if let index = waiting.firstIndex(where: { $0.second == second }) {
            guard waiting[index].at != sample.at else {
                outcome.duplicate += 1
                return
            }
            outcome.implausibleValues += waiting[index].add(sample)
        } else {
            guard waiting.count < Self.maximumWaiting else {
                outcome.rejected += 1
                return
            }
            var samples = SecondOfSamples(second: second, at: sample.at)
            outcome.implausibleValues += samples.add(sample)
            waiting.insert(samples, at: waiting.firstIndex { $0.second > second } ?? waiting.count)
        }
        nextRelease = first
        markReceived(second)
        outcome.accepted += 1
    }

    /// The second that `middle` falls into, leaning to the one after the newest.
    private func slot(for middle: MonotonicTime) -> Int64 {
        let second = middle.secondIndex
        let expected = newestSecond == .min ? second : newestSecond + 1
        guard second != expected else { return second }
        let leansUp = (middle + Self.tolerance).secondIndex == expected && second < expected
        let leansDown = (middle + (.zero - Self.tolerance)).secondIndex == expected && second > expected
        return leansUp || leansDown ? expected : second
    }

    private func wasReceived(_ second: Int64) -> Bool {
        let age = newestSecond - second
        return age >= 0 && age < 64 && receivedMask & (1 << UInt64(age)) != 0
    }

    private mutating func markReceived(_ second: Int64) {
        if second > newestSecond {
            let shift = newestSecond == .min ? 64 : second - newestSecond
            receivedMask = shift < 64 ? receivedMask << UInt64(shift) : 0
            newestSecond = second
        }
        let age = newestSecond - second
        if age < 64 { receivedMask |= 1 << UInt64(age) }
    }

    /// Times within ±146 years, so that sums and differences of two do not overflow.
    private static func isSane(_ time: MonotonicTime) -> Bool { time.rawValue.magnitude < 1 << 62 }

    // MARK: Giving out

    /// The seconds before `second` that are complete: each once, ascending, without holes except after a silence of
    /// over ``maximumWaiting`` seconds.
    ///
    /// To have a second's observation as soon as its sample has come, pass the second after the current one
    /// (`now.secondIndex + 1`).
    ///
    /// Each is given to `take`: a list of what most often is one would be made for every instance and second.
    package mutating func takeObservations(before second: Int64, _ take: (LoadObservation) -> Void) {
        guard var next = nextRelease, second > .min + Int64(Self.maximumWaiting) else { return }
        let givenUp = second - Self.gapDelaySeconds - 1
        var taken: LoadObservation?
        func give(_ observation: LoadObservation) {
            taken = observation
            take(observation)
        }
        var position = 0
        while next < second {
            let sample = position < waiting.count ? waiting[position] : nil
            if let sample, sample.second == next {
                give(release(next, sample))
                position += 1
            } else {
                let following = sample?.second ?? .max
                guard next <= givenUp || following < second else { break }
                let filledFrom = max(next, min(second - Int64(Self.maximumWaiting), following))
                if filledFrom > next {
                    next = filledFrom
                    continue
                }
                give(release(next, nil))
            }
            next += 1
        }
        waiting.removeFirst(position)
        nextRelease = next
        if let taken { latest = taken }
    }

    private mutating func release(_ second: Int64, _ samples: SecondOfSamples?) -> LoadObservation {
        if let memory = samples?.gpuMemory ?? samples?.gpuCompute.map({ _ in 0 }) {
            standingUse = GPUUse(second: second, memory: memory, compute: samples?.gpuCompute ?? 0)
            freshUse = nil
        } else if let fresh = freshUse, fresh.second <= second + 1 {
            standingUse = GPUUse(second: max(second, fresh.second), memory: fresh.memory, compute: fresh.compute)
            freshUse = nil
        }
        let isStanding = standingUse.map { second - $0.second < Self.carriedSeconds } ?? false
        let use = isStanding ? standingUse : nil
        if useIsOver, freshUse == nil {
            standingUse = nil
            useIsOver = false
        }
        return LoadObservation(
            second: second, gpuMemory: use?.memory ?? 0, gpuCompute: use?.compute ?? 0,
            cpuMilli: samples?.cpuMilli, hostMemory: samples?.hostMemory, networkIn: samples?.networkIn,
            networkOut: samples?.networkOut, workInFlight: samples?.workInFlight,
            userIdleSeconds: samples?.userIdleSeconds)
    }
}

extension Double {
    fileprivate func clamped(to range: ClosedRange<Double>) -> Double {
        Swift.min(Swift.max(self, range.lowerBound), range.upperBound)
    }
}
