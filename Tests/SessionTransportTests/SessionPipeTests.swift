import Determinism
import Foundation
import RemotingCore
import SessionTransport
import Synchronization
import Testing

/// Two ends of a pipe that have switched to shared memory.
private struct Pipes {
    let client: SessionPipe
    let worker: SessionPipe
    let sockets: (CInt, CInt)
    let memory: SharedMemory

    init() throws {
        var ends: [CInt] = [0, 0]
        try #require(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0)
        let descriptor = try #require(SharedMemory.make())
        defer { close(descriptor) }
        let (one, other) = (SharedMemory(mapping: descriptor), SharedMemory(mapping: descriptor))
        memory = try #require(one)
        sockets = (ends[0], ends[1])
        client = SessionPipe(socket: ends[0], memory: one, role: .client)
        worker = SessionPipe(socket: ends[1], memory: other, role: .worker)
        for pipe in [client, worker] {
            pipe.switchSending()
            pipe.switchReceiving()
        }
    }

    func closeSockets() {
        close(sockets.0)
        close(sockets.1)
    }
}

extension SessionPipe {
    fileprivate func write(_ bytes: [UInt8]) throws -> Int? {
        try bytes.withUnsafeBytes { (bytes) throws(RemotingError) in try write(bytes) }
    }

    fileprivate func read(upTo count: Int) throws -> [UInt8]? {
        var space = [UInt8](repeating: 0, count: count)
        let outcome = try space.withUnsafeMutableBytes { (space) throws(RemotingError) in try read(into: space) }
        switch outcome {
        case .bytes(let count): return Array(space[..<count])
        case .nothingYet: return []
        case .ended: return nil
        }
    }
}

@Suite("The bytes of a session through shared memory")
struct SessionPipeTests {
    @Test(
        "What one end writes the other reads, in both directions, past the ring's end", arguments: [1, 2] as [UInt64])
    func carries(seed: UInt64) throws {
        let pipes = try Pipes()
        defer { pipes.closeSockets() }
        var random = SeededGenerator(seed: seed)
        for (sender, receiver) in [(pipes.client, pipes.worker), (pipes.worker, pipes.client)] {
            var (sent, received): (UInt64, UInt64) = (0, 0)
            while received < 4 << 20 {
                let bytes = (0..<random.below(300_000)).map { UInt8(truncatingIfNeeded: (sent + $0) &* 7 >> 3) }
                sent += UInt64(try #require(try sender.write(bytes)))
                let got = try #require(try receiver.read(upTo: Int(random.below(300_000)) + 1))
                let isRight = got.enumerated().allSatisfy {
                    $0.element == UInt8(truncatingIfNeeded: (received + UInt64($0.offset)) &* 7 >> 3)
                }
                #expect(isRight)
                received += UInt64(got.count)
            }
        }
    }

    @Test("A full ring takes nothing more until it is read")
    func fills() throws {
        let pipes = try Pipes()
        defer { pipes.closeSockets() }
        let more = [UInt8](repeating: 1, count: SharedMemoryLayout.ringCapacity + 5)
        #expect(try pipes.client.write(more) == SharedMemoryLayout.ringCapacity)
        #expect(try pipes.client.write([1]) == 0)
        #expect(try pipes.worker.read(upTo: 3)?.count == 3)
        #expect(try pipes.client.write(more) == 3)
    }

    @Test("An end that sleeps is woken once, for bytes and for room; one that does not sleep is left alone")
    func rings() throws {
        let pipes = try Pipes()
        defer { pipes.closeSockets() }
        func bells(_ socket: CInt) -> Int {
            var space = [UInt8](repeating: 1, count: 16)
            return max(0, recv(socket, &space, space.count, CInt(MSG_DONTWAIT)))
        }
        _ = try pipes.client.write([1])
        #expect(bells(pipes.sockets.1) == 0)
        #expect(!pipes.worker.prepareToSleep(forRoom: false), "there is a byte already")
        _ = try pipes.worker.read(upTo: 1)
        #expect(pipes.worker.prepareToSleep(forRoom: false))
        _ = try pipes.client.write([2])
        _ = try pipes.client.write([3])
        #expect(bells(pipes.sockets.1) == 1)
        _ = try pipes.client.write([UInt8](repeating: 0, count: SharedMemoryLayout.ringCapacity))
        #expect(pipes.client.prepareToSleep(forBytes: false, forRoom: true))
        _ = try pipes.worker.read(upTo: 1)
        #expect(bells(pipes.sockets.0) == 0, "a byte of room is not worth waking for")
        _ = try pipes.worker.read(upTo: SharedMemoryLayout.ringCapacity / 4)
        _ = try pipes.worker.read(upTo: 1)
        #expect(bells(pipes.sockets.0) == 1)
    }

    @Test("Two threads that sleep and wake lose nothing and never sleep through a byte")
    func threads() throws {
        let pipes = try Pipes()
        let total = 24 << 20
        let failure = Mutex<String?>(nil)
        let worker = UncheckedPipe(pipe: pipes.worker, socket: pipes.sockets.1)
        let done = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            // Echoes what it gets.
            var carried = 0
            var waiting: [UInt8] = []
            while carried < total {
                do {
                    if waiting.isEmpty { waiting = try worker.pipe.read(upTo: 70_000) ?? [] }
                    if !waiting.isEmpty {
                        let count = try worker.pipe.write(waiting) ?? 0
                        carried += count
                        waiting.removeFirst(count)
                        if count > 0 { continue }
                    }
                    guard worker.sleep(forRoom: !waiting.isEmpty) else {
                        failure.withLock { $0 = "the worker slept for 10 s" }
                        break
                    }
                } catch {
                    failure.withLock { $0 = "\(error)" }
                    break
                }
            }
            done.signal()
        }
        let client = UncheckedPipe(pipe: pipes.client, socket: pipes.sockets.0)
        var random = SeededGenerator(seed: 5)
        var (sent, received) = (0, 0)
        while received < total {
            let count = min(Int(random.below(4) == 0 ? random.below(400_000) : random.below(100)) + 1, total - sent)
            if count > 0 { sent += try pipes.client.write([UInt8](repeating: 3, count: count)) ?? 0 }
            let got = try #require(try pipes.client.read(upTo: 200_000))
            received += got.count
            if got.isEmpty, received < sent, random.below(2) == 0 || sent == total {
                try #require(client.sleep(forRoom: false), "the client slept for 10 s")
            }
        }
        #expect(done.wait(timeout: .now() + 20) == .success)
        #expect(failure.withLock { $0 } == nil)
        pipes.closeSockets()
    }

    @Test("Bytes that were written before the end are read before it")
    func ends() throws {
        let pipes = try Pipes()
        _ = try pipes.worker.write([1, 2])
        close(pipes.sockets.1)
        pipes.client.noteReady()
        #expect(try pipes.client.read(upTo: 9) == [1, 2])
        #expect(try pipes.client.read(upTo: 9) == nil)
        #expect(try pipes.client.write([1]) == nil)
        close(pipes.sockets.0)
    }

    @Test("A peer that writes what it likes into the numbers is found out", arguments: [1 << 21, 1 << 40, UInt64.max])
    func lies(number: UInt64) throws {
        let pipes = try Pipes()
        defer { pipes.closeSockets() }
        pipes.memory.number(SharedMemoryLayout.toWorker.produced).pointee.store(number, ordering: .releasing)
        #expect(throws: RemotingError.self) { try pipes.worker.read(upTo: 1) }
        pipes.memory.number(SharedMemoryLayout.toClient.consumed).pointee.store(number, ordering: .releasing)
        #expect(throws: RemotingError.self) {
            try pipes.worker.write([UInt8](repeating: 0, count: SharedMemoryLayout.ringCapacity + 1))
        }
    }

    @Test("Before the switch bytes go over the socket")
    func socketFirst() throws {
        var ends: [CInt] = [0, 0]
        try #require(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0)
        let client = SessionPipe(socket: ends[0], memory: nil, role: .client)
        client.switchSending()
        let bytes: [UInt8] = [1, 2, 3]
        let count = try bytes.withUnsafeBytes { bytes throws(RemotingError) in
            try client.write(
                UnsafeRawBufferPointer(rebasing: bytes[..<2]), UnsafeRawBufferPointer(rebasing: bytes[2...]))
        }
        #expect(count == 3 && !client.sendsThroughMemory)
        var space = [UInt8](repeating: 0, count: 8)
        #expect(recv(ends[1], &space, 8, 0) == 3 && space[..<3] == [1, 2, 3])
        for end in ends { close(end) }
    }
}

/// A pipe that one thread of a test has to itself.
private final class UncheckedPipe: @unchecked Sendable {
    let pipe: SessionPipe
    let socket: CInt

    init(pipe: SessionPipe, socket: CInt) {
        self.pipe = pipe
        self.socket = socket
    }

    /// False when nothing wakes it for 10 s.
    func sleep(forRoom: Bool) -> Bool {
        guard pipe.prepareToSleep(forRoom: forRoom) else { return true }
        var entry = pollfd(fd: socket, events: Int16(pipe.pollEvents(forRoom: forRoom)), revents: 0)
        guard poll(&entry, 1, 10_000) > 0 else { return false }
        pipe.noteReady()
        return true
    }
}

@Suite("Memory that two ends share")
struct SharedMemoryTests {
    @Test("Its size is nobody's to change")
    func isSealed() throws {
        let descriptor = try #require(SharedMemory.make())
        defer { close(descriptor) }
        #expect(ftruncate(descriptor, 0) != 0)
        #expect(ftruncate(descriptor, 1 << 30) != 0)
        #expect(SharedMemory(mapping: descriptor) != nil)
    }

    @Test("A file that could lose its bytes is not mapped")
    func refusesFiles() throws {
        let path = NSTemporaryDirectory() + UUID().uuidString
        let file = open(path, O_RDWR | O_CREAT, 0o600)
        try #require(file >= 0)
        unlink(path)
        defer { close(file) }
        ftruncate(file, off_t(SharedMemoryLayout.length))
        #expect(SharedMemory(mapping: file) == nil)
        #expect(SharedMemory(mapping: -1) == nil)
    }
}

@Suite("Descriptors beside bytes")
struct DescriptorPassingTests {
    @Test("They arrive with the first byte, in their order", arguments: 0...4)
    func pass(count: Int) throws {
        var ends: [CInt] = [0, 0]
        try #require(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0)
        defer { for end in ends { close(end) } }
        let files = (0..<count).map { _ in open("/dev/null", O_RDONLY) }
        let sent = [UInt8(1), 2].withUnsafeBytes { DescriptorPassing.send($0, passing: files, on: ends[0]) }
        for file in files { close(file) }
        #expect(sent == 2)
        var space = [UInt8](repeating: 0, count: 8)
        let (got, descriptors) = space.withUnsafeMutableBytes { DescriptorPassing.receive(ends[1], into: $0) }
        #expect(got == 2 && space[..<2] == [1, 2] && descriptors.count == count)
        for descriptor in descriptors {
            #expect(fcntl(descriptor, F_GETFD) == FD_CLOEXEC)
            close(descriptor)
        }
    }
}

@Suite("The UNIX socket beside a worker's port")
struct LocalSessionSocketTests {
    @Test("Who knows the port finds it, and there is one of a name")
    func finds() throws {
        let listener = try #require(LocalSessionSocket.listen(beside: 1))
        #expect(LocalSessionSocket.listen(beside: 1) == nil)
        let connection = try #require(LocalSessionSocket.connect(toPort: 1))
        close(connection)
        close(listener)
        #expect(LocalSessionSocket.connect(toPort: 1) == nil)
    }

    @Test("Only this host's addresses are local")
    func tellsLocal() {
        func isLocal(_ host: UInt32) -> Bool {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = host.bigEndian
            return withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    LocalSessionSocket.isLocal($0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        }
        #expect(isLocal(0x7F00_0001))
        #expect(!isLocal(0xC633_6407))
    }

    @Test("Only the three ways have names")
    func choices() {
        #expect(TransportChoice(rawValue: "auto") == .automatic)
        #expect(TransportChoice(rawValue: "shared-memory") == .sharedMemory)
        #expect(TransportChoice(rawValue: "udp") == nil)
    }
}
