/// What was wrong with bytes that a peer sent, or with what was asked of a stream that has ended.
package struct RemotingError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// The bytes end before the value does.
        case truncated
        /// A length or a count is above its stated bound.
        case oversized
        /// A field has a value that it may not have, or bytes are left over after a message.
        case malformed
        /// The peer speaks something else, or another revision of this.
        case protocolMismatch
        /// A frame came out of order, or acknowledges what was never sent.
        case sequenceBroken
        /// The peer sent more than its credit, or gave more credit than can be counted.
        case creditExceeded
        /// A frame or message of a kind that may not come at this point.
        case unexpected
        /// The peer does not read what it is sent.
        case peerNotReading
        /// The stream has ended: nothing more can be sent on it.
        case closed
        /// A defect of this program: the stream refuses to go on rather than send wrong bytes.
        case defect
    }
    package var code: Code
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
