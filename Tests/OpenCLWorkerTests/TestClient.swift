import DeviceDrivers
import FleetModel
import Glibc
import RemotingCore
import SessionTransport
import Testing
import WorkerControl

/// A session's client over a real socket, one step at a time.
final class TestClient {
    let acceptance: SessionAcceptance
    var connection: Descriptor
    var pipe: SessionPipe
    /// What the worker shares, to do with as a hostile client does.
    let memory: SharedMemory?
    var stream: SessionStream
    private var responses: [OpenCLResponse] = []
    private var nextCall: UInt64 = 0

    enum Failure: Error, Hashable {
        case refused(SessionRefusal)
        case closed
        case unexpected(String)
    }

    /// Opens the worker's session; over its UNIX socket where `isLocal`.
    convenience init(
        _ worker: TestWorker, ticket: SessionTicket = TestWorker.ticket, version: InterfaceVersion? = nil,
        isLocal: Bool = false
    ) throws {
        try self.init(port: worker.endpoint.port, ticket: ticket, version: version, isLocal: isLocal)
    }

    /// Opens the session of the worker that listens at `port`.
    init(
        port: UInt16, ticket: SessionTicket = TestWorker.ticket, version: InterfaceVersion? = nil, isLocal: Bool = false
    ) throws {
        let version = try version ?? TestWorker.version()
        let connection =
            isLocal
            ? Descriptor(owning: try #require(LocalSessionSocket.connect(toPort: port)))
            : try Self.connect(to: port)
        var memory: SharedMemory?
        let interface = try #require(
            InterfaceIdentity(kind: version.kind, version: version.version.description, digest: version.digest.bytes))
        let handshaking = ClientHandshake(
            ClientHello(
                interface: interface,
                credential: SessionCredential(grant: 7, ticketHigh: ticket.high, ticketLow: ticket.low)))
        var handshake = handshaking
        _ = handshaking.bytesToSend.withUnsafeBytes { connection.send($0) }
        while true {
            let (bytes, passed) = try Self.receiveWithDescriptors(connection)
            for descriptor in passed {
                memory = SharedMemory(mapping: descriptor)
                Glibc.close(descriptor)
            }
            switch try handshake.received(bytes) {
            case .incomplete: continue
            case .refused(let refusal): throw Failure.refused(refusal)
            case .accepted(let acceptance, let stream):
                (self.connection, self.acceptance, self.stream) = (connection, acceptance, stream)
                pipe = SessionPipe(socket: connection.number, memory: memory, role: .client)
                self.memory = memory
                return
            }
        }
    }

    /// A plain connection to a worker's port.
    static func connect(to port: UInt16) throws -> Descriptor {
        let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        try #require(number >= 0)
        let connection = Descriptor(owning: number)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(number, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw SystemError("connect") }
        SessionSocketOptions.apply(to: number)
        connection.stopBlocking()
        return connection
    }

    /// What arrives next; throws when nothing does for 60 s or the connection closes.
    static func receive(_ connection: Descriptor) throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let deadline = ContinuousClock.now + .seconds(60)
        // A signal, as of a child's end, ends a wait before its time.
        while ContinuousClock.now < deadline {
            var entries = [pollfd(connection, POLLIN)]
            wait(for: &entries, milliseconds: 60_000)
            switch buffer.withUnsafeMutableBytes({ connection.read(into: $0) }) {
            case .bytes(let count): return Array(buffer[..<count])
            case .nothingYet: continue
            case .ended: throw Failure.closed
            }
        }
        throw Failure.closed
    }

    private static func receiveWithDescriptors(_ connection: Descriptor) throws -> ([UInt8], [Int32]) {
        var entries = [pollfd(connection, POLLIN)]
        wait(for: &entries, milliseconds: 60_000)
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let (count, descriptors) = buffer.withUnsafeMutableBytes {
            DescriptorPassing.receive(connection.number, into: $0)
        }
        guard count > 0 else { throw Failure.closed }
        return (Array(buffer[..<count]), descriptors)
    }

    /// Whether the worker offered memory to share.
    var hasMemory: Bool { pipe.canSwitch }
    var receivesThroughMemory: Bool { pipe.receivesThroughMemory }

    /// Sends the rest through the memory.
    func switchToSharedMemory() throws {
        stream.switchToSharedMemory()
        try flush()
        pipe.switchSending()
    }

    /// What a program's library does first with a session that it got from an agent.
    func takeOver() throws {
        stream.ping(0)
        try flush()
    }

    func send(_ requests: OpenCLRequest...) throws {
        for request in requests {
            while !stream.sendData(request.encoded()) { try turn() }
        }
        try flush()
    }

    /// Bytes as they are, past the stream's framing.
    func sendRaw(_ bytes: [UInt8]) { _ = bytes.withUnsafeBytes { connection.send($0) } }

    /// The same, with descriptors of files (`SCM_RIGHTS`).
    func sendRaw(_ bytes: [UInt8], passing descriptors: [Int32]) {
        _ = bytes.withUnsafeBytes { DescriptorPassing.send($0, passing: descriptors, on: connection.number) }
    }

    /// The bytes of a ping that is the stream's next frame, for who sends them another way.
    func pingBytes(_ token: UInt64) -> [UInt8] {
        stream.ping(token)
        var bytes: [UInt8] = []
        while stream.hasUnsent {
            stream.send {
                bytes += $0
                return $0.count
            }
        }
        return bytes
    }

    func close() { shutdown(connection.number, Int32(SHUT_RDWR)) }

    /// Sends a request that is answered, and waits for the answer that ends it.
    func call(_ request: (CallID) -> OpenCLRequest) throws -> OpenCLResponse {
        nextCall += 1
        let call = CallID(rawValue: nextCall)
        try send(request(call))
        let response = try nextResponse()
        try #require(response.call == call)
        return response
    }

    func finish(_ queue: ObjectID) throws -> Completion {
        guard case .completed(_, let completion) = try call({ .finish($0, queue: queue) }) else {
            throw Failure.unexpected("no completion")
        }
        return completion
    }

    /// Reads a region; throws unless the pieces come in order and the read ends well.
    func read(_ command: BufferCommand) throws -> [UInt8] {
        nextCall += 1
        try send(.readBuffer(CallID(rawValue: nextCall), command))
        var bytes: [UInt8] = []
        while true {
            switch try nextResponse() {
            case .readData(_, let offset, let data):
                try #require(offset == UInt64(bytes.count))
                bytes += data
            case .completed(_, let completion):
                guard completion.code == 0 else { throw Failure.unexpected("code \(completion.code)") }
                return bytes
            default: throw Failure.unexpected("no read data")
            }
        }
    }

    func nextResponse() throws -> OpenCLResponse {
        while responses.isEmpty { try turn() }
        return responses.removeFirst()
    }

    /// The slice that the worker last announced, after waiting for the next announcement.
    func nextSlice() throws -> SessionSlice {
        let before = stream.slice
        while stream.slice == before { try turn() }
        return stream.slice
    }

    func turn() throws {
        try flush()
        var outcome = SessionPipe.ReadOutcome.nothingYet
        var failure: RemotingError?
        for attempt in 0..<2 {
            _ = try stream.receive { space in
                do throws(RemotingError) { outcome = try pipe.read(into: space) } catch { failure = error }
                if case .bytes(let count) = outcome { return count }
                return 0
            }
            if let failure { throw failure }
            guard outcome == .nothingYet, attempt == 0 else { break }
            guard pipe.prepareToSleep(forRoom: false) else { continue }
            var entries = [pollfd(connection, pipe.pollEvents(forRoom: false))]
            wait(for: &entries, milliseconds: 60_000)
            guard entries[0].isReady else { throw Failure.closed }
            pipe.noteReady()
        }
        guard outcome != .ended else { throw Failure.closed }
        try takeEvents()
    }

    func takeEvents() throws {
        while let event = stream.nextEvent() {
            switch event {
            case .data(let payload):
                var messages = WireMessages<OpenCLResponse>(payload: payload)
                while let response = try messages.next() { responses.append(response) }
            case .goneAway(let farewell): throw Failure.unexpected(farewell.message)
            case .peerSwitched: pipe.switchReceiving()
            case .pong, .sliceChanged, .completed, .placed: break
            }
        }
    }

    func flush() throws {
        while stream.hasUnsent {
            var isOpen = true
            stream.send { bytes in
                let sent = try? pipe.write(bytes)
                isOpen = sent != nil
                return sent ?? 0
            }
            guard isOpen else { throw Failure.closed }
            guard stream.hasUnsent else { return }
            guard pipe.prepareToSleep(forBytes: false, forRoom: true) else { continue }
            var entries = [pollfd(connection, pipe.pollEvents(forBytes: false, forRoom: true))]
            wait(for: &entries, milliseconds: 60_000)
            if pipe.sendsThroughMemory { pipe.noteReady() }
        }
    }
}
