import Determinism
import FleetModel
import InterfaceCore
import Testing

func digest(_ byte: UInt8) throws -> ContentDigest {
    try #require(ContentDigest(bytes: [UInt8](repeating: byte, count: 32)))
}

func bundleFile(_ path: String, _ role: BundleFile.Role = .support, size: Int64 = 10) throws -> BundleFile {
    BundleFile(path: try #require(BundlePath(path)), role: role, size: size, digest: try digest(1))
}

/// A valid manifest; what a test is about is named.
func makeManifest(
    kind: String = "opencl", version: SemanticVersion = SemanticVersion(1, 2, 3),
    wireRevisions: ClosedRange<UInt32> = 1...2, capabilities: [String] = [], extra: [BundleFile] = [],
    testedWith: [ContentDigest] = []
) throws -> BundleManifest {
    try BundleManifest(
        kind: kind, version: version, platform: .current, wireRevisions: wireRevisions,
        requiredCapabilities: capabilities,
        files: [try bundleFile("lib/client.so", .clientLibrary), try bundleFile("bin/worker", .worker)] + extra,
        testedWith: testedWith)
}

extension BundleManifest {
    /// Any valid manifest.
    static func random(from random: inout SeededGenerator) throws -> BundleManifest {
        var extra: [BundleFile] = []
        for number in 0..<random.below(6) {
            extra.append(try bundleFile("share/f\(number)-\(random.next())", size: Int64(random.below(1 << 30))))
        }
        return try makeManifest(
            kind: ["opencl", "a", "x-2"][Int(random.below(3))],
            version: SemanticVersion(
                UInt32(random.below(100)), UInt32(truncatingIfNeeded: random.next()), 0,
                prerelease: random.chance(1, in: 2) ? ["rc", "\(random.below(10))"] : []),
            wireRevisions: 0...UInt32(random.below(9)),
            capabilities: (0..<random.below(4)).map { "cl_khr_\($0)" }.shuffled(using: &random), extra: extra,
            testedWith: try (0..<UInt8(random.below(4))).map { try digest($0) }.shuffled(using: &random))
    }
}
