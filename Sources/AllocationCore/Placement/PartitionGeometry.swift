/// How a device can be cut into hardware partitions: which profiles there are, and where on the device each may lie.
///
/// The rules are those of NVIDIA's Multi-Instance GPU ("NVIDIA Multi-Instance GPU User Guide", Supported MIG Profiles,
/// and what `nvidia-smi mig -lgipp` lists as possible placements): a device has 8 memory slices (A30: 4), a profile
/// takes some that are next to each other, and may begin only at certain ones. Partitions do not overlap; compute
/// slices then suffice by themselves, because no allowed set of starts takes more than there are.
package struct PartitionGeometry: Hashable, Sendable {
    package var name: String
    /// Memory slices of the device, 1 to 8.
    package var slices: Int
    /// In a fixed order; names are unique.
    package var profiles: [PartitionProfile]

    package init(name: String, slices: Int, profiles: [PartitionProfile]) {
        precondition((1...8).contains(slices), "a device has 1 to 8 memory slices")
        for profile in profiles {
            precondition(
                profile.size >= 1 && profile.starts.allSatisfy { $0 >= 0 && $0 + profile.size <= slices },
                "a profile lies on the device")
        }
        self.name = name
        self.slices = slices
        self.profiles = profiles
    }

    package func profile(named name: String) -> PartitionProfile? { profiles.first { $0.name == name } }

    /// What could still be cut from a device, as a figure that falls the more, the more choices a partition takes
    /// away: over all profiles, the slices of each place where it would fit. O(profiles × starts)
    package func openness(of occupied: UInt32) -> Int {
        var sum = 0
        for profile in profiles {
            for start in profile.starts where profile.footprint(at: start) & occupied == 0 { sum += profile.size }
        }
        return sum
    }

    /// Where on a device with `occupied` a profile goes: the start that leaves the device most open, the first of
    /// equals; nil where none is free.
    package func bestStart(for profile: PartitionProfile, occupied: UInt32) -> (start: Int, openness: Int)? {
        var best: (start: Int, openness: Int)?
        for start in profile.starts {
            let footprint = profile.footprint(at: start)
            guard footprint & occupied == 0 else { continue }
            let openness = openness(of: occupied | footprint)
            if best.map({ openness > $0.openness }) ?? true { best = (start, openness) }
        }
        return best
    }
}

/// One kind of hardware partition.
package struct PartitionProfile: Hashable, Sendable {
    package var name: String
    /// Compute slices, of the 7 (A30: 4) of a device.
    package var compute: Int
    /// Memory slices.
    package var size: Int
    /// The memory slices at which it may begin, ascending.
    package var starts: [Int]
    /// Whether it has the device's media engines, which only one partition can have.
    package var hasMedia: Bool

    package init(_ name: String, compute: Int, size: Int, starts: [Int], hasMedia: Bool = false) {
        self.name = name
        self.compute = compute
        self.size = size
        self.starts = starts
        self.hasMedia = hasMedia
    }

    /// What it takes of a device when it begins at `start`: a bit for each memory slice, and bit 8 for the media
    /// engines.
    package func footprint(at start: Int) -> UInt32 {
        ((1 << UInt32(size)) - 1) << UInt32(start) | (hasMedia ? 1 << 8 : 0)
    }
}

extension PartitionGeometry {
    package static let a30 = PartitionGeometry(
        name: "A30-24GB", slices: 4,
        profiles: [
            PartitionProfile("1g.6gb", compute: 1, size: 1, starts: [0, 1, 2, 3]),
            PartitionProfile("1g.6gb+me", compute: 1, size: 1, starts: [0, 1, 2, 3], hasMedia: true),
            PartitionProfile("2g.12gb", compute: 2, size: 2, starts: [0, 2]),
            PartitionProfile("2g.12gb+me", compute: 2, size: 2, starts: [0, 2], hasMedia: true),
            PartitionProfile("4g.24gb", compute: 4, size: 4, starts: [0]),
        ])
    package static let a100With40GB = sevenComputeSlices("A100-40GB", sliceGB: 5)
    package static let a100With80GB = sevenComputeSlices("A100-80GB", sliceGB: 10)
    package static let h100With80GB = sevenComputeSlices("H100-80GB", sliceGB: 10)

    /// A100 and H100: 7 compute and 8 memory slices; the names grow with the memory.
    private static func sevenComputeSlices(_ name: String, sliceGB: Int) -> PartitionGeometry {
        PartitionGeometry(
            name: name, slices: 8,
            profiles: [
                PartitionProfile("1g.\(sliceGB)gb", compute: 1, size: 1, starts: [0, 1, 2, 3, 4, 5, 6]),
                PartitionProfile(
                    "1g.\(sliceGB)gb+me", compute: 1, size: 1, starts: [0, 1, 2, 3, 4, 5, 6], hasMedia: true),
                PartitionProfile("1g.\(2 * sliceGB)gb", compute: 1, size: 2, starts: [0, 2, 4, 6]),
                PartitionProfile("2g.\(2 * sliceGB)gb", compute: 2, size: 2, starts: [0, 2, 4]),
                PartitionProfile("3g.\(4 * sliceGB)gb", compute: 3, size: 4, starts: [0, 4]),
                PartitionProfile("4g.\(4 * sliceGB)gb", compute: 4, size: 4, starts: [0]),
                PartitionProfile("7g.\(8 * sliceGB)gb", compute: 7, size: 8, starts: [0]),
            ])
    }
}
