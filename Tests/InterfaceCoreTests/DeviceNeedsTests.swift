import FleetModel
import InterfaceCore
import Testing

@Suite struct DeviceNeedsTests {
    private static func device(
        vendor: String = "NVIDIA Corporation", driver: String = "535.129.03", api: String = "OpenCL 3.0 CUDA"
    ) throws -> DeviceDescription {
        let server = try #require(GPUServerID(rawValue: "s"))
        return DeviceDescription(
            id: DeviceID(server: server, index: 0), kind: .openCL, model: "m", vendor: vendor, driverVersion: driver,
            apiVersion: api, memory: .zero, computeUnits: 1, extensions: [])
    }

    private static func version(_ text: String) throws -> DottedVersion { try #require(DottedVersion(text)) }

    private static func needs(_ driver: String) throws -> DeviceNeeds {
        DeviceNeeds(
            leastOpenCL: try version("1.2"),
            drivers: [try #require(DeviceNeeds.Driver(vendor: "NVIDIA", least: try version(driver)))])
    }

    @Test(arguments: [
        ("535.129", []), ("535.129.3", []), ("535.130", ["driver 535.130 of NVIDIA (it has 535.129.3)"]),
        ("9", []), ("1000", ["driver 1000 of NVIDIA (it has 535.129.3)"]),
    ])
    func aDriverIsComparedByItsNumbers(least: String, unmet: [String]) throws {
        #expect(try Self.needs(least).unmet(by: try Self.device()) == unmet)
    }

    @Test func aDriverOfAnotherVendorAndOneThatSaysNothingWillDo() throws {
        let needs = try Self.needs("1000")
        #expect(needs.unmet(by: try Self.device(vendor: "The pocl project", driver: "3.1")) == [])
        #expect(needs.unmet(by: try Self.device(driver: "unknown")) == [])
    }

    @Test(arguments: [
        ("OpenCL 1.1 old", ["OpenCL 1.2 (it has 1.1)"]), ("OpenCL 1.2", []), ("OpenCL 3.0 PoCL", []), ("", []),
    ])
    func theVersionOfOpenCLIsCompared(api: String, unmet: [String]) throws {
        #expect(try Self.needs("1").unmet(by: try Self.device(api: api)) == unmet)
    }

    @Test func aManifestThatSaysItIsReadBackAndHasItsOwnFormat() throws {
        let plain = try makeManifest()
        let manifest = try BundleManifest(
            kind: plain.kind, version: plain.version, platform: plain.platform, wireRevisions: plain.wireRevisions,
            files: plain.files, deviceNeeds: try Self.needs("535.1"))
        let bytes = manifest.encoded()
        #expect(Array(bytes[4..<6]) == [0, 3] && Array(plain.encoded()[4..<6]) == [0, 1])
        #expect(try BundleManifest(decoding: bytes) == manifest)
        // Digits that would be read as the same number are not the one encoding that there is.
        var other = bytes
        other[bytes.count - 1] = UInt8(ascii: "x")
        #expect(throws: ManifestError.self) { try BundleManifest(decoding: other) }
        #expect(manifest.unmetNeeds(of: try Self.device(driver: "100")) == ["driver 535.1 of NVIDIA (it has 100)"])
    }

    @Test(arguments: ["", ".", "1.", "1..2", "1.2.3.4.5", "-1", "a", "99999999999"])
    func whatIsNoVersionIsRefused(text: String) { #expect(DottedVersion(text) == nil) }
}
