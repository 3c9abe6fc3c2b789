/// A name that people and machines give to a member of the fleet.
///
/// Every identifier is a type of its own, so that an instance's name cannot be passed where a server's is meant.
/// The text is 1 to 128 characters from `A-Z a-z 0-9 . _ : / @ -`: it is safe in a metric label, a log line, a file
/// name (after `/` and `:` are escaped) and on a screen.
package protocol FleetIdentifier: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible, Codable
where RawValue == String {
    init(unchecked rawValue: String)
}

extension FleetIdentifier {
    /// The identifier for `rawValue`, or nil when that is empty, too long or has a character outside the alphabet.
    package init?(rawValue: String) {
        guard IdentifierAlphabet.accepts(rawValue) else { return nil }
        self.init(unchecked: rawValue)
    }

    package var description: String { rawValue }

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// What may stand in an identifier.
package enum IdentifierAlphabet {
    package static let maximumLength = 128

    /// Whether `text` is a well-formed identifier. O(length), and bounded by ``maximumLength``.
    package static func accepts(_ text: String) -> Bool {
        let bytes = text.utf8
        guard !bytes.isEmpty, bytes.count <= maximumLength else { return false }
        return bytes.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: ":"), UInt8(ascii: "/"), UInt8(ascii: "@"),
                UInt8(ascii: "-"):
                true
            default:
                false
            }
        }
    }
}

/// A compute instance: a VM, container or process tree that has no GPU of its own.
package struct InstanceID: FleetIdentifier {
    package let rawValue: String
    package init(unchecked rawValue: String) { self.rawValue = rawValue }
}

/// Who an instance belongs to. Quotas and isolation are per tenant.
package struct TenantID: FleetIdentifier {
    package let rawValue: String
    package init(unchecked rawValue: String) { self.rawValue = rawValue }
}

/// What kind of program an instance runs, as declared or recognised (`chat`, `render`, `training`).
package struct ApplicationType: FleetIdentifier {
    package let rawValue: String
    package init(unchecked rawValue: String) { self.rawValue = rawValue }
}

/// Who uses an instance, by a name that stays the same and says no more: a number, or what was declared. It means
/// something within one tenant only.
package struct UserID: FleetIdentifier {
    package let rawValue: String
    package init(unchecked rawValue: String) { self.rawValue = rawValue }
}

/// The agent of one host.
package struct AgentID: FleetIdentifier {
    package let rawValue: String
    package init(unchecked rawValue: String) { self.rawValue = rawValue }
}

/// A host that owns devices.
package struct GPUServerID: FleetIdentifier {
    package let rawValue: String
    package init(unchecked rawValue: String) { self.rawValue = rawValue }
}

/// What fails together: a rack, a power feed, a zone.
package struct FailureDomain: FleetIdentifier {
    package let rawValue: String
    package init(unchecked rawValue: String) { self.rawValue = rawValue }
}

/// One device of one GPU server. `index` counts from 0 in the order in which the server lists its devices.
package struct DeviceID: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    package var server: GPUServerID
    package var index: Int

    package init(server: GPUServerID, index: Int) {
        self.server = server
        self.index = index
    }

    package var description: String { "\(server)#\(index)" }

    package static func < (left: Self, right: Self) -> Bool {
        left.server == right.server ? left.index < right.index : left.server < right.server
    }
}

/// A priority class by its name.
package struct PriorityClassName: FleetIdentifier {
    package let rawValue: String
    package init(unchecked rawValue: String) { self.rawValue = rawValue }
}

/// One grant of a slice to an instance, and the session that it is for. Given by the manager, never used again.
package struct GrantID: RawRepresentable, Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
    package var description: String { "g\(rawValue)" }
    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// A program's request for its virtual GPU, numbered by the agent that received it.
package struct RequestID: RawRepresentable, Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
    package var description: String { "r\(rawValue)" }
    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
