import Determinism
import FleetModel
import ForecastCore

/// What the instances of a benchmark's fleet want of a GPU, second by second.
enum BenchmarkDemand: Sendable {
    /// Drawn anew each second, so that nothing can be foreseen and everything changes: of 100 instances those that ever use
    /// a GPU, and in per cent those of them that do in a second. Nobody takes what is prepared.
    case noise(everActive: Int, busy: UInt64)
    /// As programs have it, in bursts, whose sessions are taken and end: of 100 instances those that ever use a GPU.
    case programs(SyntheticDemand, everActive: Int)

    var description: String {
        switch self {
        case .noise(let everActive, let busy): "\(everActive) % ever active, \(busy) % of those in a second, at random"
        case .programs(let demand, let everActive):
            "\(everActive) % ever active, \(demand.percent) % of those in a second, in bursts"
        }
    }

    /// Whether programs take the sessions that are prepared for them.
    var takesSessions: Bool {
        if case .programs = self { true } else { false }
    }

    func application(of instance: Int) -> ApplicationType {
        switch self {
        // Who never uses a GPU runs something else: of a newcomer what its type does is believed.
        case .noise(let everActive, _), .programs(_, let everActive):
            ApplicationType(unchecked: instance % 100 < everActive ? "chat" : "shell")
        }
    }

    /// The sample of one instance in the second that ends `at`.
    func sample(of instance: Int, at: MonotonicTime, _ random: inout SeededGenerator) -> TelemetrySample {
        switch self {
        case .noise(let everActive, let busy):
            let isBusy = instance % 100 < everActive && random.chance(busy, in: 100)
            return TelemetrySample(
                at: at, cpuMilli: Double(random.below(1_000)), networkInRate: Double(random.below(1 << 20)),
                gpuMemory: Bytes(isBusy ? Int64(random.below(4 << 30)) : 0),
                gpuCompute: MilliShare(isBusy ? Int32(random.below(500)) : 0))
        case .programs(let demand, let everActive):
            guard instance % 100 < everActive else {
                return TelemetrySample(at: at, gpuMemory: .zero, gpuCompute: MilliShare(0))
            }
            return demand.sample(of: instance, at: at)
        }
    }
}

/// The demand of a synthetic fleet of a few dozen, of which each instance of a larger one follows a member, some time
/// later than those beside it.
struct SyntheticDemand: Sendable {
    let panel: DemandPanel
    /// The share of seconds with demand.
    let share: Double
    /// So that a burst takes 2 GiB in the mean.
    private let memoryScale: Double

    private static let meanBurst = 0x1p31

    struct NoFleet: Error {}

    /// The one, of some that are drawn, whose share of busy seconds comes closest to `wanted`.
    init(busyShare wanted: Double, isSmall: Bool) throws {
        var best: (panel: DemandPanel, share: Double)?
        for seed in 0..<UInt64(isSmall ? 4 : 40) {
            guard let panel = SyntheticFleet.panel(seed: seed, seconds: isSmall ? 40 : 200) else { continue }
            let busy = panel.observations.reduce(0) { $0 + $1.count { $0.gpuMemory > 0 } }
            let share = Double(busy) / Double(panel.seconds * panel.instances.count)
            if abs(share - wanted) < abs((best?.share ?? 9) - wanted) { best = (panel, share) }
        }
        guard let (panel, share) = best else { throw NoFleet() }
        (self.panel, self.share) = (panel, share)
        let held = panel.observations.reduce(0.0) { $0 + $1.reduce(0) { $0 + $1.gpuMemory } }
        let seconds = share * Double(panel.seconds * panel.instances.count)
        memoryScale = held > 0 ? Self.meanBurst * seconds / held : 1
    }

    var percent: Int { Int((share * 100).rounded()) }

    fileprivate func sample(of instance: Int, at: MonotonicTime) -> TelemetrySample {
        let member = panel.observations[instance % panel.instances.count]
        let second = (Int(at.secondIndex) + instance / panel.instances.count * 37) % panel.seconds
        let observation = member[second]
        return TelemetrySample(
            at: at, cpuMilli: observation.cpuMilli, memory: observation.hostMemory.map { Bytes(Int64($0)) },
            networkInRate: observation.networkIn, networkOutRate: observation.networkOut,
            gpuMemory: Bytes(Int64(observation.gpuMemory * memoryScale)),
            gpuCompute: MilliShare(Int32(observation.gpuCompute)), workInFlight: observation.workInFlight,
            userIdle: observation.userIdleSeconds.map { .seconds($0) })
    }
}
