/// Why a message of a peer is refused: which field, and what is wrong with it.
package struct ProtocolError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Problem: Hashable, Sendable, CustomStringConvertible {
        case missing
        /// More elements than the protocol allows.
        case tooMany(limit: Int)
        /// More bytes of text than the protocol allows.
        case tooLong(limit: Int)
        /// Not a text of the field's form.
        case malformed
        case outOfRange
        /// A value that this revision of the protocol does not list.
        case unknownValue(Int)

        package var description: String {
            switch self {
            case .missing: "missing"
            case .tooMany(let limit): "more than \(limit) elements"
            case .tooLong(let limit): "longer than \(limit) bytes"
            case .malformed: "malformed"
            case .outOfRange: "out of range"
            case .unknownValue(let raw): "unknown value \(raw)"
            }
        }
    }

    /// The path of the field from the envelope, for example `report.telemetry[3].samples[0].cpu_milli`; empty in an
    /// error of a value that has no fields.
    package var field: String
    package var problem: Problem

    package init(_ field: String, _ problem: Problem) {
        self.field = field
        self.problem = problem
    }

    package var description: String { "\(field): \(problem)" }

    /// The same error seen from the message that has this one's message as `field`.
    func within(_ outer: String) -> ProtocolError {
        ProtocolError(field.isEmpty ? outer : "\(outer).\(field)", problem)
    }
}
