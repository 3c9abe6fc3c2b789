import RemotingCore
import Testing

@Suite struct HandOverTests {
    static let continuation = SessionContinuation(
        nextSendSequence: 3, nextReceiveSequence: 4, acknowledged: 2, sendWindow: SessionLimits.leastWindow,
        sendCredit: SessionLimits.leastWindow, receiveWindow: SessionLimits.leastWindow,
        receiveCredit: SessionLimits.leastWindow, slice: SessionFixture.slice)
    static let session = HandedOverSession(
        foundReadiness: 3, grant: 7, elapsedMicroseconds: 42, interfaceVersion: "0.1.0", continuation: continuation,
        deviceInformation: [9])

    @Test(arguments: [
        (
            HandOverRequest.openSession(HandOverDemand(interfaceKind: "opencl", interfaceVersion: "0.1.0")),
            "50524831 0100 0000 14000000 01 06000000 6f70656e636c 05000000 302e312e30"
        ),
        (
            .registerInstance(
                InstanceRegistration(instance: "i", tenant: "t", application: "a", priorityClass: "p")),
            "50524831 0100 0000 16000000 02 01000000 69 01000000 74 01000000 61 01000000 70 00"
        ),
        (
            .registerInstance(
                InstanceRegistration(
                    instance: "i", tenant: "t", application: "a", priorityClass: "p", scope: .cgroup)),
            "50524831 0100 0000 16000000 02 01000000 69 01000000 74 01000000 61 01000000 70 01"
        ),
        (
            .registerInstance(
                InstanceRegistration(
                    instance: "i", tenant: "t", application: "a", isApplicationDeclared: false, priorityClass: "p",
                    scope: .cgroup)),
            "50524831 0200 0000 16000000 02 01000000 69 01000000 74 01000000 61 01000000 70 03"
        ),
        (
            .registerInstance(
                InstanceRegistration(instance: "i", tenant: "t", application: "a", priorityClass: "p", user: "u")),
            "50524831 0200 0000 1b000000 02 01000000 69 01000000 74 01000000 61 01000000 70 04 01000000 75"
        ),
        (
            .report(ApplicationReport(workInFlight: 5, userIdleMilliseconds: 1_000)),
            "50524831 0200 0000 13000000 03 01 0500000000000000 01 e803000000000000"
        ), (.report(ApplicationReport()), "50524831 0200 0000 03000000 03 00 00"),
        (
            .registerInstance(
                InstanceRegistration(
                    instance: "i", tenant: "t", application: "a", priorityClass: "p", user: "u", gpus: 16)),
            "50524831 0400 0000 1c000000 02 01000000 69 01000000 74 01000000 61 01000000 70 0c 01000000 75 10"
        ),
        (
            .openSession(HandOverDemand(interfaceKind: "opencl", interfaceVersion: "0.1.0", gpus: 16)),
            "50524831 0400 0000 16000000 04 06000000 6f70656e636c 05000000 302e312e30 00 10"
        ),
        (
            .openSession(HandOverDemand(interfaceKind: "opencl", interfaceVersion: "0.1.0", firstGPU: 15, gpus: 1)),
            "50524831 0400 0000 16000000 04 06000000 6f70656e636c 05000000 302e312e30 0f 01"
        ),
    ])
    func aRequestArrivesAsItWasSent(request: HandOverRequest, expected: String) throws {
        let bytes = request.encoded()
        #expect(hex(bytes) == hex(hex(expected)))
        for end in 0..<bytes.count { #expect(try HandOverRequest(decoding: Array(bytes[..<end])) == nil) }
        #expect(try HandOverRequest(decoding: bytes) == request)
    }

    @Test(arguments: [
        (
            HandOverReply.session(session),
            "50525231 0100 0000 54000000 00 03 0700000000000000 2a00000000000000 05000000 302e312e30"
                + "0300000000000000 0400000000000000 0200000000000000 00002000 00002000 00002000 00002000"
                + "0000004000000000 fa000000 01000000 09"
        ), (.registered(clientLibrary: ""), "50525231 0100 0000 05000000 01 00000000"),
        (.registered(clientLibrary: "/l.so"), "50525231 0100 0000 0a000000 01 05000000 2f6c2e736f"),
        (.reportTaken, "50525231 0200 0000 01000000 03"),
        (.refused("no"), "50525231 0100 0000 07000000 02 02000000 6e6f"),
    ])
    func aReplyArrivesAsItWasSent(reply: HandOverReply, expected: String) throws {
        let bytes = reply.encoded()
        #expect(hex(bytes) == hex(hex(expected)))
        for end in 0..<bytes.count { #expect(try HandOverReply(decoding: Array(bytes[..<end])) == nil) }
        #expect(try HandOverReply(decoding: bytes) == reply)
    }

    @Test func oneOfSeveralSessionsArrivesAsItWasSent() throws {
        let reply = HandOverReply.sessionOf(Self.session, remaining: 15, descriptors: 2)
        let bytes = reply.encoded()
        // As a session alone, after prefix and status, and two bytes.
        var expected = hex("50525231 0400 0000 56000000 05")
        expected += HandOverReply.session(Self.session).encoded().dropFirst(13)
        expected += [15, 2]
        #expect(hex(bytes) == hex(expected))
        for end in 0..<bytes.count { #expect(try HandOverReply(decoding: Array(bytes[..<end])) == nil) }
        #expect(try HandOverReply(decoding: bytes) == reply)
    }

    @Test(arguments: [
        ("50525331 0100 0000 01000000", RemotingError.Code.protocolMismatch),
        ("50524831 0500 0000 01000000", .protocolMismatch), ("50524831 0100 0100 01000000", .malformed),
        ("50524831 0100 0000 01100000", .oversized),
        ("50524831 0100 0000 01000000 05", .unexpected), ("50524831 0100 0000 02000000 03 02", .malformed),
        ("50524831 0100 0000 12000000 02 00000000 00000000 00000000 00000000 10", .malformed),
        ("50524831 0100 0000 00000000", .truncated),
        ("50524831 0100 0000 01000000 01 00", .unexpected),
    ])
    func aRequestThatMayNotBeIsRefused(bytes: String, code: RemotingError.Code) {
        #expect { try HandOverRequest(decoding: hex(bytes)) } throws: { ($0 as? RemotingError)?.code == code }
    }

    /// No virtual GPU, more than there may be, one beyond the last, and the first alone, which has a form of its own.
    @Test(arguments: [(0, 0), (0, 17), (16, 1), (16, 0), (15, 2), (255, 255), (0, 1)] as [(UInt8, UInt8)])
    func aDemandForVirtualGPUsThatMayNotBeIsRefused(first: UInt8, count: UInt8) {
        let bytes = hex("50524831 0400 0000 16000000 04 06000000 6f70656e636c 05000000 302e312e30") + [first, count]
        #expect { try HandOverRequest(decoding: bytes) } throws: { ($0 as? RemotingError)?.code == .malformed }
    }

    /// Of one virtual GPU a registration says nothing.
    @Test(arguments: [0, 1, 17] as [UInt8])
    func aRegistrationWithVirtualGPUsThatMayNotBeIsRefused(count: UInt8) {
        let bytes = hex("50524831 0400 0000 13000000 02 00000000 00000000 00000000 00000000 08") + [count]
        #expect { try HandOverRequest(decoding: bytes) } throws: { ($0 as? RemotingError)?.code == .malformed }
    }

    @Test(arguments: [(16, 1), (0, 0), (0, 3)] as [(UInt8, UInt8)])
    func oneOfSeveralSessionsThatMayNotBeIsRefused(remaining: UInt8, descriptors: UInt8) {
        let reply = HandOverReply.sessionOf(Self.session, remaining: remaining, descriptors: descriptors)
        #expect { try HandOverReply(decoding: reply.encoded()) } throws: {
            ($0 as? RemotingError)?.code == .malformed
        }
    }

    /// What agents of every release understand.
    @Test func theFirstVirtualGPUAloneIsAskedForAsEver() {
        let demand = HandOverDemand(interfaceVersion: "0.1.0", firstGPU: 0, gpus: 1)
        #expect(!demand.namesGPUs)
        let bytes = HandOverRequest.openSession(demand).encoded()
        #expect(hex(bytes) == hex(hex("50524831 0100 0000 14000000 01 06000000 6f70656e636c 05000000 302e312e30")))
    }

    @Test func aSessionThatNoStreamCanHaveLeftIsRefused() {
        for change in [
            { $0.sendCredit += 1 }, { $0.receiveCredit += 1 }, { $0.acknowledged = 4 }, { $0.sendWindow = 1 },
            { $0.receiveWindow = .max },
        ] as [(inout SessionContinuation) -> Void] {
            var session = Self.session
            change(&session.continuation)
            let bytes = HandOverReply.session(session).encoded()
            #expect { try HandOverReply(decoding: bytes) } throws: { ($0 as? RemotingError)?.code == .malformed }
        }
    }

    @Test func repliesOneAfterTheOtherAreToldApart() throws {
        let replies = [
            HandOverReply.registered(clientLibrary: "/l.so"), .refused("no"), .refused(""),
            .sessionOf(Self.session, remaining: 1, descriptors: 1),
            .sessionOf(Self.session, remaining: 0, descriptors: 2),
        ]
        let bytes = replies.flatMap { $0.encoded() }
        var received: [UInt8] = []
        var taken: [HandOverReply] = []
        for byte in bytes {
            received.append(byte)
            while let reply = try HandOverReply.next(from: &received) { taken.append(reply) }
        }
        #expect(taken == replies)
        received = bytes
        taken = []
        while let reply = try HandOverReply.next(from: &received) { taken.append(reply) }
        #expect(taken == replies)
        #expect(received.isEmpty)
    }

    @Test func namesAreCutAtTheirBound() throws {
        let long = String(repeating: "x", count: 5000)
        let request = HandOverRequest.registerInstance(
            InstanceRegistration(instance: long, tenant: long, application: long, priorityClass: long))
        #expect(try HandOverRequest(decoding: request.encoded()) != nil)
    }
}
