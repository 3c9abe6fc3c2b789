/// The least of the numbers in a queue, which come in nearly ascending order: commands that waited for a user event come
/// after later ones.
///
/// Of a number that a later one is not above nothing is kept: it is never the least again before it leaves. What is kept
/// ascends, so that the first is the least. Adding and removing are O(1) on average.
struct OldestNumber {
    private var kept: [(position: Int, number: UInt64)] = []
    /// Of `kept`, those before it have left.
    private var first = 0
    private var added = 0
    private var removed = 0

    /// Nil where the queue is empty.
    var least: UInt64? { first < kept.count ? kept[first].number : nil }

    mutating func append(_ number: UInt64) {
        while kept.count > first, let last = kept.last, last.number >= number { kept.removeLast() }
        kept.append((added, number))
        added += 1
    }

    /// The oldest `count` leave.
    mutating func removeFirst(_ count: Int) {
        removed += count
        while first < kept.count, kept[first].position < removed { first += 1 }
        if first == kept.count || first >= Self.leastRemoved {
            kept.removeFirst(first)
            first = 0
        }
    }

    private static let leastRemoved = 4_096
}
