import Determinism
import Foundation
import Synchronization

/// A network between a program and a worker that breaks connections at random: after so many bytes, with a reset or an end,
/// and with what it has not yet handed on lost.
final class CuttingProxy: Sendable {
    let port: UInt16
    private let target: UInt16
    private let listener: CInt
    private let state: Mutex<State>

    private struct State {
        var random: SeededGenerator
        var isCutting = false
        var isClosed = false
        var cuts = 0
        /// Connections of an earlier one are broken.
        var generation = 0
    }

    /// Bytes that a connection carries at most while the proxy cuts.
    private static let greatestBudget: UInt64 = 400_000

    init(to target: UInt16, seed: UInt64) throws {
        self.target = target
        state = Mutex(State(random: SeededGenerator(seed: seed)))
        (listener, port) = try Self.listen()
        Thread.detachNewThread { [self] in
            while true {
                let program = accept(listener, nil, nil)
                guard program >= 0 else {
                    // A signal, or no descriptor for now in a process of many tests, is not the network's end.
                    guard [EINTR, ECONNABORTED, EMFILE, ENFILE].contains(errno) else { return }
                    usleep(1_000)
                    continue
                }
                _ = fcntl(program, F_SETFD, FD_CLOEXEC)
                // One session has one connection at a time; what waits for the next is in the backlog.
                Thread.detachNewThread { self.carry(program) }
            }
        }
    }

    /// From here on connections break.
    func beginCutting() { state.withLock { $0.isCutting = true } }
    /// From here on they hold.
    func stopCutting() { state.withLock { $0.isCutting = false } }
    /// Breaks the connection that is there.
    func cutOnce() { state.withLock { $0.generation += 1 } }
    var cuts: Int { state.withLock { $0.cuts } }

    /// Nobody is let through any more, and nobody is any longer.
    func close() {
        let wasClosed = state.withLock { state in
            defer { state.isClosed = true }
            return state.isClosed
        }
        if wasClosed { return }
        shutdown(listener, CInt(SHUT_RDWR))
        Foundation.close(listener)
    }

    static func connect(to port: UInt16) -> CInt {
        let number = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var one: CInt = 1
        setsockopt(number, CInt(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<CInt>.size))
        var address = loopback(port)
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Foundation.connect(number, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else {
            Foundation.close(number)
            return -1
        }
        return number
    }

    private static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    private static func listen() throws -> (CInt, UInt16) {
        let listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = loopback(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && Foundation.listen(listener, 16) == 0
                    ? getsockname(listener, $0, &length) : -1
            }
        }
        guard status == 0 else { throw CocoaError(.fileWriteUnknown) }
        return (listener, UInt16(bigEndian: address.sin_port))
    }

    private func carry(_ program: CInt) {
        let worker = Self.connect(to: target)
        defer { for end in [program, worker] where end >= 0 { Foundation.close(end) } }
        guard worker >= 0 else { return }
        var one: CInt = 1
        setsockopt(program, CInt(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<CInt>.size))
        var budget: Int?
        let generation = state.withLock { $0.generation }
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            var entries = [program, worker].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            guard poll(&entries, 2, 50) >= 0 else { return }
            let isCutting = state.withLock { state in
                if state.isCutting, budget == nil { budget = Int(state.random.below(Self.greatestBudget)) }
                return state.isCutting
            }
            if state.withLock({ $0.isClosed }) { return }
            if state.withLock({ $0.generation }) > generation { return cut(program, worker) }
            for (entry, other) in zip(entries, [worker, program]) where entry.revents != 0 {
                let count = recv(entry.fd, &buffer, buffer.count, 0)
                guard count > 0 else { return }
                if isCutting, let left = budget, count > left {
                    _ = send(other, buffer, left, CInt(MSG_NOSIGNAL))
                    return cut(program, worker)
                }
                if isCutting { budget? -= count }
                var sent = 0
                while sent < count {
                    let more = buffer[sent..<count].withUnsafeBytes {
                        send(other, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
                    }
                    guard more > 0 else { return }
                    sent += more
                }
            }
        }
    }

    private func cut(_ program: CInt, _ worker: CInt) {
        let resets = state.withLock { state in
            state.cuts += 1
            return [state.random.chance(1, in: 2), state.random.chance(1, in: 2)]
        }
        for (end, reset) in zip([program, worker], resets) where reset {
            var linger = Foundation.linger(l_onoff: 1, l_linger: 0)
            setsockopt(end, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Foundation.linger>.size))
        }
    }
}
