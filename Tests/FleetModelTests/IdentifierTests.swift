import FleetModel
import Testing

@Suite struct IdentifierTests {
    @Test(arguments: ["a", "pod-7.ns:web/0@host", String(repeating: "x", count: 128)])
    func acceptsNamesThatAreSafeEverywhere(text: String) {
        #expect(InstanceID(rawValue: text)?.rawValue == text)
    }

    @Test(arguments: ["", " ", "a b", "ü", "a\n", "a\u{0}", "\"", String(repeating: "x", count: 129)])
    func refusesTheRest(text: String) {
        #expect(InstanceID(rawValue: text) == nil)
    }

    @Test func devicesOrderByServerThenIndex() {
        let (one, two) = (GPUServerID(unchecked: "a"), GPUServerID(unchecked: "b"))
        let devices = [
            DeviceID(server: two, index: 0), DeviceID(server: one, index: 10), DeviceID(server: one, index: 9),
        ]
        #expect(devices.sorted().map(\.description) == ["a#9", "a#10", "b#0"])
    }
}

@Suite struct SemanticVersionTests {
    /// The example of precedence in semver.org section 11.
    @Test func precedenceIsThatOfTheSpecification() throws {
        let texts = [
            "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11",
            "1.0.0-rc.1", "1.0.0", "2.0.0", "2.1.0", "2.1.1",
        ]
        let versions = try texts.map { try #require(SemanticVersion($0)) }
        #expect(versions.shuffled().sorted().map(\.description) == texts)
    }

    @Test(arguments: [
        "", "1", "1.2", "1.2.3.4", "01.2.3", "1.2.3-", "1.2.3-01", "1.2.3-a..b", "1.2.-3", "1.2.3-ä", "4294967296.0.0",
    ])
    func refusesWhatIsNotAVersion(text: String) {
        #expect(SemanticVersion(text) == nil)
    }
}

@Suite struct ContentDigestTests {
    @Test func survivesItsText() throws {
        let digest = try #require(ContentDigest(bytes: (0..<32).map { UInt8($0 * 8) }))
        #expect(ContentDigest(digest.description) == digest)
        #expect(ContentDigest(digest.description.uppercased()) == digest)
    }

    @Test(arguments: ["", "00", String(repeating: "g", count: 64), String(repeating: "0", count: 66)])
    func refusesOtherTexts(text: String) {
        #expect(ContentDigest(text) == nil)
    }

    @Test(arguments: [0, 31, 33, 1_000_000])
    func refusesOtherLengths(count: Int) {
        #expect(ContentDigest(bytes: repeatElement(1, count: count)) == nil)
    }
}
