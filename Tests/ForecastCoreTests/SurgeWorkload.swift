import Determinism
import FleetModel

/// Instances that idle for 20 to 60 s, receive something over the network for 1 to 2 s, work on it on the CPU for 0.5
/// to 1 s, and then use the GPU for 2 to 6 s; with chatter while idle. Telemetry at 1 Hz, from a grid of 0.1 s.
struct SurgeWorkload {
    var observations: [[LoadObservation]]

    private enum Step {
        case idle, network, cpu, gpu
    }

    init(instances: Int, seconds: Int, seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        observations = (0..<instances).map { _ in
            var own = generator.split()
            return Self.series(seconds: seconds, &own)
        }
    }

    private static func series(seconds: Int, _ generator: inout SeededGenerator) -> [LoadObservation] {
        var steps: [Step] = []
        let memory = 100e6 + 300e6 * generator.unit()
        while steps.count < seconds * 10 {
            steps += repeatElement(.idle, count: 200 + Int(generator.below(400)))
            steps += repeatElement(.network, count: 10 + Int(generator.below(11)))
            steps += repeatElement(.cpu, count: 5 + Int(generator.below(6)))
            steps += repeatElement(.gpu, count: 20 + Int(generator.below(41)))
        }
        return (0..<seconds).map { second in
            let part = steps[(second * 10)..<(second * 10 + 10)]
            func share(_ step: Step) -> Double { Double(part.count { $0 == step }) / 10 }
            let housekeeping = generator.chance(3, in: 100) ? 60 : 0.0
            let chatter = generator.chance(1, in: 100) ? 30_000 : 0.0
            return LoadObservation(
                second: Int64(second),
                gpuMemory: share(.gpu) > 0 ? memory * (0.8 + 0.2 * generator.unit()) : 0,
                gpuCompute: share(.gpu) * (200 + 200 * generator.unit()),
                cpuMilli: 2 + 13 * generator.unit() + housekeeping + 900 * share(.cpu) + 200 * share(.gpu),
                networkIn: 200 + 2_800 * generator.unit() + chatter + 4e6 * share(.network))
        }
    }
}

/// How well onsets were foreseen: an alarm is a probability of demand within 5 s above `threshold`.
struct OnsetTally {
    var onsets = 0
    /// Onsets with an alarm at least one second ahead, within the 5 s before.
    var foreseen = 0
    var idleSeconds = 0
    /// Idle seconds with an alarm after which no demand came within 5 s.
    var falseAlarms = 0

    var recall: Double { onsets == 0 ? 1 : Double(foreseen) / Double(onsets) }
    var falseAlarmShare: Double { idleSeconds == 0 ? 0 : Double(falseAlarms) / Double(idleSeconds) }

    /// `probabilities` holds, for each second, what was said after it was observed.
    mutating func count(_ series: [LoadObservation], probabilities: [Double], from start: Int, threshold: Double) {
        for second in start..<(series.count - 5) {
            if series[second].gpuMemory > 0 {
                guard series[(second - 3)..<second].allSatisfy({ $0.gpuMemory == 0 }) else { continue }
                onsets += 1
                if probabilities[(second - 5)..<second].contains(where: { $0 > threshold }) { foreseen += 1 }
            } else {
                idleSeconds += 1
                let comes = series[(second + 1)...(second + 5)].contains { $0.gpuMemory > 0 }
                if probabilities[second] > threshold, !comes { falseAlarms += 1 }
            }
        }
    }
}
