import FleetModel
import Foundation

/// A TCP socket that listens on the loopback address.
struct LoopbackListener {
    let descriptor: Int32
    let port: UInt16

    /// On `port`, or on one of the system's choice.
    init(port wanted: UInt16 = 0, backlog: Int32 = 16) throws(CommandFailure) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        // As daemons do: connections of an earlier listener that linger do not matter.
        var reuse: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &reuse, socklen_t(MemoryLayout<Int32>.size))
        var address = Self.loopback(port: wanted)
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) }
        }
        guard descriptor >= 0, bound == 0, listen(descriptor, backlog) == 0 else {
            let failure = CommandFailure(
                .software, "cannot listen on 127.0.0.1: \(String(cString: strerror(errno)))")
            if descriptor >= 0 { _ = Foundation.close(descriptor) }
            throw failure
        }
        var length = size
        _ = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        self.descriptor = descriptor
        port = UInt16(bigEndian: address.sin_port)
    }

    /// The next connection; nil when the listener is closed.
    func accept() -> StreamSocket? {
        while true {
            let connection = Foundation.accept(descriptor, nil, nil)
            if connection >= 0 {
                _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
                return StreamSocket(descriptor: connection)
            }
            guard errno == EINTR || errno == ECONNABORTED else { return nil }
        }
    }

    func close() { _ = Foundation.close(descriptor) }

    static func loopback(port: UInt16) -> sockaddr_in {
        sockaddr_in(
            sin_family: sa_family_t(AF_INET), sin_port: port.bigEndian,
            sin_addr: in_addr(s_addr: UInt32(0x7F00_0001).bigEndian), sin_zero: (0, 0, 0, 0, 0, 0, 0, 0))
    }
}

/// A connected stream socket with reads and writes that block, for at most ``timeout`` without progress. The owner
/// closes it.
struct StreamSocket: Sendable {
    let descriptor: Int32
    let timeout: Duration

    init(descriptor: Int32, timeout: Duration = .seconds(30)) {
        self.descriptor = descriptor
        self.timeout = timeout
    }

    /// Connects to a port of the loopback address.
    init(loopbackPort port: UInt16) throws(CommandFailure) {
        self.init(descriptor: socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0))
        var address = LoopbackListener.loopback(port: port)
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else {
            let reason = String(cString: strerror(errno))
            close()
            throw CommandFailure(.unavailable, "nothing answers on 127.0.0.1:\(port): \(reason)")
        }
    }

    /// Writes all of `bytes`; false when the other side is gone or takes nothing.
    func write(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
        while !rest.isEmpty {
            guard isReady(for: POLLOUT) else { return false }
            let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, flags) }
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// Reads what is there, at most `limit` bytes; nil at the end of the stream, after an error and at the timeout.
    func read(upTo limit: Int) -> [UInt8]? {
        guard isReady(for: POLLIN) else { return nil }
        let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            var received = recv(descriptor, buffer.baseAddress, limit, 0)
            while received < 0, errno == EINTR { received = recv(descriptor, buffer.baseAddress, limit, 0) }
            count = max(0, received)
        }
        return bytes.isEmpty ? nil : bytes
    }

    func close() { _ = Foundation.close(descriptor) }

    /// Waits until the socket can be read from or written to; false at the timeout.
    private func isReady(for events: Int32) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        let milliseconds = Int32(min(timeout.inMilliseconds, 3_600_000))
        var count = poll(&entry, 1, milliseconds)
        while count < 0, errno == EINTR { count = poll(&entry, 1, milliseconds) }
        return count > 0
    }
}
