import RemotingCore
import Testing

@Suite struct ObjectTableTests {
    @Test func aTableHoldsNoMoreThanItsCapacity() throws {
        var table = ObjectTable<String>(capacity: 2)
        try table.insert("a", as: ObjectID(rawValue: 9))
        try table.insert("b", as: ObjectID(rawValue: 1))
        #expect(throws: ObjectTable<String>.InsertionError.duplicate) {
            try table.insert("c", as: ObjectID(rawValue: 9))
        }
        #expect(throws: ObjectTable<String>.InsertionError.full) {
            try table.insert("c", as: ObjectID(rawValue: 3))
        }
        #expect(table[ObjectID(rawValue: 9)] == "a")
        #expect(table.remove(ObjectID(rawValue: 9)) == "a")
        try table.insert("c", as: ObjectID(rawValue: 3))
        #expect(table.removeAll() == ["b", "c"])
        #expect(table.isEmpty)
    }
}
