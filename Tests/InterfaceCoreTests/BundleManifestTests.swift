import FleetModel
import InterfaceCore
import Testing

@Suite struct BundleManifestTests {
    @Test func equalManifestsHaveEqualBytesWhateverTheOrderOfTheirLists() throws {
        let one = try makeManifest(
            capabilities: ["b", "a"], extra: [try bundleFile("z"), try bundleFile("a")],
            testedWith: [try digest(2), try digest(1)])
        let other = try makeManifest(
            capabilities: ["a", "b"], extra: [try bundleFile("a"), try bundleFile("z")],
            testedWith: [try digest(1), try digest(2)])
        #expect(one == other && one.encoded() == other.encoded())
    }

    @Test(arguments: ["", "OpenCL", "open/cl", "..", "1cl", "-cl", "open cl", String(repeating: "a", count: 33)])
    func aKindIsAPlainName(kind: String) {
        #expect(throws: ManifestError.self) { try makeManifest(kind: kind) }
    }

    @Test func aBundleHasOneClientLibraryAndOneWorker() throws {
        let second = try bundleFile("bin/other", .worker)
        #expect(throws: ManifestError(.role, "2 files with the role worker")) { try makeManifest(extra: [second]) }
        #expect(throws: ManifestError(.role, "0 files with the role clientLibrary")) {
            try BundleManifest(
                kind: "opencl", version: SemanticVersion(1, 0, 0), platform: .current, wireRevisions: 1...1,
                files: [second])
        }
        let manifest = try makeManifest()
        #expect(manifest.file(of: .worker)?.path.text == "bin/worker")
        #expect(manifest.file(of: .worker)?.isExecutable == true)
    }

    @Test func noPathStandsTwiceAndNoFileIsAFolder() throws {
        let twice = try bundleFile("lib/client.so")
        #expect(throws: ManifestError(.duplicate, "two lib/client.so")) { try makeManifest(extra: [twice]) }
        let folder = try bundleFile("lib")
        #expect(throws: ManifestError(.path, "lib is a file and the folder of lib/client.so")) {
            try makeManifest(extra: [folder])
        }
    }

    @Test func sizesAndCountsAreBounded() throws {
        let huge = try bundleFile("huge", size: BundleManifest.maximumTotalSize)
        #expect(throws: ManifestError.self) { try makeManifest(extra: [huge]) }
        let negative = try bundleFile("negative", size: -1)
        #expect(throws: ManifestError.self) { try makeManifest(extra: [negative]) }
        let many = try (0...BundleManifest.maximumFiles).map { try bundleFile("f\($0)") }
        #expect(throws: ManifestError(.tooMany, "more entries than a list may have")) { try makeManifest(extra: many) }
        let largest = try makeManifest(
            extra: try (0..<(BundleManifest.maximumFiles - 2)).map {
                try bundleFile(
                    (0..<2).map { _ in String(repeating: "p", count: 100) }.joined(separator: "/") + "/\($0)")
            })
        #expect(largest.encoded().count <= BundleManifest.maximumEncodedSize)
    }

    @Test func missingCapabilitiesAreNamed() throws {
        let device = DeviceDescription(
            id: DeviceID(server: GPUServerID(unchecked: "s"), index: 0), kind: .synthetic, model: "", vendor: "",
            driverVersion: "", apiVersion: "", memory: .zero, computeUnits: 0, extensions: ["cl_khr_fp64"])
        let manifest = try makeManifest(capabilities: ["cl_khr_il_program", "cl_khr_fp64"])
        #expect(manifest.missingCapabilities(on: device) == ["cl_khr_il_program"])
    }
}

@Suite struct BundlePathTests {
    @Test(arguments: ["a", "lib/libPresyncOpenCL.so", "a/b/c/d/e/f/g/h", ".hidden", "a..b", "...", "g++-12"])
    func ordinaryPathsAreAccepted(text: String) {
        #expect(BundlePath(text)?.text == text)
    }

    @Test(arguments: [
        "", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/..", "./a", "a\\b", "a b", "a\0b", "ä", "a:b",
        "a/b/c/d/e/f/g/h/i", "%2e%2e/a", "~root", "a\n",
    ])
    func pathsThatCouldLeadElsewhereAreRefused(text: String) {
        #expect(BundlePath(text) == nil)
    }

    @Test func lengthIsBounded() {
        #expect(BundlePath(String(repeating: "a", count: 100)) != nil)
        #expect(BundlePath(String(repeating: "a", count: 101)) == nil)
        #expect(BundlePath((0..<3).map { _ in String(repeating: "a", count: 90) }.joined(separator: "/")) == nil)
    }

    @Test func ancestorsAreTheFolders() {
        #expect(BundlePath("a/b/c")?.ancestors == ["a", "a/b"])
    }
}
