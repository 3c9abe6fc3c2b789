import Glibc
import RemotingCore
import SessionTransport

/// Where the session's worker is reached again over TCP: the other end of the connection that the agent handed over.
struct WorkerAddress {
    private var storage = sockaddr_storage()
    private var length = socklen_t(MemoryLayout<sockaddr_storage>.size)

    /// Nil for a connection that is not TCP: on one host, where it breaks only with a process.
    init?(ofPeerOf descriptor: CInt) {
        let isKnown = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getpeername(descriptor, $0, &length) == 0
            }
        }
        guard isKnown, [AF_INET, AF_INET6].contains(CInt(storage.ss_family)) else { return nil }
    }

    /// Why an attempt came to nothing.
    enum Failure: Error {
        /// Nobody listens there: the worker is gone, and its session with it.
        case nobodyListens
        /// The worker, or who answers in its place, will not go on with the session.
        case refused(String)
        /// The network, for now.
        case unreachable
    }

    /// A connection on which the worker has taken the client back.
    struct Return {
        var descriptor: CInt
        /// Every frame before it has arrived at the worker.
        var received: UInt64
        /// What has come of the worker's stream.
        var rest: [UInt8]
    }

    /// How long the network may take to connect, and the worker to say that it knows the client, in milliseconds. A worker
    /// that has said so may be occupied by a command for as long as that takes.
    private static let patience: CInt = 3_000

    /// One attempt, which takes as long as the worker is occupied.
    func comeBack(_ handshake: ResumeHandshake) throws(Failure) -> Return {
        let descriptor = socket(
            CInt(storage.ss_family), CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard descriptor >= 0 else { throw .unreachable }
        do throws(Failure) {
            SessionSocketOptions.apply(to: descriptor)
            try connect(descriptor)
            return try shakeHands(descriptor, handshake)
        } catch {
            close(descriptor)
            throw error
        }
    }

    private func connect(_ descriptor: CInt) throws(Failure) {
        let status = withUnsafePointer(to: storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(descriptor, $0, length) }
        }
        if status == 0 { return }
        var code = errno
        if code == EINPROGRESS {
            guard Self.wait(for: descriptor, CShort(POLLOUT), milliseconds: Self.patience) else { throw .unreachable }
            var size = socklen_t(MemoryLayout<CInt>.size)
            getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
        }
        switch code {
        case 0: return
        case ECONNREFUSED: throw .nobodyListens
        default: throw .unreachable
        }
    }

    /// Whether the descriptor is ready, or broken, within the time; nil waits without end. A signal, of which some programs
    /// get hundreds a second, neither ends the time nor adds to it.
    private static func wait(for descriptor: CInt, _ events: CShort, milliseconds: CInt?) -> Bool {
        let start = monotonicNanoseconds()
        while true {
            var left: CInt = -1
            if let milliseconds {
                let elapsed = (monotonicNanoseconds() - start) / 1_000_000
                guard elapsed <= UInt64(milliseconds) else { return false }
                left = milliseconds - CInt(elapsed) + 1
            }
            if waitUntilReady(descriptor, events, milliseconds: left) { return true }
        }
    }

    private func shakeHands(_ descriptor: CInt, _ handshake: ResumeHandshake) throws(Failure) -> Return {
        var handshake = handshake
        let hello = handshake.bytesToSend
        // Far smaller than the buffer of a new connection.
        guard hello.withUnsafeBytes({ send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }) == hello.count
        else { throw .unreachable }
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        var patience: CInt? = Self.patience
        while true {
            guard Self.wait(for: descriptor, CShort(POLLIN), milliseconds: patience) else { throw .unreachable }
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count < 0, errno == EAGAIN || errno == EINTR { continue }
            guard count > 0 else { throw .unreachable }
            let outcome: ResumeHandshake.Outcome
            do throws(RemotingError) {
                outcome = try handshake.received(buffer[..<count])
            } catch {
                throw .refused(error.message)
            }
            switch outcome {
            case .incomplete: continue
            case .pending: patience = nil
            case .refused(let refusal): throw .refused(refusal.message)
            case .resumed(let received, let rest):
                return Return(descriptor: descriptor, received: received, rest: rest)
            }
        }
    }
}
