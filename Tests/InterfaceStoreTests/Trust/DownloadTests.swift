import Hummingbird
import InterfaceCore
import InterfaceStore
import NIOCore
import Testing

/// Downloads of targets: what comes is checked, what breaks off goes on, and nothing half has a name.
@Suite struct DownloadTests {
    /// Downloads the library through these mirrors, and gives the file's bytes.
    private func download(
        _ fixture: TrustFixture, _ mirrors: [RepositoryMirror], transfer: TransferLimits = .init()
    ) async throws -> [UInt8]? {
        try await fixture.client(mirrors, transfer: transfer) { client in
            var repository = try await client.refresh()
            let target = try #require(try await repository.find(fixture.libraryPath))
            return StoreFixture.contents(try await repository.download(target, to: fixture.directory + "/targets"))
        }
    }

    private func named(_ fixture: TrustFixture) -> [String] {
        StoreFixture.names(in: fixture.directory + "/targets").filter { !$0.hasPrefix(".") }
    }

    private func isLibrary(_ path: String) -> Bool { path.hasSuffix("client.so") }

    @Test func whatIsThereIsNotFetchedAgain() async throws {
        let fixture = try TrustFixture()
        _ = try fixture.trusting()
        let counter = Counter()
        let router = serving(fixture) { path, _ in
            if path.hasSuffix("client.so") { await counter.add() }
            return nil
        }
        try await withServer(router) { base in
            for _ in 0..<2 {
                let bytes = try await download(fixture, [RepositoryMirror(base: base)])
                #expect(bytes == StoreFixture.clientContents)
            }
            #expect(await counter.value == 1)
            // A file that was damaged meanwhile is replaced.
            let name = try #require(named(fixture).first)
            try StoreFixture.write([1, 2, 3], to: fixture.directory + "/targets/" + name)
            let bytes = try await download(fixture, [RepositoryMirror(base: base)])
            #expect(bytes == StoreFixture.clientContents)
            #expect(await counter.value == 2)
        }
        #expect(named(fixture).count == 1)
    }

    @Test func aDownloadThatBrokeOffGoesOn() async throws {
        let fixture = try TrustFixture()
        _ = try fixture.trusting()
        let counter = Counter()
        let breaking = serving(fixture) { path, _ in
            guard path.hasSuffix("client.so") else { return nil }
            return trickling([Array(try fixture.file(path).prefix(300_000))], every: .zero, endless: true)
        }
        let whole = serving(fixture) { path, request in
            if path.hasSuffix("client.so") { await counter.add(request.headers[.range] ?? "all") }
            return nil
        }
        try await withServer(breaking) { base in
            let error = await #expect(throws: TrustError.self) {
                try await download(fixture, [RepositoryMirror(base: base)], transfer: TrustFixture.impatient)
            }
            #expect(error?.code == .unreachable)
        }
        #expect(named(fixture) == [])
        try await withServer(whole) { base in
            let bytes = try await download(fixture, [RepositoryMirror(base: base)])
            #expect(bytes == StoreFixture.clientContents)
        }
        // On a busy machine the mirror may be left before all that it sent has come in.
        let asked = await counter.texts
        let from = asked.first.flatMap { Int($0.dropFirst("bytes=".count).dropLast()) }
        #expect(asked.count == 1 && from.map { (1...300_000).contains($0) } == true, "\(asked)")
        #expect(StoreFixture.names(in: fixture.directory + "/targets/.incoming") == [])
    }

    /// A server that does not know parts of files starts from the front.
    @Test func withoutPartsADownloadStartsOver() async throws {
        let fixture = try TrustFixture()
        _ = try fixture.trusting()
        let router = serving(fixture) { path, _ in
            guard path.hasSuffix("client.so") else { return nil }
            return Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(bytes: try fixture.file(path))))
        }
        try await leavePart(of: fixture, Array(StoreFixture.clientContents.prefix(1_000)))
        try await withServer(router) { base in
            let bytes = try await download(fixture, [RepositoryMirror(base: base)])
            #expect(bytes == StoreFixture.clientContents)
        }
    }

    /// What an earlier, malicious mirror left must not stand in the way of the right bytes.
    @Test func aPartThatWasWrongIsForgotten() async throws {
        let fixture = try TrustFixture()
        _ = try fixture.trusting()
        try await leavePart(of: fixture, [UInt8](repeating: 7, count: 1_000))
        try await withServer(serving(fixture)) { base in
            let bytes = try await download(fixture, [RepositoryMirror(base: base)])
            #expect(bytes == StoreFixture.clientContents)
        }
    }

    private func leavePart(of fixture: TrustFixture, _ bytes: [UInt8]) async throws {
        try await fixture.client([fixture.localMirror]) { client in
            var repository = try await client.refresh()
            let digest = try #require(try await repository.find(fixture.libraryPath)?.hashes.fileName)
            try StoreFixture.makeFolder(fixture.directory + "/targets/.incoming")
            try StoreFixture.write(bytes, to: fixture.directory + "/targets/.incoming/" + digest)
        }
    }

    /// Arbitrary installation and endless data: other bytes, fewer, more, and without end.
    @Test(arguments: ["other", "fewer", "more", "endless", "none"])
    func whatIsNotTheTargetIsRefused(kind: String) async throws {
        let fixture = try TrustFixture()
        _ = try fixture.trusting()
        let router = serving(fixture) { path, request in
            guard path.hasSuffix("client.so") else { return nil }
            let bytes = try fixture.file(path)
            switch kind {
            case "other":
                return Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes.reversed())))
            case "fewer":
                return Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes.dropLast())))
            case "more": return Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes + [0])))
            case "endless":
                return Response(
                    status: .ok,
                    body: ResponseBody { writer in
                        while true { try await writer.write(ByteBuffer(repeating: 0, count: 65_536)) }
                    })
            default: return Response(status: .notFound)
            }
        }
        let error = await #expect(throws: TrustError.self) {
            try await withServer(router) { base in try await download(fixture, [RepositoryMirror(base: base)]) }
        }
        #expect(
            error?.code == (kind == "none" ? .missing : kind == "more" || kind == "endless" ? .tooLarge : .mismatch))
        #expect(named(fixture) == [])
        #expect(StoreFixture.names(in: fixture.directory + "/targets/.incoming") == [])
        // And another mirror has it.
        try await withServer(router) { bad in
            try await withServer(serving(fixture)) { good in
                let mirrors = [RepositoryMirror(base: bad), RepositoryMirror(base: good)]
                let bytes = try await download(fixture, mirrors)
                #expect(bytes == StoreFixture.clientContents)
            }
        }
    }

    @Test func namesCannotLeadOutOfTheFolder() async throws {
        let fixture = try TrustFixture()
        _ = try fixture.trusting()
        _ = try await download(fixture, [fixture.localMirror])
        let name = try #require(named(fixture).first)
        #expect(!name.contains("/"))
        #expect(name == "opencl%2F1.0.0%2F\(fixture.bundle.manifest.platform)%2Ffiles%2Flib%2Fclient.so")
    }
}
