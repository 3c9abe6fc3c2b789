/// Devices ordered by one figure (the key), each with a second one (its capacity): finds the first device from a key
/// on whose capacity is large enough.
///
/// A treap over slots (Seidel and Aragon, "Randomized search trees", Algorithmica 1996) in which each node knows the
/// greatest capacity beneath it. Every operation takes O(log count) expected; equal keys stand in the order in which
/// their devices were added. Node priorities are a hash of that order, so the shape does not depend on names.
struct PlacementIndex: Sendable {
    private struct Node {
        var key: Int64 = 0
        var order: UInt64 = 0
        var capacity: Int64 = 0
        /// The greatest capacity of this node and all beneath it.
        var greatest: Int64 = 0
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
            key: key, order: order, capacity: capacity, greatest: capacity, priority: Self.priority(of: order))
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
        var greatest = nodes[index].capacity
        for child in [nodes[index].left, nodes[index].right] where child != Self.none {
            greatest = max(greatest, nodes[Int(child)].greatest)
        }
        nodes[index].greatest = greatest
    }

    /// The finaliser of SplitMix64: neighbours get unrelated priorities.
    private static func priority(of order: UInt64) -> UInt64 {
        var mixed = order &+ 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
