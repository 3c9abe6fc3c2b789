/// Values by id, never more than a bound: what one end keeps for ids that the other chooses.
package struct ObjectTable<Value> {
    package enum InsertionError: Error, Hashable, Sendable {
        /// The id is in use.
        case duplicate
        /// As many values as there may be.
        case full
    }

    package let capacity: Int
    private var values: [ObjectID: Value] = [:]

    package init(capacity: Int) {
        self.capacity = capacity
    }

    package var count: Int { values.count }
    package var isEmpty: Bool { values.isEmpty }

    package subscript(id: ObjectID) -> Value? { values[id] }

    package mutating func insert(_ value: Value, as id: ObjectID) throws(InsertionError) {
        guard values[id] == nil else { throw .duplicate }
        guard values.count < capacity else { throw .full }
        values[id] = value
    }

    /// Puts `value` in the place of what the id has; nothing happens when it has none.
    package mutating func replace(_ id: ObjectID, with value: Value) {
        guard values[id] != nil else { return }
        values[id] = value
    }

    package mutating func remove(_ id: ObjectID) -> Value? {
        values.removeValue(forKey: id)
    }

    /// Removes everything; the values ascending by id. O(n log n).
    package mutating func removeAll() -> [Value] {
        defer { values = [:] }
        return values.sorted { $0.key.rawValue < $1.key.rawValue }.map(\.value)
    }
}

extension ObjectTable: Sendable where Value: Sendable {}
