import Determinism
import FleetModel
import InterfaceCore
import Testing

@Suite struct ManifestEncodingTests {
    /// The bytes are the bundle's identity: a change here is a new format.
    @Test func theBytesAreAsDocumented() throws {
        let manifest = try BundleManifest(
            kind: "cl", version: SemanticVersion(1, 0, 0),
            platform: try #require(BundlePlatform(operatingSystem: "linux", architecture: "x86_64", libc: "glibc")),
            wireRevisions: 1...2, requiredCapabilities: ["x"],
            files: [try bundleFile("c", .clientLibrary, size: 258), try bundleFile("w", .worker, size: 3)],
            testedWith: [try digest(9)])
        var expected: [UInt8] = Array("PSBM".utf8) + [0, 1]
        for text in ["cl", "1.0.0", "linux", "x86_64", "glibc"] { expected += [0, UInt8(text.utf8.count)] + text.utf8 }
        expected += [0, 0, 0, 1, 0, 0, 0, 2]
        expected += [0, 1, 0, 1] + "x".utf8
        let digestOfFile = [UInt8](repeating: 1, count: 32)
        expected += [0, 2, 0, 1] + "c".utf8 + [1, 0, 0, 0, 0, 0, 0, 1, 2] + digestOfFile
        expected += [0, 1] + "w".utf8 + [2, 0, 0, 0, 0, 0, 0, 0, 3] + digestOfFile
        expected += [0, 1] + [UInt8](repeating: 9, count: 32)
        #expect(manifest.encoded() == expected)
    }

    @Test(arguments: 0..<50 as Range<UInt64>)
    func whatIsWrittenIsReadBack(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let manifest = try BundleManifest.random(from: &random)
        #expect(try BundleManifest(decoding: manifest.encoded()) == manifest)
    }

    /// Every change of the bytes is refused or is another manifest in its own canonical form: no two byte strings
    /// mean the same bundle.
    @Test(arguments: 0..<200 as Range<UInt64>)
    func damagedBytesNeverPassForTheSameManifest(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let manifest = try BundleManifest.random(from: &random)
        let bytes = manifest.encoded()
        for _ in 0..<50 {
            var damaged = bytes
            switch random.below(4) {
            case 0: damaged[Int(random.below(UInt64(bytes.count)))] ^= UInt8(1 + random.below(255))
            case 1: damaged.removeLast(1 + Int(random.below(UInt64(bytes.count))))
            case 2: damaged.append(UInt8(random.below(256)))
            default: damaged.insert(UInt8(random.below(256)), at: Int(random.below(UInt64(bytes.count))))
            }
            guard damaged != bytes, let decoded = try? BundleManifest(decoding: damaged) else { continue }
            #expect(decoded != manifest && decoded.encoded() == damaged)
        }
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func noiseIsRefused(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let header: [UInt8] = random.chance(1, in: 2) ? Array("PSBM".utf8) + [0, 1] : []
        let noise = header + (0..<random.below(400)).map { _ in UInt8(random.below(256)) }
        #expect(throws: ManifestError.self) { try BundleManifest(decoding: noise) }
    }

    @Test func listsOutOfOrderAreRefused() throws {
        let manifest = try makeManifest(testedWith: [try digest(1), try digest(2)])
        let bytes = manifest.encoded()
        let swapped = bytes.dropLast(64) + bytes.suffix(32) + bytes.suffix(64).prefix(32)
        #expect(throws: ManifestError(.notCanonical, "the bytes are not in canonical form")) {
            try BundleManifest(decoding: Array(swapped))
        }
    }

    @Test func anotherFormatIsNamed() throws {
        var bytes = try makeManifest().encoded()
        bytes[5] = 7
        #expect(throws: ManifestError(.format, "format 7, where this build reads 1 to 3")) {
            try BundleManifest(decoding: bytes)
        }
    }

    @Test func moreBytesThanAManifestHasAreRefusedUnread() {
        let bytes = [UInt8](repeating: 0, count: BundleManifest.maximumEncodedSize + 1)
        #expect(throws: ManifestError.self) { try BundleManifest(decoding: bytes) }
    }
}
