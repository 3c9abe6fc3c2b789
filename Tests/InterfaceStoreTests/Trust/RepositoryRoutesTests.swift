import Hummingbird
import InterfaceCore
import InterfaceStore
import Logging
import Testing

@Suite struct RepositoryRoutesTests {
    @Test func aRouterServesARepositoryAndNothingElse() async throws {
        let fixture = try TrustFixture()
        _ = try fixture.trusting()
        let router = Router()
        addRepositoryFiles(to: router, directory: fixture.repository.directory, logger: Logger(label: "test"))
        try await withServer(router) { base in
            let mirror = RepositoryMirror(base: base + "/repository/")
            try await fixture.client([mirror]) { client in
                var repository = try await client.refresh()
                let target = try #require(try await repository.find(fixture.libraryPath))
                let path = try await repository.download(target, to: fixture.directory + "/targets")
                #expect(StoreFixture.contents(path) == StoreFixture.clientContents)
            }
            // The keys lie beside the repository.
            for place in ["/../keys", "/metadata/../../keys", "/metadata/%2E%2E/%2E%2E/keys"] {
                let other = RepositoryMirror(metadata: base + "/repository" + place, targets: "")
                let error = await #expect(throws: TrustError.self) {
                    try await fixture.client([other]) { _ = try await $0.refresh() }
                }
                #expect(error?.code == .missing || error?.code == .unreachable)
            }
        }
    }
}
