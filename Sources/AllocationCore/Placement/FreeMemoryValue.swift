/// What a device's free memory is worth to the slices that are to come, by how much is free.
///
/// The two costs of ``FragmentationPlacer`` that bear on one device, for memory: the growth of fragmentation (Weng et
/// al., USENIX ATC 2023: what is free and too little for a slice, by how often such slices are asked for), and the waste
/// that ``GapPrices`` says. Where nothing but small slices is expected every part of a device is worth the same
/// (``isFlat``), and slices may be spread; where large ones come beside them, small ones that are spread over all
/// devices would leave no room for these.
struct FreeMemoryValue: Hashable, Sendable {
    /// Parts of a device of the greatest size that are told apart. Amounts are rounded up to them.
    static let parts = 64
    /// As in ``FragmentationPlacer/Weights/waste``.
    private static let wasteWeight = 10

    /// Every amount is worth the same: nothing is known of what is to come.
    static let unknown = FreeMemoryValue()

    /// Bytes in a part; at least 1.
    let part: Int64
    /// What is lost to slices to come where so many parts are free, in millionths of a device; 65 figures.
    private let lost: [Int]
    /// Whether it makes no difference where a slice is placed.
    let isFlat: Bool
    /// Of 1,000 expected slices, how many come to so many parts: what it was made of.
    private let expected: [Int]

    private init() {
        (part, isFlat, expected) = (1, true, [])
        lost = [Int](repeating: 0, count: Self.parts + 1)
    }

    /// - Parameters:
    ///   - counts: how many slices are expected of so many parts, ``parts`` + 1 figures; more than a device's are left out.
    ///   - greatest: the memory of the largest device in bytes, above 0.
    init(counts: [Int], greatest: Int64) {
        precondition(counts.count == Self.parts + 1 && greatest > 0)
        let total = max(counts.dropFirst().reduce(0, +), 1)
        let prices = GapPrices(
            counts: Dictionary(uniqueKeysWithValues: counts.enumerated().map { ($0.offset, $0.element) }),
            whole: Self.parts)
        var tooLarge = total
        lost = zip(counts.indices, prices.waste).map { free, waste in
            if free > 0 { tooLarge -= counts[free] }
            return tooLarge * (free * 1_000_000 / Self.parts) / total + Self.wasteWeight * waste
        }
        part = Self.part(of: greatest)
        isFlat = lost.allSatisfy { $0 == 0 }
        expected = Self.perThousand(counts)
    }

    /// Bytes in a part of a device of so much memory, rounded up.
    static func part(of greatest: Int64) -> Int64 { (greatest + Int64(parts) - 1) / Int64(parts) }

    /// Whether what is expected now is near enough to what this was made of: at most one slice in twenty differs.
    func stillHolds(for counts: [Int], greatest: Int64) -> Bool {
        guard part == Self.part(of: greatest), !expected.isEmpty else { return false }
        return zip(expected, Self.perThousand(counts)).reduce(0) { $0 + abs($1.0 - $1.1) } <= 100
    }

    /// What placing a slice of so many parts where so many are free costs those to come, in millionths of a device; it
    /// may be below 0.
    func cost(of slice: Int, where free: Int) -> Int { lost[max(free - slice, 0)] - lost[free] }

    private static func perThousand(_ counts: [Int]) -> [Int] {
        let total = max(counts.dropFirst().reduce(0, +), 1)
        return counts.dropFirst().map { $0 * 1_000 / total }
    }
}
