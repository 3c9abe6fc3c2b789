import ControlLoop
import Determinism
import FleetModel
import Glibc
import RemotingCore
import Testing

@testable import AgentRuntime

private let instance = InstanceID(unchecked: "chat")
private let start = MonotonicTime.seconds(100)

@Suite("The programs' socket")
struct HandOverServerTests {
    /// A server in a folder of its own, which knows this process as an instance.
    private final class Fixture {
        let folder: TestFolder
        let poller = Poller()
        var server: HandOverServer
        var directory = InstanceDirectory()

        init(
            limits: HandOverLimits = HandOverLimits(), knowsInstance: Bool = true,
            accept: @escaping (Int32) -> Int32 = { Glibc.accept($0, nil, nil) }
        ) throws {
            folder = try #require(TestFolder())
            server = try HandOverServer(
                path: folder.socket, mode: 0o666, limits: limits, firstRequest: 1, poller: poller, accept: accept)
            if knowsInstance { directory.add(instance, .processTree(root: getpid())) }
        }

        deinit { server.shutDown() }

        /// Serves until something is reported; gives up after 5 s of real time.
        func nextEvents(now: MonotonicTime = start) -> [HandOverServer.Event] {
            let deadline = ContinuousClock.now + .seconds(5)
            while ContinuousClock.now < deadline {
                for ready in poller.wait(atMost: .milliseconds(100)) {
                    let events =
                        ready.token == server.listenerToken
                        ? server.acceptPrograms(&directory, now: now) : server.socketReady(ready, now: now) ?? []
                    if !events.isEmpty { return events }
                }
            }
            return []
        }

        /// Serves what is ready now.
        func serve(now: MonotonicTime = start) {
            for ready in poller.wait(atMost: .milliseconds(20)) {
                _ =
                    ready.token == server.listenerToken
                    ? server.acceptPrograms(&directory, now: now) : server.socketReady(ready, now: now) ?? []
            }
        }

        func nextRequest() throws -> RequestID {
            let events = nextEvents()
            guard case .asked(let request, instance, _, _)? = events.first else {
                Issue.record("\(events)")
                return RequestID(rawValue: 0)
            }
            return request
        }
    }

    private func session(deviceInformation: [UInt8] = [1, 2]) throws -> HandedOverSession {
        let stream = SessionStream(
            role: .client, sendWindow: SessionLimits.defaultWindow, receiveWindow: SessionLimits.defaultWindow,
            slice: .zero)
        return HandedOverSession(
            foundReadiness: Readiness.reserved.rawValue, grant: 3, elapsedMicroseconds: 10,
            interfaceVersion: "0.1.0", continuation: try #require(stream.continuation()),
            deviceInformation: deviceInformation)
    }

    @Test("A program gets the very socket that was held, and its leaving is noticed")
    func handOver() throws {
        let fixture = try Fixture()
        var program = FakeProgram(fixture.folder.socket)
        program?.ask(.openSession(HandOverDemand()))
        let request = try fixture.nextRequest()
        var ends: [Int32] = [-1, -1]
        #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0)
        let session = try session()
        #expect(fixture.server.handOver(session, descriptors: [ends[0]], to: request, now: start).isEmpty)
        #expect(try program?.reply() == .session(session))
        let passed = try #require(program?.received)
        #expect(write(passed, [42] as [UInt8], 1) == 1)
        var byte: UInt8 = 0
        #expect(read(ends[1], &byte, 1) == 1)
        #expect(byte == 42)
        close(ends[1])
        program = nil
        guard case .left(request)? = fixture.nextEvents().first else { Issue.record("not noticed"); return }
        #expect(fixture.server.connectionCount == 0)
    }

    @Test("A reply greater than the socket's buffer goes out as the program reads")
    func greatReply() throws {
        let fixture = try Fixture()
        let program = try #require(FakeProgram(fixture.folder.socket))
        program.ask(.openSession(HandOverDemand()))
        let request = try fixture.nextRequest()
        let session = try session(
            deviceInformation: [UInt8](repeating: 5, count: SessionLimits.deviceInformation))
        #expect(fixture.server.handOver(session, descriptors: [dup(0)], to: request, now: start).isEmpty)
        let thread = Mailbox<HandOverReply?>()
        let reader = DedicatedThread(name: "reader") { [program = Confined(program)] in
            thread.put(try? program.value.reply())
        }
        while fixture.server.nextDeadline != nil { fixture.serve() }
        reader?.join()
        #expect(thread.take() == .session(session))
    }

    /// A connection of which a program gets the end `passed`.
    private struct Pair {
        let own: Int32
        let passed: Int32

        static func open() -> Pair {
            var ends: [Int32] = [-1, -1]
            #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0)
            return Pair(own: ends[0], passed: ends[1])
        }

        /// What recv(2) gives of one byte that is there: 1, 0 where nobody has the other end any more, and else below 0.
        func receive() -> Int {
            var byte: UInt8 = 0
            return recv(own, &byte, 1, Int32(MSG_DONTWAIT))
        }
    }

    @Test("Several sessions go out one after the other as the program reads, each with its own descriptors")
    func severalSessions() throws {
        let fixture = try Fixture()
        let program = try #require(FakeProgram(fixture.folder.socket))
        program.ask(.openSession(HandOverDemand(firstGPU: 1, gpus: 2)))
        guard case .asked(let request, instance, _, let gpus)? = fixture.nextEvents().first else {
            Issue.record("not asked")
            return
        }
        #expect(gpus == 1..<3)
        let (first, second) = (Pair.open(), Pair.open())
        defer { for pair in [first, second] { close(pair.own) } }
        // More than the socket takes while nobody reads.
        let session = try session(deviceInformation: [UInt8](repeating: 5, count: SessionLimits.deviceInformation))
        #expect(
            fixture.server.handOver(session, descriptors: [first.passed], to: request, remaining: 1, now: start)
                .isEmpty)
        #expect(
            fixture.server.handOver(session, descriptors: [second.passed, dup(0)], to: request, now: start).isEmpty)
        let replies = Mailbox<[HandOverReply?]>()
        let reader = DedicatedThread(name: "reader") { [program = Confined(program)] in
            replies.put((0..<2).map { _ in try? program.value.reply() })
        }
        while fixture.server.nextDeadline != nil { fixture.serve() }
        reader?.join()
        let expected: [HandOverReply?] = [
            .sessionOf(session, remaining: 1, descriptors: 1), .sessionOf(session, remaining: 0, descriptors: 2),
        ]
        #expect(replies.take() == expected)
        try #require(program.descriptors.count == 3)
        for (pair, descriptor) in zip([first, second], program.descriptors) {
            #expect(pair.receive() < 0)
            #expect(write(descriptor, [42] as [UInt8], 1) == 1)
            #expect(pair.receive() == 1)
        }
    }

    @Test("A program that asks for one virtual GPU by its number is answered likewise")
    func oneOfSeveral() throws {
        let fixture = try Fixture()
        let program = try #require(FakeProgram(fixture.folder.socket))
        program.ask(.openSession(HandOverDemand(firstGPU: 1)))
        let request = try fixture.nextRequest()
        let session = try session()
        #expect(fixture.server.handOver(session, descriptors: [dup(0)], to: request, now: start).isEmpty)
        #expect(try program.reply() == .sessionOf(session, remaining: 0, descriptors: 1))
    }

    @Test("A program that does not read its sessions is given up, and none of them stays open")
    func unreadSessions() throws {
        let fixture = try Fixture()
        var program = FakeProgram(fixture.folder.socket)
        program?.ask(.openSession(HandOverDemand(gpus: HandOverDemand.maximumGPUs)))
        let request = try fixture.nextRequest()
        let session = try session(deviceInformation: [UInt8](repeating: 5, count: SessionLimits.deviceInformation))
        let pairs = (0..<Int(HandOverDemand.maximumGPUs)).map { _ in Pair.open() }
        defer { for pair in pairs { close(pair.own) } }
        for (place, pair) in pairs.enumerated() {
            let events = fixture.server.handOver(
                session, descriptors: [pair.passed], to: request, remaining: pairs.count - 1 - place, now: start)
            #expect(events.isEmpty)
        }
        let deadline = try #require(fixture.server.nextDeadline)
        guard case .left(request)? = fixture.server.deadlinesPassed(now: deadline).first else {
            Issue.record("not given up")
            return
        }
        // What had gone out lies in the program's socket.
        #expect(pairs.last?.receive() == 0)
        program = nil
        #expect(pairs.allSatisfy { $0.receive() == 0 })
    }

    @Test("A program of no instance is refused")
    func stranger() throws {
        let fixture = try Fixture(knowsInstance: false)
        let program = try #require(FakeProgram(fixture.folder.socket))
        program.ask(.openSession(HandOverDemand()))
        fixture.serve()
        fixture.serve()
        #expect(try program.reply() == .refused("the program belongs to no instance of this agent"))
        #expect(program.isClosed())
    }

    @Test("A program that stops in the middle of its request delays nobody, and is closed at the deadline")
    func stalledProgram() throws {
        let fixture = try Fixture()
        let stalled = try #require(FakeProgram(fixture.folder.socket))
        stalled.send(HandOverRequest.openSession(HandOverDemand()).encoded().prefix(7))
        fixture.serve()
        let other = try #require(FakeProgram(fixture.folder.socket))
        other.ask(.openSession(HandOverDemand()))
        let request = try fixture.nextRequest()
        _ = fixture.server.refuse(request, reason: "none", now: start)
        #expect(try other.reply() == .refused("none"))
        let deadline = try #require(fixture.server.nextDeadline)
        _ = fixture.server.deadlinesPassed(now: deadline)
        #expect(stalled.isClosed())
    }

    @Test("A request in pieces is one request")
    func pieces() throws {
        let fixture = try Fixture()
        let program = try #require(FakeProgram(fixture.folder.socket))
        let bytes = HandOverRequest.openSession(HandOverDemand()).encoded()
        program.send(bytes.prefix(5))
        fixture.serve()
        program.send(bytes.dropFirst(5))
        _ = try fixture.nextRequest()
    }

    @Test("Bytes that are no request are refused, whatever they are", arguments: 0..<30)
    func arbitraryBytes(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let fixture = try Fixture()
        let program = try #require(FakeProgram(fixture.folder.socket))
        var bytes = HandOverRequest.openSession(HandOverDemand()).encoded()
        bytes[Int(random.below(4))] ^= UInt8(1 + random.below(255))
        bytes += (0..<random.below(6_000)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        program.send(bytes)
        fixture.serve()
        fixture.serve()
        guard case .refused? = try program.reply() else { Issue.record("not refused"); return }
        #expect(fixture.server.connectionCount == 0)
    }

    @Test("One instance's programs cannot take all connections")
    func connectionLimit() throws {
        let fixture = try Fixture(limits: HandOverLimits(connectionsPerInstance: 2))
        let programs = (0..<3).compactMap { _ in FakeProgram(fixture.folder.socket) }
        fixture.serve()
        #expect(fixture.server.connectionCount == 2)
        #expect(programs[2].isClosed())
    }

    @Test("A program that registers is its instance's root until it leaves")
    func registration() throws {
        let fixture = try Fixture(knowsInstance: false)
        var program = FakeProgram(fixture.folder.socket)
        program?.ask(
            .registerInstance(
                InstanceRegistration(
                    instance: "chat", tenant: "acme", application: "chat", priorityClass: "standard")))
        let events = fixture.nextEvents()
        guard case .wantsToRegister(let registrant)? = events.first else { Issue.record("\(events)"); return }
        #expect(registrant.credentials.pid == getpid())
        _ = fixture.server.accept(registrant.token, as: instance, clientLibrary: nil, now: start)
        #expect(try program?.reply() == .registered(clientLibrary: ""))
        program = nil
        guard case .unregistered(instance)? = fixture.nextEvents().first else { Issue.record("still there"); return }
    }

    @Test("Why a program of an instance is refused is told to the instance's root as well")
    func refusalNotice() throws {
        let fixture = try Fixture()
        let root = try #require(FakeProgram(fixture.folder.socket))
        root.ask(
            .registerInstance(
                InstanceRegistration(instance: "x", tenant: "t", application: "a", priorityClass: "standard")))
        guard case .wantsToRegister(let registrant)? = fixture.nextEvents().first else {
            Issue.record("no registration")
            return
        }
        _ = fixture.server.accept(registrant.token, as: instance, clientLibrary: "/l.so", now: start)
        #expect(try root.reply() == .registered(clientLibrary: "/l.so"))
        let program = try #require(FakeProgram(fixture.folder.socket))
        program.ask(.openSession(HandOverDemand()))
        _ = fixture.server.refuse(try fixture.nextRequest(), reason: "the pool is full", now: start)
        #expect(try program.reply() == .refused("the pool is full"))
        #expect(try root.reply() == .refused("the pool is full"))
        // The root is still registered.
        #expect(fixture.server.connectionCount == 1)
    }

    @Test("A report is passed on with its instance, and answered")
    func report() throws {
        let fixture = try Fixture()
        let program = try #require(FakeProgram(fixture.folder.socket))
        let report = ApplicationReport(workInFlight: 3)
        program.ask(.report(report))
        guard case .reported(let token, instance, report)? = fixture.nextEvents().first else {
            Issue.record("no report")
            return
        }
        _ = fixture.server.takeReport(token, now: start)
        #expect(try program.reply() == .reportTaken)
        #expect(program.isClosed())
    }

    @Test("A request that came to nothing is asked anew under another number")
    func askAgain() throws {
        let fixture = try Fixture()
        let program = try #require(FakeProgram(fixture.folder.socket))
        program.ask(
            .openSession(HandOverDemand(interfaceKind: "opencl", interfaceVersion: "0.1.0", firstGPU: 2, gpus: 2)))
        let request = try fixture.nextRequest()
        guard case .asked(let again, instance, let library, let gpus)? = fixture.server.askAgain(request).first else {
            Issue.record("not asked")
            return
        }
        #expect(again != request)
        #expect(gpus == 2..<4)
        #expect(library == ClientLibrary(kind: "opencl", version: "0.1.0"))
        #expect(fixture.server.askAgain(request).isEmpty)
        _ = fixture.server.refuse(again, reason: "none", now: start)
        #expect(try program.reply() == .refused("none"))
    }

    @Test("Without a descriptor for another program the listener pauses, and then lets it in")
    func noDescriptorLeft() throws {
        let isFull = Mailbox<Bool>()
        isFull.put(true)
        let fixture = try Fixture(accept: { listener in
            guard isFull.take() == true else { return Glibc.accept(listener, nil, nil) }
            errno = EMFILE
            return -1
        })
        let program = try #require(FakeProgram(fixture.folder.socket))
        program.ask(.openSession(HandOverDemand()))
        fixture.serve()
        // Nothing wakes the loop for the program that waits.
        #expect(fixture.poller.wait(atMost: .zero).isEmpty)
        let end = try #require(fixture.server.nextDeadline)
        isFull.put(false)
        #expect(fixture.server.deadlinesPassed(now: end).isEmpty)
        #expect(fixture.server.nextDeadline == nil)
        _ = fixture.server.refuse(try fixture.nextRequest(), reason: "none", now: start)
        #expect(try program.reply() == .refused("none"))
    }

    @Test("A socket that another agent serves is not taken from it; one left behind is")
    func socketInUse() throws {
        let folder = try #require(TestFolder())
        let first = try UnixSocket.listen(at: folder.socket, mode: 0o600)
        #expect(throws: UnixSocketError.self) { try UnixSocket.listen(at: folder.socket, mode: 0o600) }
        close(first)
        close(try UnixSocket.listen(at: folder.socket, mode: 0o600))
    }
}
