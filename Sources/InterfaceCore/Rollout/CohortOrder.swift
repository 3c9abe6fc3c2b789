package import FleetModel

/// In which order members of the fleet take a version: the same on every machine, in every life of the manager, and another
/// for each version, so that the same few are not always the first.
package enum CohortOrder {
    /// A member's place, evenly spread over all numbers.
    ///
    /// FNV-1a over the text (Fowler, Noll and Vo; draft-eastlake-fnv), and the finaliser of SplitMix64 (Steele, Lea and Flood,
    /// "Fast splittable pseudorandom number generators", 2014) because names that differ at their ends only are common and
    /// FNV leaves their hashes near to each other. O(length)
    package static func place(of name: String, in version: InterfaceVersion) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func take(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        for byte in version.digest.bytes { take(byte) }
        for byte in name.utf8 { take(byte) }
        hash = (hash ^ (hash >> 30)) &* 0xbf58_476d_1ce4_e5b9
        hash = (hash ^ (hash >> 27)) &* 0x94d0_49bb_1331_11eb
        return hash ^ (hash >> 31)
    }

    /// The members in their order. O(n log n)
    package static func sorted<ID: FleetIdentifier>(_ members: [ID], for version: InterfaceVersion) -> [ID] {
        members.map { (place(of: $0.rawValue, in: version), $0) }.sorted { $0 < $1 }.map(\.1)
    }

    /// The places below which this share of all lies.
    fileprivate static func end(of share: Permille) -> UInt64 { UInt64(share.rawValue) * (.max / 1_000) }
}

/// Who may be the first to try a version of which nothing is known, outside any rollout.
package enum Explorers: Sendable {
    /// Of a small fleet: that share of it, and one instance at least.
    case these(Set<InstanceID>)
    /// Of a large one, which need not be gone through for it: those whose place is early enough, about that share.
    case share(Permille, of: InterfaceVersion)

    package static let none = Self.these([])
    private static let smallFleet = 1_000

    /// O(n log n) in a small fleet, else O(1).
    package init(among instances: some Collection<InstanceID>, of version: InterfaceVersion, share: Permille) {
        guard instances.count <= Self.smallFleet else {
            self = .share(share, of: version)
            return
        }
        let count = instances.isEmpty ? 0 : share.atLeastOne(of: instances.count)
        self = .these(Set(CohortOrder.sorted(Array(instances), for: version).prefix(count)))
    }

    package func contains(_ instance: InstanceID) -> Bool {
        switch self {
        case .these(let instances): instances.contains(instance)
        case .share(let share, of: let version):
            CohortOrder.place(of: instance.rawValue, in: version) < CohortOrder.end(of: share)
        }
    }
}
