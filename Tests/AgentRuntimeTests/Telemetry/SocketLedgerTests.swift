import FleetModel
import Testing

@testable import AgentRuntime

/// Datagrams as the kernel writes them, for tests.
enum SocketDatagram {
    static func answer(
        cookie: UInt64, inode: UInt32, received: UInt64, sent: UInt64, source: [UInt8] = [10, 0, 0, 1]
    ) -> [UInt8] {
        var body = [UInt8](repeating: 0, count: 72)
        body[0] = 2
        body.replaceSubrange(8..<12, with: source)
        body.replaceSubrange(24..<28, with: [10, 0, 0, 2])
        body.replaceSubrange(44..<52, with: raw(cookie))
        body.replaceSubrange(68..<72, with: raw(inode))
        var info = [UInt8](repeating: 0, count: 136)
        info.replaceSubrange(120..<128, with: raw(sent))
        info.replaceSubrange(128..<136, with: raw(received))
        // An attribute of another type, whose length is no multiple of four, stands before.
        let attributes: [UInt8] = [5, 0, 8, 0, 1, 0, 0, 0] + raw(UInt16(140)) + raw(UInt16(2)) + info
        return message(type: 20, body + attributes)
    }

    static func message(type: UInt16, _ body: [UInt8]) -> [UInt8] {
        raw(UInt32(16 + body.count)) + raw(type) + [UInt8](repeating: 0, count: 10) + body
    }

    private static func raw(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }
}

private let chat = InstanceID(unchecked: "chat")

@Suite("Socket accounting")
struct SocketLedgerTests {
    private func socket(
        _ cookie: UInt64, inode: UInt32 = 7, received: UInt64, sent: UInt64 = 0, isLoopback: Bool = false
    ) -> DiagnosedSocket {
        DiagnosedSocket(
            cookie: cookie, inode: inode, isLoopback: isLoopback,
            counters: NetworkCounters(received: received, sent: sent))
    }

    /// A ledger that has seen an empty table.
    private func started() -> SocketLedger {
        var ledger = SocketLedger()
        ledger.beginPass()
        ledger.endPass()
        return ledger
    }

    private func pass(_ ledger: inout SocketLedger, _ sockets: [DiagnosedSocket]) {
        ledger.beginPass()
        for socket in sockets { ledger.observe(socket) }
        ledger.endPass()
    }

    @Test("A datagram gives each socket's counters, and a dump's end")
    func datagram() {
        var sockets: [DiagnosedSocket] = []
        let datagram =
            SocketDatagram.answer(cookie: 1, inode: 7, received: 10, sent: 20)
            + SocketDatagram.answer(cookie: 2, inode: 8, received: 30, sent: 40, source: [127, 0, 0, 1])
        #expect(SocketDiagnostics.parse(datagram[...]) { sockets.append($0) } == .more)
        #expect(
            sockets == [
                socket(1, inode: 7, received: 10, sent: 20),
                socket(2, inode: 8, received: 30, sent: 40, isLoopback: true),
            ])
        #expect(SocketDiagnostics.parse(SocketDatagram.message(type: 3, [0, 0, 0, 0])[...]) { _ in } == .done)
        #expect(
            SocketDiagnostics.parse(SocketDatagram.message(type: 2, [254, 255, 255, 255])[...]) { _ in } == .failed(2))
    }

    @Test("What a socket carried before its owner was found is counted once it is")
    func ownerFoundLate() {
        var ledger = started()
        pass(&ledger, [socket(1, received: 100)])
        pass(&ledger, [socket(1, received: 150)])
        #expect(ledger.ownerless == [7])
        ledger.assign([7: .instance(chat)], searched: [7])
        #expect(ledger.counters(of: .instance(chat)).received == 150)
        pass(&ledger, [socket(1, received: 160)])
        #expect(ledger.counters(of: .instance(chat)).received == 160)
    }

    @Test("A closed socket's last bytes stay counted")
    func closedSocket() {
        var ledger = started()
        pass(&ledger, [socket(1, received: 100)])
        ledger.assign([7: .instance(chat)], searched: [7])
        ledger.destroyed(socket(1, inode: 0, received: 140))
        pass(&ledger, [])
        #expect(ledger.counters(of: .instance(chat)).received == 140)
        #expect(ledger.unattributed.received == 0)
    }

    @Test("What was carried before the first look does not count")
    func firstLook() {
        var ledger = SocketLedger()
        pass(&ledger, [socket(1, received: 1_000)])
        ledger.assign([7: .instance(chat)], searched: [7])
        pass(&ledger, [socket(1, received: 1_010)])
        #expect(ledger.counters(of: .instance(chat)).received == 10)
    }

    @Test("A marked socket is Presync's, whoever holds it")
    func sessions() {
        var ledger = started()
        ledger.markAsPresync(cookie: 1)
        pass(&ledger, [socket(1, received: 100)])
        #expect(ledger.ownerless.isEmpty)
        #expect(ledger.counters(of: .presync).received == 100)
        #expect(ledger.counters(of: .instance(chat)) == NetworkCounters())
    }

    @Test("A socket that nobody holds is looked for only so often")
    func patience() {
        var ledger = started()
        pass(&ledger, [socket(1, received: 100)])
        for _ in 0..<SocketLedger.patience { ledger.assign([:], searched: ledger.ownerless) }
        #expect(ledger.ownerless.isEmpty)
        ledger.lookAgain()
        #expect(ledger.ownerless == [7])
        ledger.assign([7: .instance(chat)], searched: [7])
        #expect(ledger.counters(of: .instance(chat)).received == 0)
    }

    @Test("Traffic within the host is told apart")
    func loopback() {
        var ledger = started()
        pass(&ledger, [socket(1, received: 100, isLoopback: true), socket(2, inode: 8, received: 5)])
        ledger.assign([7: .presync, 8: .presync], searched: [7, 8])
        #expect(ledger.counters(of: .presync).received == 105)
        #expect(ledger.counters(of: .presync, remoteOnly: true).received == 5)
    }
}
