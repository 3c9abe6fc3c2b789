/// How much of a device a virtual GPU has: a hard memory limit and a share of the compute.
package struct Slice: Hashable, Sendable, Codable {
    package var memory: Bytes
    package var compute: MilliShare

    package init(memory: Bytes, compute: MilliShare) {
        self.memory = memory
        self.compute = compute
    }

    package static let zero = Slice(memory: .zero, compute: .zero)
}

/// How far an instance has been prepared. Each level includes what the ones below it hold.
package enum Readiness: UInt8, Hashable, Comparable, Sendable, Codable, CaseIterable, CustomStringConvertible {
    /// Nothing exists: a first command pays for everything.
    case cold
    /// The bundle of the shared version is verified on both ends.
    case staged
    /// A worker runs with its device context open, the handshake is done, and the agent holds the connection.
    case warm
    /// Memory and compute are set aside on the device.
    case reserved
    /// The application holds the session.
    case attached

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    package var description: String {
        switch self {
        case .cold: "cold"
        case .staged: "staged"
        case .warm: "warm"
        case .reserved: "reserved"
        case .attached: "attached"
        }
    }
}

/// A fencing token: every command of a manager carries one, and a GPU server refuses any that is older than the
/// newest it has seen for that device.
///
/// The term grows, durably, each time a manager starts; the counter grows within a term. (Lamport's fencing as
/// described by Kleppmann, "Designing Data-Intensive Applications", 2017, chapter 8.)
package struct Epoch: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    package var term: UInt64
    package var counter: UInt64

    package init(term: UInt64, counter: UInt64) {
        self.term = term
        self.counter = counter
    }

    package static let zero = Epoch(term: 0, counter: 0)

    /// The next epoch of the same term.
    package var next: Epoch { Epoch(term: term, counter: counter + 1) }

    package var description: String { "\(term).\(counter)" }

    package static func < (left: Self, right: Self) -> Bool {
        left.term == right.term ? left.counter < right.counter : left.term < right.term
    }
}

/// The secret that opens exactly one session: 128 bits from the manager's cryptographic random source.
///
/// It never appears in a log or a metric: its description is a fixed text.
package struct SessionTicket: Hashable, Sendable, Codable, CustomStringConvertible {
    package var high: UInt64
    package var low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    package var description: String { "ticket" }
}

/// Where a worker listens for its one session.
package struct SessionEndpoint: Hashable, Sendable, Codable, CustomStringConvertible {
    /// A host name or numeric address that the agent can reach.
    package var host: String
    /// A TCP port.
    package var port: UInt16

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    package var description: String { host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
