import DeviceDrivers
import FleetModel
import RemotingCore
import Testing
import WorkerControl

@testable import OpenCLWorker

@Suite("The connection of a worker's session")
struct SessionLineTests {
    private static let key = TestClient.key
    private let line: SessionLine
    private let connection: Descriptor
    private let other: Descriptor

    init() throws {
        (connection, other) = try ControlSocket.pair()
        line = SessionLine(connection, grace: .seconds(10), wakeup: try Wakeup())
    }

    private func hello(_ attempt: UInt64 = 1) throws -> ResumeHello {
        let handshake = ResumeHandshake(grant: 7, attempt: attempt, received: 0, key: Self.key)
        return try #require(try ResumeHello(decoding: handshake.bytesToSend))
    }

    @Test("A client that is back before its offer was read waits for that")
    func awaitsOffer() throws {
        let (own, peer) = try ControlSocket.pair()
        peer.stopBlocking()
        #expect(line.judge(try hello(), from: own, saying: [2]) == .undecided)
        #expect(line.takeReturn()?.hello == nil)
        #expect(line.offer(Self.key, grant: 7) == 10_000)
        #expect(line.judge(try hello(), from: own, saying: [2]) == .accepted)
        var byte: UInt8 = 0
        #expect(withUnsafeMutableBytes(of: &byte) { peer.read(into: $0) } == .bytes(1) && byte == 2)
        #expect(line.takeReturn()?.connection === own)
    }

    @Test("and the door holds it until then")
    func isHeld() throws {
        let version = try TestWorker.version()
        let interface = try #require(
            InterfaceIdentity(kind: version.kind, version: version.version.description, digest: version.digest.bytes))
        var door = try SessionDoor(
            host: "127.0.0.1", ports: 0...0, interface: interface,
            credential: SessionCredential(grant: 7, ticketHigh: 1, ticketLow: 2), deviceInformation: [])
        func hear() {
            var entries = door.pollEntries
            wait(for: &entries, milliseconds: 10_000)
            door.serve(now: .zero, line: line)
        }
        let peer = try TestClient.connect(to: door.port)
        hear()
        _ = try hello().encoded().withUnsafeBytes { peer.send($0) }
        hear()
        #expect(line.deadline == nil && line.takeReturn()?.hello == nil)
        // Nothing more comes from it: what it waits for does.
        _ = line.offer(Self.key, grant: 7)
        door.serve(now: .zero, line: line)
        #expect(try TestClient.receive(peer) == ResumeAnswer.pending.encoded())
        #expect(line.takeReturn()?.hello == (try hello()))
    }

    @Test("A session whose client has not offered to come back ends soon after its connection, later where one waits")
    func ends() throws {
        let broken = MonotonicTime(rawValue: 1_000)
        line.noteEnd(of: connection, now: broken)
        #expect(line.deadline == broken + .milliseconds(100))
        #expect(line.judge(try hello(), from: other, saying: []) == .undecided)
        #expect(line.deadline == broken + .seconds(3))
        _ = line.offer(Self.key, grant: 7)
        #expect(line.deadline == broken + .seconds(10))
        #expect(line.judge(try hello(), from: other, saying: []) == .accepted)
        #expect(line.deadline == nil)
    }

    @Test("Nobody comes back to a session that is closed, or that waits for nobody")
    func refuses() throws {
        let brief = SessionLine(connection, grace: .zero, wakeup: try Wakeup())
        guard case .refused(let refusal) = brief.judge(try hello(), from: other, saying: []) else {
            return #expect(Bool(false))
        }
        #expect(refusal.code == .ticketInvalid)
        _ = line.offer(Self.key, grant: 7)
        line.close()
        guard case .refused = line.judge(try hello(), from: other, saying: []) else { return #expect(Bool(false)) }
    }

    @Test("Of two clients that are back the later counts, in whatever order they are heard")
    func latest() throws {
        _ = line.offer(Self.key, grant: 7)
        #expect(line.judge(try hello(2), from: other, saying: []) == .accepted)
        guard case .refused = line.judge(try hello(1), from: connection, saying: []) else {
            return #expect(Bool(false))
        }
        #expect(line.takeReturn()?.hello == (try hello(2)))
    }
}
