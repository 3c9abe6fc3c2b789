import FleetModel
import Glibc
import RemotingCore
import SessionTransport

/// One session's connection in the hands of the agent: connecting → shaking hands → held. Ended is terminal.
///
/// The owner calls ``advance(now:)`` whenever the socket is ready, and after the deadline.
struct SessionConnection {
    enum Outcome: Equatable {
        /// More has to come from the worker.
        case pending
        /// Connected and accepted: from now on the connection is held.
        case opened
        /// Not opened, for the reason given; or, once held, closed by the worker.
        case ended(String)
    }

    private enum Phase {
        case connecting
        case handshaking(ClientHandshake, unsent: ArraySlice<UInt8>)
        case held(SessionStream, SessionAcceptance)
        case ended
    }

    /// From the first step to the worker's acceptance.
    static let openingTime: Duration = .seconds(2)

    let descriptor: Int32
    /// When opening is given up; nil once the session is held.
    private(set) var deadline: MonotonicTime?
    /// The kernel's name for the socket, by which telemetry leaves it out.
    let cookie: UInt64
    private var phase = Phase.connecting
    private let hello: ClientHello
    /// Memory that the worker shares with who uses the session, where it is on this host.
    private(set) var memory: Int32?

    /// Begins to connect; the reason when that cannot even be begun. To a worker on this host by its UNIX socket, where
    /// it has one and `transport` allows it.
    static func begin(
        to address: SocketAddress, hello: ClientHello, transport: TransportChoice, now: MonotonicTime
    ) -> Result<SessionConnection, SessionOpeningError> {
        if transport != .tcp, address.isLocal, let local = LocalSessionSocket.connect(toPort: address.port) {
            return .success(SessionConnection(descriptor: local, hello: hello, deadline: now + openingTime))
        }
        guard transport != .sharedMemory else {
            return .failure(
                SessionOpeningError("the worker shares no memory with this host, and nothing else is allowed"))
        }
        let descriptor = Descriptor.nonBlockingSocket(family: address.family)
        guard descriptor >= 0 else { return .failure(SessionOpeningError("no socket: \(errorText(errno))")) }
        SessionSocketOptions.apply(to: descriptor)
        let status = address.connect(descriptor)
        guard status == 0 || status == EINPROGRESS else {
            Glibc.close(descriptor)
            return .failure(SessionOpeningError("no connection to the worker: \(errorText(status))"))
        }
        return .success(SessionConnection(descriptor: descriptor, hello: hello, deadline: now + openingTime))
    }

    private init(descriptor: Int32, hello: ClientHello, deadline: MonotonicTime) {
        self.descriptor = descriptor
        self.hello = hello
        self.deadline = deadline
        var cookie: UInt64 = 0
        var length = socklen_t(MemoryLayout<UInt64>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_COOKIE, &cookie, &length)
        self.cookie = cookie
    }

    /// The semantic version of the client's end, which the worker has accepted.
    var interfaceVersion: String { hello.interface.version }

    /// Whether readiness for writing is awaited.
    var wantsToWrite: Bool {
        switch phase {
        case .connecting: true
        case .handshaking(_, let unsent): !unsent.isEmpty
        case .held(let stream, _): stream.hasUnsent
        case .ended: false
        }
    }

    /// Goes as far as the socket allows without waiting.
    mutating func advance(now: MonotonicTime) -> Outcome {
        if case .connecting = phase, let failure = finishConnecting() { return end(failure) }
        if case .handshaking = phase {
            let outcome = shakeHands()
            if outcome != .pending { return outcome }
        }
        if case .held = phase { return attend() }
        if let deadline, deadline <= now {
            return end("the worker did not answer within \(Self.openingTime.inSeconds) s")
        }
        return .pending
    }

    /// What a program needs to go on with the session: its state, brought up to what has arrived. Nil, with the
    /// connection as it was, while a frame is under way.
    mutating func continuation() -> (SessionContinuation, SessionAcceptance)? {
        guard case .pending = attend(), case .held(let stream, let acceptance) = phase,
            let continuation = stream.continuation()
        else { return nil }
        return (continuation, acceptance)
    }

    private mutating func finishConnecting() -> String? {
        var error: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length)
        guard error == 0 else { return "no connection to the worker: \(errorText(error))" }
        var peer = sockaddr_storage()
        var peerLength = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let isConnected = withUnsafeMutablePointer(to: &peer) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(descriptor, $0, &peerLength) == 0 }
        }
        if isConnected {
            let handshake = ClientHandshake(hello)
            phase = .handshaking(handshake, unsent: handshake.bytesToSend[...])
        }
        return nil
    }

    private mutating func shakeHands() -> Outcome {
        guard case .handshaking(var handshake, var unsent) = phase else { return .pending }
        if !unsent.isEmpty {
            let count = unsent.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count < 0, errno != EAGAIN, errno != EINTR { return end("the worker: \(errorText(errno))") }
            unsent = unsent.dropFirst(max(count, 0))
        }
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        // A hello is bounded by its own length field; 16 reads of this buffer hold the greatest one twice.
        for _ in 0..<16 {
            let count = receive(into: &buffer)
            if count == 0 { return end("the worker closed the connection during the handshake") }
            if count < 0 {
                if errno == EAGAIN || errno == EINTR { break }
                return end("the worker: \(errorText(errno))")
            }
            do {
                switch try handshake.received(buffer[..<count]) {
                case .incomplete:
                    continue
                case .refused(let refusal):
                    return end("the worker refused: \(refusal)")
                case .accepted(let acceptance, let stream):
                    phase = .held(stream, acceptance)
                    deadline = nil
                    let outcome = attend()
                    return outcome == .pending ? .opened : outcome
                }
            } catch {
                return end("the worker's handshake: \(error)")
            }
        }
        phase = .handshaking(handshake, unsent: unsent)
        return .pending
    }

    /// Receives bytes, and keeps the first descriptor that comes along.
    private mutating func receive(into buffer: inout [UInt8]) -> Int {
        let (count, descriptors) = buffer.withUnsafeMutableBytes { DescriptorPassing.receive(descriptor, into: $0) }
        for extra in descriptors {
            if memory == nil { memory = extra } else { Glibc.close(extra) }
        }
        return count
    }

    /// Closes the connection, and the memory that came with it.
    func close() {
        if let memory { Glibc.close(memory) }
        Glibc.close(descriptor)
    }

    /// Reads what the worker says to a held session: changes of its slice, pings, a farewell.
    private mutating func attend() -> Outcome {
        guard case .held(var stream, let acceptance) = phase else { return .pending }
        // Taken out of the phase, so that the stream's buffers have one owner and are not copied.
        phase = .ended
        var isClosed = false
        var failure: Int32 = 0
        do {
            var count = 0
            var reads = 0
            repeat {
                count = try stream.receive { space in
                    let count = recv(descriptor, space.baseAddress, space.count, 0)
                    isClosed = count == 0 && space.count > 0
                    if count < 0, errno != EAGAIN, errno != EINTR { failure = errno }
                    return max(count, 0)
                }
                reads += 1
            } while count > 0 && reads < 64
            while let event = stream.nextEvent() {
                switch event {
                case .sliceChanged, .pong: continue
                case .goneAway(let farewell): return end("the worker ended the session: \(farewell)")
                case .peerSwitched: return end("the worker left the socket of a session without a program")
                case .completed: return end("the worker completed requests of a session without a program")
                case .data, .placed: return end("the worker sent data to a session without a program")
                }
            }
        } catch {
            return end("the worker's stream: \(error)")
        }
        if isClosed { return end("the worker closed the session") }
        if failure != 0 { return end("the worker: \(errorText(failure))") }
        stream.send { bytes in
            max(0, Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL)))
        }
        phase = .held(stream, acceptance)
        return .pending
    }

    private mutating func end(_ reason: String) -> Outcome {
        phase = .ended
        deadline = nil
        return .ended(reason)
    }
}

/// Why a session's connection could not be begun.
struct SessionOpeningError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
