import FleetModel

/// What one instance's cache holds.
struct KernelCacheContents: Hashable, Sendable {
    /// The folder's name.
    var name: String
    /// What it takes of the disk, entries and leftovers included.
    var bytes: Int64
    /// When anything in it was last written, in seconds since 1970: drivers mark what they use.
    var lastUse: Int64
    /// Programs that can be removed one by one, and are compiled again when they are wanted.
    var programs: [KernelCacheEntry] = []
    /// Drafts that a driver did not get to remove: it was killed.
    var leftovers: [KernelCacheEntry] = []
    /// Whether there is more in it than is looked at.
    var isBeyondMeasure = false
}

/// A file or folder of a cache.
struct KernelCacheEntry: Hashable, Sendable {
    /// Below the instance's folder.
    var path: String
    var bytes: Int64
    var lastUse: Int64
}

/// What is taken from caches so that they keep to their limits: what was used longest ago goes first, and nothing of an
/// instance that has a worker.
struct KernelCachePlan: Hashable, Sendable {
    struct Removal: Hashable, Sendable {
        var name: String
        /// The entries to remove; nil for the whole folder.
        var paths: [String]?
    }

    /// Ascending by name.
    private(set) var removals: [Removal] = []
    /// Folders in use that have grown beyond what a running worker may make of them, ascending.
    private(set) var overgrown: [String] = []
    /// Bytes that remain.
    private(set) var remaining: Int64 = 0

    /// - Parameters:
    ///   - now: seconds since 1970.
    ///   - used: names of the folders of instances that have workers.
    init(_ caches: [KernelCacheContents], used: Set<String>, limits: KernelCacheLimits, now: Int64) {
        let age = limits.age.nanoseconds / 1_000_000_000
        var taken: [String: Taken] = [:]
        var units: [Unit] = []
        for cache in caches.sorted(by: { $0.name < $1.name }) {
            guard !used.contains(cache.name) else {
                if cache.isBeyondMeasure || cache.bytes > limits.ofRunning.rawValue { overgrown.append(cache.name) }
                remaining += cache.bytes
                continue
            }
            if cache.isBeyondMeasure || now > cache.lastUse && now - cache.lastUse > age {
                removals.append(Removal(name: cache.name, paths: nil))
                continue
            }
            var mine = Taken(cache)
            let own = Unit.all(of: cache)
            for unit in own where mine.left > limits.perInstance.rawValue { mine.take(unit) }
            taken[cache.name] = mine
            remaining += mine.left
            units += own.filter { !mine.holds($0) }
        }
        for unit in units.sorted(by: Unit.isBefore) where remaining > limits.inAll.rawValue {
            guard let before = taken[unit.name]?.left else { continue }
            taken[unit.name]?.take(unit)
            remaining -= before - (taken[unit.name]?.left ?? before)
        }
        removals += taken.values.compactMap(\.removal)
        removals.sort { $0.name < $1.name }
    }

    /// What is removed at once: a program, or what is left of a folder when its programs are gone.
    private struct Unit {
        var name: String
        var entry: KernelCacheEntry?
        var lastUse: Int64

        /// Oldest use first; the folder itself is last.
        static func all(of cache: KernelCacheContents) -> [Unit] {
            cache.programs.map { Unit(name: cache.name, entry: $0, lastUse: $0.lastUse) }.sorted(by: isBefore)
                + [Unit(name: cache.name, entry: nil, lastUse: cache.lastUse)]
        }

        static func isBefore(_ one: Unit, _ other: Unit) -> Bool {
            (one.lastUse, one.entry == nil ? 1 : 0, one.name, one.entry?.path ?? "")
                < (other.lastUse, other.entry == nil ? 1 : 0, other.name, other.entry?.path ?? "")
        }
    }

    /// What is taken from one folder.
    private struct Taken {
        let name: String
        var left: Int64
        private var paths: [String]
        private var programs: Set<String> = []
        private var isWhole = false

        init(_ cache: KernelCacheContents) {
            name = cache.name
            left = cache.bytes - cache.leftovers.reduce(0) { $0 + $1.bytes }
            paths = cache.leftovers.map(\.path)
        }

        mutating func take(_ unit: Unit) {
            guard let entry = unit.entry else {
                isWhole = true
                return left = 0
            }
            left -= entry.bytes
            paths.append(entry.path)
            programs.insert(entry.path)
        }

        func holds(_ unit: Unit) -> Bool { isWhole || unit.entry.map { programs.contains($0.path) } ?? false }

        var removal: Removal? {
            if isWhole { return Removal(name: name, paths: nil) }
            return paths.isEmpty ? nil : Removal(name: name, paths: paths.sorted())
        }
    }
}
