import FleetModel
import Glibc
import InterfaceCore
import InterfaceStore
import Testing

/// What is thrown away when room is short, and what never is.
@Suite struct GarbageTests {
    private let nobody = InterfaceSources(manager: "")

    private func both(_ versions: TwoVersions) async throws -> LocalInterfaceStore {
        _ = try await versions.host { host in
            _ = try await host.prepare(versions.old, from: nobody)
            return try await host.prepare(versions.new, from: nobody)
        }
        return versions.store()
    }

    @Test func whatFitsStays() async throws {
        let versions = try TwoVersions()
        let report = try await both(versions).collectGarbage(quota: 1 << 30, keeping: [])
        #expect(report.removed == [])
        #expect(report.size > Int64(StoreFixture.clientContents.count))
        #expect(report.size < Int64(StoreFixture.clientContents.count) + 4_096, "the common library counts once")
    }

    @Test func theOneInForceStaysAboveTheQuota() async throws {
        let versions = try TwoVersions()
        let store = try await both(versions)
        #expect(try store.collectGarbage(quota: 0, keeping: []).removed == [versions.old])
        #expect(try store.installed() == [versions.new])
        #expect(try store.activate(versions.new).version == versions.new, "the common library is still there")
    }

    @Test func whatIsInUseStays() async throws {
        let versions = try TwoVersions()
        let store = try await both(versions)
        #expect(try store.collectGarbage(quota: 0, keeping: [versions.old.digest]).removed == [])
        let unwanted: Set = [versions.old.digest]
        #expect(try store.collectGarbage(quota: 0, keeping: unwanted, unwanted: unwanted).removed == [])
    }

    @Test func whatIsUnwantedGoesThoughThereIsRoom() async throws {
        let versions = try TwoVersions()
        let store = try await both(versions)
        let report = try store.collectGarbage(quota: 1 << 30, keeping: [], unwanted: [versions.old.digest])
        #expect(report.removed == [versions.old])
    }

    @Test func nothingIsRemovedWhileSomebodyInstalls() async throws {
        let versions = try TwoVersions()
        let store = try await both(versions)
        let lock = open(store.layout.directory + "/installing", O_RDWR)
        #expect(lock >= 0 && flock(lock, LOCK_SH) == 0)
        defer { close(lock) }
        let report = try store.collectGarbage(quota: 0, keeping: [])
        #expect(report.wasBusy && report.removed == [])
        #expect(try store.installed().count == 2)
    }

    @Test func aKeeperKeepsTheLastGoodPairAndSaysWhatWentAway() async throws {
        let versions = try TwoVersions()
        let news = Counter()
        try await versions.host {
            $0.quota = 64 << 20
        } _: { host in
            let keeper = InterfaceKeeper(host, logger: quiet)
            keeper.prepare(versions.old, from: nobody)
            keeper.prepare(versions.new, from: nobody)
            let run = Task {
                await keeper.run { one in
                    switch one {
                    case .ready(let bundle): await news.add("ready \(bundle.version.version)")
                    case .unusable(let version, _): await news.add("unusable \(version.version)")
                    }
                }
            }
            while await news.value < 2 { try await Task.sleep(for: .milliseconds(5)) }
            run.cancel()
            await run.value
        }
        #expect(await news.texts == ["ready 1.0.0", "ready 1.1.0"])
        #expect(try versions.store().installed() == [versions.old, versions.new])
    }

    @Test func aFailedSelfTestIsNoReadyVersion() async throws {
        let versions = try TwoVersions()
        let news = Counter()
        let new = versions.new
        try await versions.host { host in
            let test = BundleSelfTest(isPassed: { $0.version != new }) { bundle in
                if bundle.version == new { throw StoreError(.malformed, "2 + 2 is 5 here") }
            }
            let keeper = InterfaceKeeper(host, logger: quiet, selfTest: test)
            keeper.prepare(versions.old, from: nobody)
            keeper.prepare(versions.new, from: nobody)
            let run = Task {
                await keeper.run { one in
                    if case .unusable(let version, let reason) = one { await news.add("\(version.version) \(reason)") }
                }
            }
            while await news.value < 1 { try await Task.sleep(for: .milliseconds(5)) }
            run.cancel()
            await run.value
            #expect(try versions.store().active(kind: "opencl") == versions.old, "the last good one is in force")
            #expect(await keeper.takeUpInstalled().map(\.version) == [versions.old])
        }
        #expect(await news.texts == ["1.1.0 2 + 2 is 5 here"])
    }
}
