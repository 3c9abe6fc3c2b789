import FleetModel

/// Where each grant is, by its number: a hash table without buckets, for a step asks it some times for every instance that holds
/// something.
///
/// Open addressing with linear probing, in which a removal moves back what was displaced (Knuth, "The Art of Computer
/// Programming", volume 3, 6.4, algorithm R), and multiplicative hashing (the same section): grants are numbered by this
/// manager, one after the other, so that nobody chooses numbers that collide. At most half full. All is O(1) expected.
struct GrantPlaces: Sendable {
    private struct Entry {
        var grant: UInt64 = 0
        /// ``empty`` where there is none.
        var place = GrantPlaces.empty
    }

    private static let empty: Int32 = -1
    private static let leastCapacity = 16
    /// 2^64 divided by the golden ratio.
    private static let multiplier: UInt64 = 0x9E37_79B9_7F4A_7C15

    private var entries = [Entry](repeating: Entry(), count: Self.leastCapacity)
    private(set) var count = 0

    /// Nil where a grant is not known. O(1)
    subscript(_ grant: GrantID) -> Int? {
        entries.withUnsafeBufferPointer { entries in
            let mask = entries.count - 1
            var index = Self.home(of: grant.rawValue, among: entries.count)
            while entries[index].place != Self.empty {
                if entries[index].grant == grant.rawValue { return Int(entries[index].place) }
                index = (index + 1) & mask
            }
            return nil
        }
    }

    /// - Parameter place: 0 or more.
    mutating func set(_ grant: GrantID, to place: Int) {
        if 2 * (count + 1) > entries.count { resize(to: 2 * entries.count) }
        put(grant.rawValue, Int32(place))
    }

    /// - Returns: where it was; nil where it is not known.
    mutating func remove(_ grant: GrantID) -> Int? {
        guard let place = self[grant] else { return nil }
        let mask = entries.count - 1
        var hole = Self.home(of: grant.rawValue, among: entries.count)
        while entries[hole].grant != grant.rawValue || entries[hole].place == Self.empty { hole = (hole + 1) & mask }
        var index = (hole + 1) & mask
        while entries[index].place != Self.empty {
            let home = Self.home(of: entries[index].grant, among: entries.count)
            // Whoever would not be found any longer past the hole goes into it.
            if (index - home) & mask >= (index - hole) & mask {
                entries[hole] = entries[index]
                hole = index
            }
            index = (index + 1) & mask
        }
        entries[hole] = Entry()
        count -= 1
        if entries.count > Self.leastCapacity, 8 * count < entries.count { resize(to: entries.count / 2) }
        return place
    }

    private static func home(of grant: UInt64, among capacity: Int) -> Int {
        Int(truncatingIfNeeded: (grant &* multiplier) >> UInt64(64 - capacity.trailingZeroBitCount))
    }

    private mutating func put(_ grant: UInt64, _ place: Int32) {
        let mask = entries.count - 1
        var index = Self.home(of: grant, among: entries.count)
        while entries[index].place != Self.empty, entries[index].grant != grant { index = (index + 1) & mask }
        if entries[index].place == Self.empty { count += 1 }
        entries[index] = Entry(grant: grant, place: place)
    }

    private mutating func resize(to capacity: Int) {
        let old = entries
        entries = [Entry](repeating: Entry(), count: capacity)
        count = 0
        for entry in old where entry.place != Self.empty { put(entry.grant, entry.place) }
    }
}
