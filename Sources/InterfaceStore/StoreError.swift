/// Why a store could not do what was asked of it.
package struct StoreError: Error, Hashable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// The source, the store or the file system does not have it.
        case notFound
        /// The bytes are not those that the digest or the manifest names.
        case tampered
        /// A manifest that this build cannot read or use, or a source that is neither a URL nor a folder.
        case malformed
        /// More bytes came than were announced.
        case tooLarge
        /// The source did not answer, or refused.
        case unreachable
        case timedOut
        /// The operating system refused; the message has its reason.
        case system
    }

    package var code: Code
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
