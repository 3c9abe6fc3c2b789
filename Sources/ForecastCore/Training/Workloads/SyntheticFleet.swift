import Determinism
import FleetModel

/// Fleets to train the shipped networks on: drawn from a seed, different in nearly everything that may differ.
///
/// Each is a panel of one to three application types. A type is an LLM service whose stream of requests is dealt to
/// its instances (single requests or sessions; steady, drifting, scattered, stepping, stopping), or programs that each
/// go their own way. Sizes, speeds, popularity, how busy, and which telemetry is reported at all are drawn anew each
/// time (domain randomisation: Tobin et al., IROS 2017). No recorded trace goes in.
package enum SyntheticFleet {
    /// A panel of `instances` and `seconds`; equal seeds give equal panels.
    package static func panel(seed: UInt64, instances: Int = 64, seconds: Int = 900) -> DemandPanel? {
        var random = SeededGenerator(seed: seed)
        let types = 1 + Int(random.below(3))
        var descriptions: [InstanceDescription] = []
        var observations: [[LoadObservation]] = []
        for type in 0..<types {
            let count = type == types - 1 ? instances - descriptions.count : instances / types
            let application = ApplicationType(unchecked: "type-\(type)")
            var series = seriesOfType(instances: count, seconds: seconds, random: &random)
            changeAmounts(of: &series, random: &random)
            let telemetry = Telemetry(random: &random)
            for own in series {
                descriptions.append(
                    InstanceDescription(
                        id: InstanceID(unchecked: "synthetic-\(descriptions.count)"),
                        tenant: TenantID(unchecked: "synthetic"), application: application))
                observations.append(telemetry.observations(own))
            }
        }
        return DemandPanel(instances: descriptions, observations: observations)
    }

    private static func seriesOfType(
        instances: Int, seconds: Int, random: inout SeededGenerator
    ) -> [SyntheticSeries] {
        if random.flip(0.65) {
            let mean = Double(instances) * random.drawLogarithmic(0.02...0.35)
            let stream = RequestStream(seconds: seconds, mean: mean, random: &random)
            return stream.serve(instances: instances, seconds: seconds, random: &random)
        }
        let kinds = SyntheticProgram.allCases
        return kinds[Int(random.below(UInt64(kinds.count)))].series(
            instances: instances, seconds: seconds, random: &random)
    }

    /// Some types want other amounts from some second on, all at once: a new model, a larger context.
    private static func changeAmounts(of series: inout [SyntheticSeries], random: inout SeededGenerator) {
        guard random.flip(0.2), let seconds = series.first?.memory.count else { return }
        for _ in 0...random.below(2) {
            let first = Int(random.below(UInt64(seconds)))
            let memory = random.drawLogarithmic(0.25...4)
            let compute = random.flip(0.6) ? memory : random.drawLogarithmic(0.25...4)
            for index in series.indices {
                for second in first..<seconds {
                    series[index].memory[second] *= memory
                    series[index].compute[second] *= compute
                }
            }
        }
    }

    /// What is reported beside the use of the GPU.
    private struct Telemetry {
        let hasHost: Bool
        let hasUser: Bool
        let hasWork: Bool

        init(random: inout SeededGenerator) {
            hasHost = random.flip(0.5)
            hasUser = random.flip(0.4)
            hasWork = random.flip(0.7)
        }

        func observations(_ series: SyntheticSeries) -> [LoadObservation] {
            var idle = 0.0
            return series.memory.indices.map { second in
                idle = series.userActive[second] ? 0 : idle + 1
                return LoadObservation(
                    second: Int64(second), gpuMemory: series.memory[second], gpuCompute: series.compute[second],
                    cpuMilli: hasHost ? series.cpu[second] : nil,
                    hostMemory: hasHost ? series.hostMemory[second] : nil,
                    networkIn: hasHost ? series.network[second] : nil,
                    networkOut: hasHost ? series.networkOut[second] : nil,
                    workInFlight: hasWork ? series.requests[second] : nil, userIdleSeconds: hasUser ? idle : nil)
            }
        }
    }
}
