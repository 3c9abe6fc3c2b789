package import FleetModel

/// Recorded or derived GPU demand of a set of instances, second by second: what a comparison of policies replays.
package struct DemandTrace: Sendable {
    /// One instance in one second.
    package struct Entry: Sendable {
        /// Seconds from the trace's first.
        package var second: Int
        /// Index in ``DemandTrace/instances``.
        package var instance: Int
        package var load: LoadObservation
        /// When in the second demand begins, 0 to 1, where it does.
        package var offset: Double

        package init(second: Int, instance: Int, load: LoadObservation, offset: Double) {
            self.second = second
            self.instance = instance
            self.load = load
            self.offset = offset
        }
    }

    package let name: String
    package let instances: [InstanceDescription]
    /// How many seconds the trace lasts, those without rows included.
    package let length: Int
    /// Ascending by second, then by instance; at most one for each. A second that is missing is one without demand.
    package let entries: [Entry]

    /// - Parameter entries: in any order; what says more of an instance and second than the first entry is left out, and
    ///   so is what lies outside. Compute of one instance beyond a whole device counts as a whole one.
    package init(name: String, instances: [InstanceDescription], length: Int, entries: [Entry]) {
        self.name = name
        self.instances = instances
        self.length = length
        let known = entries.filter { (0..<length).contains($0.second) && instances.indices.contains($0.instance) }
        var kept: [Entry] = []
        kept.reserveCapacity(known.count)
        for entry in known.sorted(by: { ($0.second, $0.instance) < ($1.second, $1.instance) }) {
            if let last = kept.last, last.second == entry.second, last.instance == entry.instance { continue }
            kept.append(entry)
            kept[kept.count - 1].load.gpuCompute = min(max(entry.load.gpuCompute, 0), 1_000)
            kept[kept.count - 1].load.gpuMemory = max(entry.load.gpuMemory, 0)
        }
        self.entries = kept
    }

    /// The greatest sum of all demand in one second, in devices of `memory`: of memory or of compute, whichever asks
    /// for more. O(entries)
    package func peakDevices(of memory: Bytes) -> Double {
        var peak = 0.0
        var second = -1
        var bytes = 0.0
        var compute = 0.0
        for entry in entries {
            if entry.second != second {
                second = entry.second
                bytes = 0
                compute = 0
            }
            bytes += entry.load.gpuMemory
            compute += entry.load.gpuCompute
            peak = max(peak, bytes / Double(memory.rawValue), compute / 1_000)
        }
        return peak
    }
}

/// How much of one device a slice takes: of its memory or of its compute, whichever is more.
struct DeviceShare: Sendable {
    let memory: Double

    init(of memory: Bytes) { self.memory = Double(memory.rawValue) }

    func callAsFunction(_ slice: Slice) -> Double {
        max(Double(slice.memory.rawValue) / memory, Double(slice.compute.rawValue) / 1_000)
    }
}
