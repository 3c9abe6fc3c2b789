import Determinism
import DeviceDrivers
import FleetModel
import RemotingCore
import Testing
import WorkerControl

@Suite("A worker's session is opened by the right peer only")
struct SessionDoorTests {
    @Test("the grant's ticket and the shared version open it")
    func opens() throws {
        let worker = try TestWorker(.synthetic)
        let client = try TestClient(worker)
        #expect(client.acceptance.slice == SessionSlice(memory: 64 << 20, compute: 500))
        let information = try DeviceInformation(encoded: client.acceptance.deviceInformation)
        #expect(!information.device.entries.isEmpty)
    }

    @Test("a wrong ticket is refused and leaves the door open")
    func wrongTicket() throws {
        let worker = try TestWorker(.synthetic)
        let refusal = try #require(throws: TestClient.Failure.self) {
            try TestClient(worker, ticket: SessionTicket(high: 1, low: 2))
        }
        guard case .refused(let reason) = refusal else { return #expect(Bool(false), "\(refusal)") }
        #expect(reason.code == .ticketInvalid)
        _ = try TestClient(worker)
    }

    @Test("another version is refused with both named")
    func wrongVersion() throws {
        let worker = try TestWorker(.synthetic)
        let refusal = try #require(throws: TestClient.Failure.self) {
            try TestClient(worker, version: try TestWorker.version(digest: 9))
        }
        guard case .refused(let reason) = refusal else { return #expect(Bool(false), "\(refusal)") }
        #expect(reason.code == .versionMismatch)
        #expect(reason.message.contains("070707") && reason.message.contains("090909"))
    }

    @Test("there is no second session, not even with the ticket")
    func opensOnce() throws {
        let worker = try TestWorker(.synthetic)
        let client = try TestClient(worker)
        #expect(throws: (any Error).self) { try TestClient(worker) }
        #expect(try client.finish(ObjectID(rawValue: 1)).code < 0)
    }

    @Test("peers that stall or send garbage do not keep the right one out", arguments: 1...4 as ClosedRange<UInt64>)
    func survivesBadPeers(seed: UInt64) throws {
        let worker = try TestWorker(.synthetic)
        var random = SeededGenerator(seed: seed)
        let stalled = try TestClient.connect(to: worker.endpoint.port)
        _ = [UInt8(0x50), 0x52].withUnsafeBytes { stalled.send($0) }
        for _ in 0..<6 {
            let peer = try TestClient.connect(to: worker.endpoint.port)
            let garbage = (0..<Int(random.below(6_000))).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            _ = garbage.withUnsafeBytes { peer.send($0) }
        }
        _ = try TestClient(worker)
    }
}
