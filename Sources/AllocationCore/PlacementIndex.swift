/// Devices ordered by one figure (the key), each with a second one (its capacity): finds the first device from a key
/// on whose capacity is large enough, and the one with the greatest capacity between two keys.
///
/// A treap over slots (Seidel and Aragon, "Randomized search trees", Algorithmica 1996) in which each node knows the
/// greatest capacity beneath it. Every operation takes O(log count) expected; equal keys stand in the order in which
/// their devices were added. Node priorities are a hash of that order, so the shape does not depend on names.
struct PlacementIndex: Sendable {
    private struct Node {
        var key: Int64 = 0
        var order: UInt64 = 0
        var capacity: Int64 = 0
        /// The greatest capacity of this node and all beneath it, and the least order of those that have it.
        var greatest: Int64 = 0
        var greatestOrder: UInt64 = 0
        var priority: UInt64 = 0
        var left = none
        var right = none

        func precedes(key otherKey: Int64, order otherOrder: UInt64) -> Bool {
            key == otherKey ? order < otherOrder : key < otherKey
        }
    }

    private static let none: Int32 = -1
    private var nodes: [Node] = []
    private var root = none
    private(set) var count = 0

    /// Puts a slot in that is not in yet. `order` is different for each slot.
    mutating func insert(slot: Int, order: UInt64, key: Int64, capacity: Int64) {
        while nodes.count <= slot { nodes.append(Node()) }
        nodes[slot] = Node(
            key: key, order: order, capacity: capacity, greatest: capacity, greatestOrder: order,
            priority: Self.priority(of: order))
        let (before, after) = split(root, key: key, order: order)
        root = merge(merge(before, Int32(slot)), after)
        count += 1
    }

    /// Takes a slot out that is in.
    mutating func remove(slot: Int) {
        root = removing(slot, from: root)
        count -= 1
    }

    /// The first slot, by key and then by order of addition, with a key of at least `key` and that much capacity.
    /// - Parameter admits: which slots are looked at; each that it refuses costs a visit more.
    func first(
        keyAtLeast key: Int64, capacityAtLeast capacity: Int64, where admits: (Int) -> Bool = { _ in true }
    ) -> Int? {
        let found = first(under: root, keyAtLeast: key, capacityAtLeast: capacity, where: admits)
        return found == Self.none ? nil : Int(found)
    }

    /// The greatest capacity of all; nil when empty. O(1)
    var greatestCapacity: Int64? { root == Self.none ? nil : nodes[Int(root)].greatest }

    /// The greatest capacity among the slots with a key of at least `key`; nil where there is none.
    func greatestCapacity(keyAtLeast key: Int64) -> Int64? {
        var greatest: Int64?
        var node = root
        while node != Self.none {
            let current = nodes[Int(node)]
            guard current.key >= key else {
                node = current.right
                continue
            }
            greatest = max(greatest ?? current.capacity, current.capacity)
            if current.right != Self.none { greatest = max(greatest ?? .min, nodes[Int(current.right)].greatest) }
            node = current.left
        }
        return greatest
    }

    /// The slot with the greatest capacity of those with a key in `keys`, of equals the one that was added first; nil
    /// where there is none.
    /// - Parameter admits: which slots are looked at; those that it refuses cost visits more.
    func greatest(
        keysIn keys: ClosedRange<Int64>, where admits: (Int) -> Bool = { _ in true }
    ) -> (slot: Int, capacity: Int64)? {
        var best: Int32 = Self.none
        findGreatest(under: root, keys, &best, where: admits)
        return best == Self.none ? nil : (Int(best), nodes[Int(best)].capacity)
    }

    private func findGreatest(
        under node: Int32, _ keys: ClosedRange<Int64>, _ best: inout Int32, where admits: (Int) -> Bool
    ) {
        guard node != Self.none else { return }
        let current = nodes[Int(node)]
        func isGreater(_ capacity: Int64, _ order: UInt64) -> Bool {
            guard best != Self.none else { return true }
            let found = nodes[Int(best)]
            return Self.isGreater(capacity, order, than: found.capacity, found.order)
        }
        guard isGreater(current.greatest, current.greatestOrder) else { return }
        if current.key < keys.lowerBound { return findGreatest(under: current.right, keys, &best, where: admits) }
        if current.key > keys.upperBound { return findGreatest(under: current.left, keys, &best, where: admits) }
        if isGreater(current.capacity, current.order), admits(Int(node)) { best = node }
        // The side that has more first: what is found there spares most of the other.
        let (left, right) = (current.left, current.right)
        let isRightFirst = left == Self.none || (right != Self.none && hasMore(right, than: left))
        findGreatest(under: isRightFirst ? right : left, keys, &best, where: admits)
        findGreatest(under: isRightFirst ? left : right, keys, &best, where: admits)
    }

    private func hasMore(_ node: Int32, than other: Int32) -> Bool {
        let (one, two) = (nodes[Int(node)], nodes[Int(other)])
        return Self.isGreater(one.greatest, one.greatestOrder, than: two.greatest, two.greatestOrder)
    }

    /// The greatest key; nil when empty.
    var greatestKey: Int64? {
        guard root != Self.none else { return nil }
        var node = root
        while nodes[Int(node)].right != Self.none { node = nodes[Int(node)].right }
        return nodes[Int(node)].key
    }

    /// All slots in order, with their figures. O(count)
    func entries() -> [(slot: Int, key: Int64, capacity: Int64)] {
        var entries: [(slot: Int, key: Int64, capacity: Int64)] = []
        func visit(_ node: Int32) {
            guard node != Self.none else { return }
            visit(nodes[Int(node)].left)
            entries.append((Int(node), nodes[Int(node)].key, nodes[Int(node)].capacity))
            visit(nodes[Int(node)].right)
        }
        visit(root)
        return entries
    }

    private func first(
        under node: Int32, keyAtLeast key: Int64, capacityAtLeast capacity: Int64, where admits: (Int) -> Bool
    ) -> Int32 {
        guard node != Self.none else { return Self.none }
        let current = nodes[Int(node)]
        guard current.greatest >= capacity else { return Self.none }
        if current.key >= key {
            let earlier = first(under: current.left, keyAtLeast: key, capacityAtLeast: capacity, where: admits)
            if earlier != Self.none { return earlier }
            if current.capacity >= capacity, admits(Int(node)) { return node }
        }
        return first(under: current.right, keyAtLeast: key, capacityAtLeast: capacity, where: admits)
    }

    /// The nodes before the given place, and those from it on.
    private mutating func split(_ node: Int32, key: Int64, order: UInt64) -> (before: Int32, after: Int32) {
        guard node != Self.none else { return (Self.none, Self.none) }
        let index = Int(node)
        if nodes[index].precedes(key: key, order: order) {
            let (before, after) = split(nodes[index].right, key: key, order: order)
            nodes[index].right = before
            refresh(index)
            return (node, after)
        }
        let (before, after) = split(nodes[index].left, key: key, order: order)
        nodes[index].left = after
        refresh(index)
        return (before, node)
    }

    /// One tree of two, all of the first before all of the second.
    private mutating func merge(_ first: Int32, _ second: Int32) -> Int32 {
        if first == Self.none { return second }
        if second == Self.none { return first }
        if nodes[Int(first)].priority > nodes[Int(second)].priority {
            nodes[Int(first)].right = merge(nodes[Int(first)].right, second)
            refresh(Int(first))
            return first
        }
        nodes[Int(second)].left = merge(first, nodes[Int(second)].left)
        refresh(Int(second))
        return second
    }

    private mutating func removing(_ slot: Int, from node: Int32) -> Int32 {
        precondition(node != Self.none, "a slot is taken out that is not in")
        let index = Int(node)
        if index == slot { return merge(nodes[index].left, nodes[index].right) }
        if nodes[index].precedes(key: nodes[slot].key, order: nodes[slot].order) {
            nodes[index].right = removing(slot, from: nodes[index].right)
        } else {
            nodes[index].left = removing(slot, from: nodes[index].left)
        }
        refresh(index)
        return node
    }

    private mutating func refresh(_ index: Int) {
        var (greatest, order) = (nodes[index].capacity, nodes[index].order)
        func take(_ child: Int32) {
            guard child != Self.none else { return }
            let beneath = nodes[Int(child)]
            guard Self.isGreater(beneath.greatest, beneath.greatestOrder, than: greatest, order) else { return }
            (greatest, order) = (beneath.greatest, beneath.greatestOrder)
        }
        take(nodes[index].left)
        take(nodes[index].right)
        nodes[index].greatest = greatest
        nodes[index].greatestOrder = order
    }

    /// More capacity, or as much and added earlier.
    private static func isGreater(_ capacity: Int64, _ order: UInt64, than other: Int64, _ otherOrder: UInt64) -> Bool {
        capacity == other ? order < otherOrder : capacity > other
    }

    /// The finaliser of SplitMix64: neighbours get unrelated priorities.
    private static func priority(of order: UInt64) -> UInt64 {
        var mixed = order &+ 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
