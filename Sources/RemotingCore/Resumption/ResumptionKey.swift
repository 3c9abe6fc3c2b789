/// The secret by which a client proves, after a break of its connection, that the session is its own: 128 bits that it drew
/// itself and told its worker once. It never appears in a description.
package struct ResumptionKey: Hashable, Sendable, CustomStringConvertible {
    static let length = 16

    private let bytes: [UInt8]

    /// `random` fills bytes with what nobody can foresee.
    package init(drawnBy random: (UnsafeMutableRawBufferPointer) -> Void) {
        var bytes = [UInt8](repeating: 0, count: Self.length)
        bytes.withUnsafeMutableBytes(random)
        self.bytes = bytes
    }

    package var description: String { "a resumption key" }

    /// What only who has the key can make of `message`: 32 bytes (HMAC-SHA-256).
    func proof(of message: [UInt8]) -> [UInt8] { SHA256.code(message, key: bytes) }

    /// Whether `proof` is that of `message`, in a time that does not depend on where it differs.
    func proves(_ proof: [UInt8], of message: [UInt8]) -> Bool {
        let expected = self.proof(of: message)
        guard proof.count == expected.count else { return false }
        return zip(proof, expected).reduce(0 as UInt8) { $0 | ($1.0 ^ $1.1) } == 0
    }
}

extension ByteWriter {
    mutating func write(_ key: ResumptionKey) { key.write(to: &self) }
}

extension ResumptionKey {
    fileprivate func write(to writer: inout ByteWriter) { writer.write(bytes: bytes) }
}

extension ByteReader {
    mutating func readKey() throws(RemotingError) -> ResumptionKey {
        let bytes = try readBytes(count: ResumptionKey.length)
        return ResumptionKey { $0.copyBytes(from: bytes) }
    }
}
