import FleetModel
import InterfaceCore
import Testing

@Suite struct SharedVersionTests {
    private func version(_ minor: UInt32, kind: String = "opencl") throws -> InterfaceVersion {
        InterfaceVersion(kind: kind, version: SemanticVersion(1, minor, 0), digest: try digest(UInt8(minor)))
    }

    @Test func theNewestOfTheRepositoryThatBothHaveIsTaken() throws {
        let versions = try (0..<4).map { try version(UInt32($0)) }
        let selected = try SharedVersion.select(
            kind: "opencl", agent: [versions[0], versions[1], versions[3]],
            server: [versions[2], versions[1], versions[0]], repository: versions)
        #expect(selected == versions[1])
    }

    @Test func theRepositorysOrderCountsAndNotTheNumbers() throws {
        let (older, newer) = (try version(1), try version(2))
        let selected = try SharedVersion.select(
            kind: "opencl", agent: [older, newer], server: [older, newer], repository: [newer, older])
        #expect(selected == older, "an operator has gone back to it")
    }

    @Test func equalNumbersOfDifferentBundlesAreNotShared() throws {
        let one = InterfaceVersion(kind: "opencl", version: SemanticVersion(1, 0, 0), digest: try digest(1))
        let other = InterfaceVersion(kind: "opencl", version: SemanticVersion(1, 0, 0), digest: try digest(2))
        #expect(throws: NoSharedVersion.self) {
            try SharedVersion.select(kind: "opencl", agent: [one], server: [other], repository: [one, other])
        }
    }

    @Test func aRefusalNamesWhatEachSideHas() throws {
        let (one, two) = (try version(1), try version(2))
        let foreign = try version(1, kind: "cuda")
        let refusal = #expect(throws: NoSharedVersion.self) {
            try SharedVersion.select(
                kind: "opencl", agent: [one, foreign], server: [foreign], repository: [two, foreign])
        }
        #expect(
            refusal?.description == "no shared version of opencl: the agent has opencl 1.1.0 (010101010101), "
                + "the GPU server has none, the repository publishes opencl 1.2.0 (020202020202)")
    }

    // MARK: Two ends

    private func end(
        _ number: UInt8, kind: String = "opencl", wire: ClosedRange<UInt32> = 1...1, testedWith: [UInt8] = []
    ) throws -> InstalledManifest {
        let manifest = try makeManifest(
            kind: kind, version: SemanticVersion(1, UInt32(number), 0), wireRevisions: wire,
            testedWith: try testedWith.map { try digest($0) })
        return InstalledManifest(manifest: manifest, digest: try digest(number))
    }

    @Test func oneBundleIsSharedWithItself() throws {
        #expect(SharedVersion.isShared(client: try end(1), worker: try end(1)))
    }

    @Test func twoBundlesAreSharedWhereTheWorkersNamesTheClients() throws {
        let (client, worker) = (try end(1), try end(2, testedWith: [1]))
        #expect(SharedVersion.isShared(client: client, worker: worker))
        #expect(!SharedVersion.isShared(client: client, worker: try end(2)))
        #expect(!SharedVersion.isShared(client: worker, worker: client), "the older knows nothing of the newer")
        #expect(!SharedVersion.isShared(client: client, worker: try end(2, kind: "cuda", testedWith: [1])))
        #expect(!SharedVersion.isShared(client: client, worker: try end(2, wire: 2...3, testedWith: [1])))
    }
}
