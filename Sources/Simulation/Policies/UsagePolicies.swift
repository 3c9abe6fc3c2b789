import AllocationCore
import FleetModel

/// A decaying histogram of each instance's usage, a percentile of which is held all the time, as the Kubernetes Vertical
/// Pod Autoscaler's recommender does (`autoscaler/vertical-pod-autoscaler/pkg/recommender/util`): buckets that grow by
/// 5 %, weights that double with each half-life, and 15 % more than the percentile.
struct DecayingHistogramPolicy: ReplayedPolicy {
    /// The recommender's is a day; demand comes and goes in seconds here.
    static let halfLife = 300.0
    private static let margin = 1.15
    private static let growth = 1.05
    private static let bucketCount = 200
    private static let leastMemory = 1_048_576.0
    private static let leastCompute = 1.0

    /// The share of the seconds that the held amount covers, 0 to 1; the recommender's target is 0.9.
    let percentile: Double

    private struct Histogram: Sendable {
        var weights = [Double](repeating: 0, count: DecayingHistogramPolicy.bucketCount)
        var zero = 0.0

        mutating func add(_ value: Double, least: Double, weight: Double) {
            guard value > 0 else {
                zero += weight
                return
            }
            var bucket = 0
            var bound = least
            while bound < value, bucket + 1 < weights.count {
                bucket += 1
                bound *= DecayingHistogramPolicy.growth
            }
            weights[bucket] += weight
        }

        mutating func scale(_ factor: Double) {
            zero *= factor
            for index in weights.indices { weights[index] *= factor }
        }

        func value(at share: Double, least: Double) -> Double {
            let total = weights.reduce(zero, +)
            var sum = zero
            if sum >= share * total { return 0 }
            var bound = least
            for weight in weights {
                sum += weight
                if sum >= share * total { return bound }
                bound *= DecayingHistogramPolicy.growth
            }
            return bound
        }
    }

    private var memory: [Histogram] = []
    private var compute: [Histogram] = []
    private var weight = 1.0

    init(percentile: Double) { self.percentile = percentile }

    mutating func decide(at second: Int, seen: ArraySlice<DemandTrace.Entry>, in world: inout PolicyWorld) {
        while memory.count < world.holdings.count {
            memory.append(Histogram())
            compute.append(Histogram())
        }
        var next = seen.startIndex
        for instance in memory.indices {
            while next < seen.endIndex, seen[next].instance < instance { next += 1 }
            let load = next < seen.endIndex && seen[next].instance == instance ? seen[next].load : nil
            memory[instance].add(load?.gpuMemory ?? 0, least: Self.leastMemory, weight: weight)
            compute[instance].add(load?.gpuCompute ?? 0, least: Self.leastCompute, weight: weight)
            hold(instance, at: second, in: &world)
        }
        age()
    }

    private func hold(_ instance: Int, at second: Int, in world: inout PolicyWorld) {
        guard !world.isRunning(instance) else { return }
        let bytes = memory[instance].value(at: percentile, least: Self.leastMemory) * Self.margin
        let share = compute[instance].value(at: percentile, least: Self.leastCompute) * Self.margin
        guard bytes > 0 else { return world.release(instance) }
        world.hold(bytes: bytes, compute: share, for: instance, at: second)
    }

    /// The weight of a second doubles with each half-life; before it grows beyond reason, all are scaled down.
    private mutating func age() {
        // 2^(1/300) to double precision.
        weight *= 1.0023131618421728
        guard weight > 1e6 else { return }
        for index in memory.indices {
            memory[index].scale(1 / weight)
            compute[index].scale(1 / weight)
        }
        weight = 1
    }
}

/// The mean of each instance's usage and N standard deviations are held all the time (the N-sigma peak predictor of
/// Bashir et al., "Take it to the limit: peak prediction-driven resource overcommitment in datacenters", EuroSys 2021,
/// section 4; there of a machine's whole usage, here of each instance's, for it is instances that are prepared).
struct NSigmaPolicy: ReplayedPolicy {
    /// Seconds of usage that count.
    static let window = 600

    /// N, 0 or more; the authors' is 5.
    let deviations: Double

    private struct Usage: Sendable {
        var values: [(memory: Double, compute: Double)] = []
        var sums = (0.0, 0.0, 0.0, 0.0)
    }

    private var usages: [Usage] = []
    private var place = 0

    init(deviations: Double) { self.deviations = deviations }

    mutating func decide(at second: Int, seen: ArraySlice<DemandTrace.Entry>, in world: inout PolicyWorld) {
        while usages.count < world.holdings.count { usages.append(Usage()) }
        var next = seen.startIndex
        for instance in usages.indices {
            while next < seen.endIndex, seen[next].instance < instance { next += 1 }
            let load = next < seen.endIndex && seen[next].instance == instance ? seen[next].load : nil
            take(load?.gpuMemory ?? 0, load?.gpuCompute ?? 0, of: instance)
            guard !world.isRunning(instance) else { continue }
            let bytes = bound(usages[instance].sums.0, usages[instance].sums.1, usages[instance].values.count)
            let share = bound(usages[instance].sums.2, usages[instance].sums.3, usages[instance].values.count)
            if bytes >= 1 {
                world.hold(bytes: bytes, compute: share, for: instance, at: second)
            } else {
                world.release(instance)
            }
        }
        place = (place + 1) % Self.window
    }

    private func bound(_ sum: Double, _ squares: Double, _ count: Int) -> Double {
        let mean = sum / Double(max(count, 1))
        return mean + deviations * max(squares / Double(max(count, 1)) - mean * mean, 0).squareRoot()
    }

    private mutating func take(_ memory: Double, _ compute: Double, of instance: Int) {
        if usages[instance].values.count < Self.window {
            usages[instance].values.append((memory, compute))
        } else {
            let old = usages[instance].values[place]
            usages[instance].sums.0 -= old.memory
            usages[instance].sums.1 -= old.memory * old.memory
            usages[instance].sums.2 -= old.compute
            usages[instance].sums.3 -= old.compute * old.compute
            usages[instance].values[place] = (memory, compute)
        }
        usages[instance].sums.0 += memory
        usages[instance].sums.1 += memory * memory
        usages[instance].sums.2 += compute
        usages[instance].sums.3 += compute * compute
    }
}

extension PolicyWorld {
    /// Holds about that much for an instance: what differs from what it holds by less than an eighth moves nothing, so that
    /// an estimate that creeps does not send a notification each second.
    mutating func hold(bytes: Double, compute: Double, for instance: Int, at second: Int) {
        let slice = Slice(
            memory: Bytes(Int64(min(bytes, 0x1p50).rounded(.up))),
            compute: MilliShare(covering: compute))
        guard let held = holdings[instance], held.level == .reserved else {
            return reserve(slice, for: instance, at: second)
        }
        let ratio = Double(slice.memory.rawValue) / Double(max(held.slice.memory.rawValue, 1))
        if ratio < 0.875 || ratio > 1.125 {
            reserve(slice, for: instance, at: second)
        } else {
            touch(instance, at: second)
        }
    }
}
