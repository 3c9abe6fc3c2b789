import Determinism
import InterfaceCore
import Testing

/// Whatever bytes a repository serves, reading them ends in a value or a ``TrustError``.
@Suite struct MetadataMutationTests {
    /// Bytes of JSON that is nearly right: what a decoder of fields has to look at.
    private static let pieces = [
        "{", "}", "[", "]", ",", ":", "\"", "null", "-1", "9223372036854775807", "\\ud800", "\"signed\"", "\"keyid\"",
        "\"2030-01-01T00:00:00Z\"", "1e9",
    ].map { Array($0.utf8) }

    private static func mutated(_ bytes: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0...random.below(4) where !bytes.isEmpty {
            let position = Int(random.below(UInt64(bytes.count)))
            switch random.below(5) {
            case 0: bytes[position] ^= 1 << UInt8(random.below(8))
            case 1: bytes.removeSubrange(position..<min(bytes.count, position + 1 + Int(random.below(40))))
            case 2: bytes.insert(contentsOf: bytes[position...].prefix(40), at: position)
            default: bytes.insert(contentsOf: pieces[Int(random.below(UInt64(pieces.count)))], at: position)
            }
        }
        return bytes
    }

    @Test(arguments: RoleName.topLevel)
    func rolesSurviveMutation(role: RoleName) {
        let right = ScriptedRepository.bytes(ScriptedRepository().document(role), signedBy: ["\(role)"])
        var random = SeededGenerator(seed: UInt64(right.count))
        var read = 0
        for _ in 0..<1_500 {
            let bytes = Self.mutated(right, &random)
            guard let metadata = try? SignedMetadata(bytes, of: role) else { continue }
            read += 1
            _ = try? RootMetadata(metadata)
            _ = try? TimestampMetadata(metadata)
            _ = try? SnapshotMetadata(metadata)
            _ = try? TargetsMetadata(metadata)
            _ = try? TrustedRoot.read(bytes, by: ScriptedCryptography())
        }
        // Enough of them reach the fields.
        #expect(read > 20)
    }
}
