import RemotingCore
import Testing

@Suite struct HandshakeTests {
    @Test func aClientHelloOnTheWire() throws {
        let hello = SessionFixture.hello(try SessionFixture.identity())
        let expected =
            "50525331" + "0400" + "0100" + "53000000"  // magic, highest and lowest revision, length
            + "0700000000000000" + "efcdab8967452301" + "1032547698badcfe"  // grant, ticket
            + "00002000"  // window
            + "06000000" + hex(Array("opencl".utf8)) + "05000000" + hex(Array("0.1.0".utf8))
            + String(repeating: "01", count: 32) + "00000000"
        #expect(hex(hello.encoded()) == expected)
        // In revision 1 there is no lowest: the field is reserved.
        var older = hello
        older.revisions = 1...1
        #expect(hex(older.encoded()) == expected.replacing("50525331" + "04000100", with: "50525331" + "01000000"))
    }

    @Test func aServerHelloOnTheWire() throws {
        let hello = ServerHello.accepted(SessionFixture.acceptance(try SessionFixture.identity()))
        let expected =
            "50525731" + "0400" + "0000" + "4f000000" + "00" + "00002000" + "0000004000000000" + "fa000000"
            + "06000000" + hex(Array("opencl".utf8)) + "05000000" + hex(Array("0.1.0".utf8))
            + String(repeating: "01", count: 32) + "00000000" + "03000000" + "010203"
        #expect(hex(hello.encoded()) == expected)
        let refusal = ServerHello.refused(SessionRefusal(.unavailable, "no"))
        #expect(
            hex(refusal.encoded()) == "50525731" + "0400" + "0000" + "09000000" + "01" + "0500" + "02000000" + "6e6f")
    }

    @Test func aHandshakeWorksByteForByte() throws {
        let identity = try SessionFixture.identity()
        var client = ClientHandshake(SessionFixture.hello(identity))
        var worker = WorkerHandshake(
            acceptance: SessionFixture.acceptance(identity), credential: SessionFixture.credential)

        var answer: [UInt8] = []
        for byte in client.bytesToSend {
            #expect(answer.isEmpty)
            if case .accepted(let hello, let bytes, let stream) = worker.received([byte]) {
                #expect(hello == SessionFixture.hello(identity))
                #expect(stream.role == .worker)
                answer = bytes
            }
        }
        var accepted: SessionAcceptance?
        for byte in answer {
            #expect(accepted == nil)
            if case .accepted(let acceptance, let stream) = try client.received([byte]) {
                #expect(stream.role == .client)
                #expect(stream.slice == SessionFixture.slice)
                accepted = acceptance
            }
        }
        #expect(accepted == SessionFixture.acceptance(identity))
    }

    @Test func whatFollowsAHelloGoesToTheStream() throws {
        let identity = try SessionFixture.identity()
        var pair = SessionFixture()
        pair.client.expectToSend([42])
        var worker = WorkerHandshake(
            acceptance: SessionFixture.acceptance(identity), credential: SessionFixture.credential)
        let bytes = SessionFixture.hello(identity).encoded() + pair.client.takeUnsent()
        guard case .accepted(_, _, var stream) = worker.received(bytes) else {
            Issue.record("not accepted")
            return
        }
        #expect(stream.takeEvents() == [.data([42])])
    }

    @Test func aMismatchNamesBothVersions() throws {
        let own = try SessionFixture.identity(version: "1.2.3", digest: 0xAA)
        let other = try SessionFixture.identity(version: "1.2.4", digest: 0xBB)
        let refusal = try #require(try refusal(client: other, worker: own))
        #expect(refusal.code == .versionMismatch)
        #expect(
            refusal.message
                == "the client runs opencl 1.2.4 (bbbbbbbbbbbb), the worker opencl 1.2.3 (aaaaaaaaaaaa): "
                + "not a shared version")
    }

    @Test(
        arguments: [
            (1, [], 1, [], true), (1, [], 2, [], false), (1, [2], 2, [], false), (1, [], 2, [1], true),
            (2, [], 1, [], false), (2, [1], 1, [], false), (1, [], 2, [3, 1], true), (1, [], 2, [3], false),
        ] as [(UInt8, [UInt8], UInt8, [UInt8], Bool)])
    func versionsAreSharedWhenEqualOrTheWorkerNamesItsOlderClient(
        client: UInt8, clientTested: [UInt8], worker: UInt8, workerTested: [UInt8], shared: Bool
    ) throws {
        let client = try SessionFixture.identity(digest: client, testedWith: clientTested)
        let worker = try SessionFixture.identity(digest: worker, testedWith: workerTested)
        #expect(client.isServed(by: worker) == shared)
        #expect(try refusal(client: client, worker: worker) == nil ? shared : !shared)
    }

    /// The same digest under another version is no shared version: one of the manifests is not what it says.
    @Test func equalDigestsOfUnequalVersionsAreNotShared() throws {
        let one = try SessionFixture.identity(version: "1.0.0")
        let other = try SessionFixture.identity(version: "1.0.1")
        #expect(!one.isServed(by: other))
    }

    @Test func anotherRevisionIsRefusedWithBothNamed() throws {
        let identity = try SessionFixture.identity()
        var hello = SessionFixture.hello(identity).encoded()
        hello[4] = 9
        hello[6] = 8
        var worker = WorkerHandshake(
            acceptance: SessionFixture.acceptance(identity), credential: SessionFixture.credential)
        guard case .refused(let refusal, _) = worker.received(hello) else {
            Issue.record("not refused")
            return
        }
        #expect(refusal == .revisionUnsupported(client: 8...9, worker: 1...4))
        #expect(refusal.message == "the client speaks framing revision 8 to 9, the worker 1 to 4")
    }

    @Test(
        arguments: [
            (1...2, 1...2, 2), (1...1, 1...2, 1), (1...2, 1...1, 1), (1...1, 1...1, 1), (2...2, 1...2, 2),
            (2...2, 1...1, nil), (1...1, 2...2, nil), (1...3, 1...3, 3), (1...3, 1...2, 2), (1...2, 1...3, 2),
        ] as [(ClosedRange<UInt16>, ClosedRange<UInt16>, UInt16?)])
    func theHighestRevisionThatBothSpeakIsAgreedOn(
        client: ClosedRange<UInt16>, worker: ClosedRange<UInt16>, agreed: UInt16?
    ) throws {
        let identity = try SessionFixture.identity()
        var hello = SessionFixture.hello(identity)
        hello.revisions = client
        var handshake = WorkerHandshake(
            acceptance: SessionFixture.acceptance(identity), credential: SessionFixture.credential, revisions: worker)
        var waiting = ClientHandshake(hello)
        switch handshake.received(hello.encoded()) {
        case .accepted(_, let answer, let stream):
            #expect(stream.revision == agreed)
            guard case .accepted(_, let own) = try waiting.received(answer) else {
                Issue.record("the client does not take it")
                return
            }
            #expect(own.revision == agreed)
        case .refused(let refusal, let answer):
            #expect(agreed == nil)
            #expect(refusal.code == .revisionUnsupported)
            guard case .refused(refusal) = try waiting.received(answer) else {
                Issue.record("the client does not hear why")
                return
            }
        case .incomplete: Issue.record("not answered")
        }
    }

    /// A client of a later release may say more in its hello: a worker that agrees on what it knows leaves that out.
    @Test func aLaterClientMaySayMore() throws {
        let identity = try SessionFixture.identity()
        var hello = SessionFixture.hello(identity).encoded() + [1, 2, 3]
        hello[4] = UInt8(SessionLimits.revision) + 1
        hello[8] += 3
        var worker = WorkerHandshake(
            acceptance: SessionFixture.acceptance(identity), credential: SessionFixture.credential)
        guard case .accepted(_, _, let stream) = worker.received(hello) else {
            Issue.record("not accepted")
            return
        }
        #expect(stream.revision == SessionLimits.revision)
    }

    @Test func anotherTicketOpensNothing() throws {
        let identity = try SessionFixture.identity()
        for bit in 0..<192 {
            var hello = SessionFixture.hello(identity).encoded()
            hello[12 + bit / 8] ^= 1 << UInt8(bit % 8)
            var worker = WorkerHandshake(
                acceptance: SessionFixture.acceptance(identity), credential: SessionFixture.credential)
            guard case .refused(let refusal, _) = worker.received(hello) else {
                Issue.record("bit \(bit) was not looked at")
                continue
            }
            #expect(refusal.code == .ticketInvalid)
            #expect(!refusal.message.contains("opencl"))
        }
    }

    @Test(arguments: [
        "474554202f20485454502f31", "50525331 0100 0000 01100000", "50525331 0100 0100 10000000",
        "50525331 0200 0300 10000000",
        "50525331 0200 0000 10000000",
    ])
    func bytesThatAreNoHelloAreRefusedAtOnce(bytes: String) throws {
        let identity = try SessionFixture.identity()
        var worker = WorkerHandshake(
            acceptance: SessionFixture.acceptance(identity), credential: SessionFixture.credential)
        guard case .refused(let refusal, let answer) = worker.received(hex(bytes)) else {
            Issue.record("not refused")
            return
        }
        #expect(refusal.code == .malformedHello)
        var client = ClientHandshake(SessionFixture.hello(identity))
        guard case .refused(refusal) = try client.received(answer) else {
            Issue.record("the refusal does not arrive as it was made")
            return
        }
    }

    @Test func aCredentialIsNotToldInText() {
        #expect("\(SessionFixture.credential)" == "credential of g7")
    }

    private func refusal(
        client: InterfaceIdentity, worker: InterfaceIdentity
    ) throws -> SessionRefusal? {
        var handshake = WorkerHandshake(
            acceptance: SessionFixture.acceptance(worker), credential: SessionFixture.credential)
        guard case .refused(let refusal, let answer) = handshake.received(SessionFixture.hello(client).encoded())
        else { return nil }
        var waiting = ClientHandshake(SessionFixture.hello(client))
        guard case .refused(let told) = try waiting.received(answer) else { return nil }
        #expect(told == refusal)
        return told
    }
}
