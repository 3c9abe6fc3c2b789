import Glibc
import RemotingCore

@testable import AgentRuntime

/// A folder for one test's socket, removed with it.
final class TestFolder {
    let path: String

    init?() {
        var template = Array("/tmp/presync-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { return nil }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    var socket: String { path + "/agent.sock" }

    deinit {
        unlink(socket)
        rmdir(path)
    }
}

/// A program's end of the agent's socket.
final class FakeProgram {
    private let descriptor: Int32
    /// In the order in which they came.
    private(set) var descriptors: [Int32] = []
    var received: Int32? { descriptors.last }
    private var bytes: [UInt8] = []

    init?(_ path: String) {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let descriptor = descriptor
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        guard connected else { return nil }
        var timeout = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit {
        close(descriptor)
        for received in descriptors { close(received) }
    }

    func send(_ bytes: some Collection<UInt8>) {
        let bytes = Array(bytes)
        _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    func ask(_ request: HandOverRequest) { send(request.encoded()) }

    /// Reads a whole reply, and the descriptors beside it; nil when the agent closed the connection first.
    func reply() throws -> HandOverReply? {
        while true {
            if let reply = try HandOverReply.next(from: &bytes) { return reply }
            guard let more = receiveSome() else { return nil }
            bytes += more
        }
    }

    /// Whether the agent has closed the connection; waits for it.
    func isClosed() -> Bool { receiveSome() == nil }

    private func receiveSome() -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var control = [UInt64](repeating: 0, count: 4)
        let count = buffer.withUnsafeMutableBytes { bytes in
            control.withUnsafeMutableBytes { space in
                var vector = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
                return withUnsafeMutablePointer(to: &vector) { vectors in
                    var header = msghdr()
                    header.msg_iov = vectors
                    header.msg_iovlen = 1
                    header.msg_control = space.baseAddress
                    header.msg_controllen = space.count
                    let count = recvmsg(descriptor, &header, Int32(MSG_CMSG_CLOEXEC))
                    if count > 0, header.msg_controllen >= 20 {
                        // The length, level and type of the control message come before them.
                        let end = Int(space.load(as: UInt64.self))
                        for place in stride(from: 16, to: end, by: 4) {
                            descriptors.append(space.load(fromByteOffset: place, as: Int32.self))
                        }
                    }
                    return count
                }
            }
        }
        return count > 0 ? Array(buffer[..<count]) : nil
    }
}
