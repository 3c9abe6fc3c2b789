/// Why something of a repository is not trusted, or could not be had.
package struct TrustError: Error, Hashable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// Not metadata of the specification's form.
        case malformed
        /// Another role's metadata, or of a specification that this client does not know.
        case wrongKind
        /// Fewer valid signatures than the role's threshold.
        case unsigned
        /// An older version than one that was trusted before: rollback.
        case rollback
        /// Not what the metadata that leads to it announces: mix-and-match, or another file.
        case mismatch
        /// Past its time: freeze.
        case expired
        /// What trusted metadata promises, the repository or the folder does not have.
        case missing
        /// More bytes, levels, values, roles or versions than allowed.
        case tooLarge
        /// No answer, or too slow a one.
        case unreachable
        /// There is no trusted root yet.
        case notInitialised
        /// The client's own files could not be read or written.
        case storage
    }

    package var code: Code
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
