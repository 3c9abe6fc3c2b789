/// Which interface one end of a session runs: its kind, its semantic version, and the digest of its bundle.
package struct InterfaceIdentity: Hashable, Sendable, CustomStringConvertible {
    /// `opencl` for the first interface.
    package var kind: String
    package var version: String
    /// SHA-256 of the bundle's manifest, 32 bytes.
    package var digest: [UInt8]
    /// Of a worker, digests of older bundles whose clients it was tested with and serves, as its signed manifest names
    /// them; at most 64. Of a client none count.
    package var testedWith: [[UInt8]]

    /// Nil unless the kind is 1 to 32 bytes, the version 1 to 64, and each digest 32.
    package init?(kind: String, version: String, digest: [UInt8], testedWith: [[UInt8]] = []) {
        guard (1...SessionLimits.interfaceKind).contains(kind.utf8.count),
            (1...SessionLimits.semanticVersion).contains(version.utf8.count), digest.count == Self.digestLength,
            testedWith.count <= SessionLimits.acceptedDigests,
            testedWith.allSatisfy({ $0.count == Self.digestLength })
        else { return nil }
        self.kind = kind
        self.version = version
        self.digest = digest
        self.testedWith = testedWith
    }

    package static let digestLength = 32

    /// For example `opencl 0.1.0 (1f2e3d4c5b6a)`.
    package var description: String {
        let short = digest.prefix(6).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        return "\(kind) \(version) (\(short))"
    }

    /// Whether this client may have a session with a worker: they run the same bundle, or the worker's, which is the
    /// newer, names the client's as one that it was tested with.
    package func isServed(by worker: Self) -> Bool {
        guard kind == worker.kind else { return false }
        return (version == worker.version && digest == worker.digest) || worker.testedWith.contains(digest)
    }
}

extension ByteWriter {
    mutating func write(_ identity: InterfaceIdentity) {
        write(text: identity.kind, maximum: SessionLimits.interfaceKind)
        write(text: identity.version, maximum: SessionLimits.semanticVersion)
        write(bytes: identity.digest)
        write(UInt32(identity.testedWith.count))
        for digest in identity.testedWith { write(bytes: digest) }
    }
}

extension ByteReader {
    mutating func readIdentity() throws(RemotingError) -> InterfaceIdentity {
        let kind = try readText(maximum: SessionLimits.interfaceKind)
        let version = try readText(maximum: SessionLimits.semanticVersion)
        let digest = Array(try readBytes(count: InterfaceIdentity.digestLength))
        var tested: [[UInt8]] = []
        for _ in 0..<(try readCount(maximum: SessionLimits.acceptedDigests)) {
            tested.append(Array(try readBytes(count: InterfaceIdentity.digestLength)))
        }
        guard let identity = InterfaceIdentity(kind: kind, version: version, digest: digest, testedWith: tested)
        else { throw RemotingError(.malformed, "an interface identity without kind or version") }
        return identity
    }
}
