import FleetModel

/// The best keep-alive time of each instance, chosen by someone who has seen the whole trace: what the best policy of that
/// kind could reach, were its knob right for every instance from the first second. A bound to hold causal policies
/// against, not a policy.
///
/// Of an instance whose slice is kept for T after each program, the starts that come within T find it, and it idles for
/// the shorter of T and the gap. The best T ends at one of the gaps, or is 0 (between two gaps only idle time grows). What it
/// is best for is a price: a start found against so many idle device-seconds.
enum HindsightKeepAlive {
    /// What an instance leaves behind when a program ends, until the next starts.
    private struct Gap {
        /// From the end of the program to the next start, or to the end of the trace.
        var seconds: Int
        /// Of a device, 0 to 1.
        var share: Double
        /// Whether the next start would find enough memory.
        var isFound: Bool
    }

    /// For each instance the seconds to keep what a program had.
    /// - Parameter price: device-seconds that a start found is worth, above 0.
    /// O(entries + gaps log gaps)
    static func seconds(_ trace: DemandTrace, memory: Bytes, price: Double) -> [Int] {
        gaps(of: trace, DeviceShare(of: memory)).map { best($0, price: price) }
    }

    private static func best(_ gaps: [Gap], price: Double) -> Int {
        let ordered = gaps.sorted { $0.seconds < $1.seconds }
        // Gaps that are longer than T idle for T; those before it idle for their length.
        var longerShare = ordered.reduce(0) { $0 + $1.share }
        var idle = 0.0
        var found = 0
        var last = 0
        var best = (seconds: 0, gain: 0.0)
        for gap in ordered {
            idle += longerShare * Double(gap.seconds - last)
            last = gap.seconds
            longerShare -= gap.share
            found += gap.isFound ? 1 : 0
            let gain = Double(found) * price - idle
            if gain > best.gain { best = (gap.seconds, gain) }
        }
        return best.seconds
    }

    private static func gaps(of trace: DemandTrace, _ share: DeviceShare) -> [[Gap]] {
        var gaps: [[Gap]] = trace.instances.map { _ in [] }
        var programs: [(last: Int, slice: Slice)?] = trace.instances.map { _ in nil }
        for entry in trace.entries where entry.load.hasDemand {
            let wanted = PolicyWorld.slice(of: entry.load)
            guard let program = programs[entry.instance], entry.second - program.last <= Int(PolicyWorld.idleSeconds)
            else {
                if let program = programs[entry.instance] {
                    gaps[entry.instance].append(
                        Gap(
                            seconds: entry.second - program.last - Int(PolicyWorld.idleSeconds),
                            share: share(program.slice), isFound: program.slice.memory >= wanted.memory))
                }
                programs[entry.instance] = (entry.second, wanted)
                continue
            }
            let peak = Slice(
                memory: max(program.slice.memory, wanted.memory), compute: max(program.slice.compute, wanted.compute))
            programs[entry.instance] = (entry.second, peak)
        }
        for (instance, program) in programs.enumerated() {
            guard let program else { continue }
            let left = max(0, trace.length - program.last - Int(PolicyWorld.idleSeconds))
            gaps[instance].append(Gap(seconds: left, share: share(program.slice), isFound: false))
        }
        return gaps
    }
}
