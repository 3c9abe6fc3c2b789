/// An object of a session, named by the client that creates it. Never used again within the session.
package struct ObjectID: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: UInt64

    package init(rawValue: UInt64) { self.rawValue = rawValue }

    /// No object: no event wanted, or a null buffer.
    package static let none = ObjectID(rawValue: 0)

    package var description: String { "o\(rawValue)" }
}

/// A request that is answered, numbered by the client. The answer that ends it carries the number back.
package struct CallID: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: UInt64

    package init(rawValue: UInt64) { self.rawValue = rawValue }

    package var description: String { "c\(rawValue)" }
}

package enum ObjectKind: UInt8, Hashable, Sendable, CaseIterable {
    case context = 1
    case queue = 2
    case buffer = 3
    case program = 4
    case kernel = 5
    case event = 6
    case sampler = 7
}

/// What a command waits for, and the event that it gives.
package struct CommandOrder: Hashable, Sendable {
    /// Events of the session; at most 4,096.
    package var waitFor: [ObjectID]
    /// The new event, or ``ObjectID/none``.
    package var event: ObjectID

    package init(waitFor: [ObjectID] = [], event: ObjectID = .none) {
        self.waitFor = waitFor
        self.event = event
    }
}

extension ByteWriter {
    mutating func write(_ id: ObjectID) { write(id.rawValue) }
    mutating func write(_ id: CallID) { write(id.rawValue) }

    mutating func write(_ ids: [ObjectID]) {
        write(UInt32(ids.count))
        for id in ids { write(id) }
    }

    mutating func write(_ order: CommandOrder) {
        write(order.event)
        write(order.waitFor)
    }
}

extension ByteReader {
    /// An id that may be ``ObjectID/none``.
    mutating func readOptionalID() throws(RemotingError) -> ObjectID { ObjectID(rawValue: try read()) }

    mutating func readID() throws(RemotingError) -> ObjectID {
        let id = try readOptionalID()
        guard id != .none else { throw RemotingError(.malformed, "the object 0") }
        return id
    }

    mutating func readCall() throws(RemotingError) -> CallID { CallID(rawValue: try read()) }

    mutating func readIDs() throws(RemotingError) -> [ObjectID] {
        let count = try readCount(maximum: OpenCLInterface.waitList)
        var ids: [ObjectID] = []
        ids.reserveCapacity(min(count, remaining / 8))
        for _ in 0..<count { ids.append(try readID()) }
        return ids
    }

    mutating func readOrder() throws(RemotingError) -> CommandOrder {
        let event = try readOptionalID()
        return CommandOrder(waitFor: try readIDs(), event: event)
    }

    mutating func readKind() throws(RemotingError) -> ObjectKind {
        let raw: UInt8 = try read()
        guard let kind = ObjectKind(rawValue: raw) else {
            throw RemotingError(.malformed, "an object of unknown kind \(raw)")
        }
        return kind
    }
}
