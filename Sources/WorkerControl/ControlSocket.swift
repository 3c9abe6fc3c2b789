import Glibc

/// The UNIX sockets of the control protocol. A descriptor made here is closed on exec and does not block.
package enum ControlSocket {
    /// Listens at `path`, in place of whatever socket was left there. Only the owner can connect.
    package static func listen(at path: String) throws(SystemError) -> Descriptor {
        let socket = try open()
        unlink(path)
        guard try withAddress(path, { bind(socket.number, $0, $1) }) == 0 else { throw SystemError("bind \(path)") }
        guard chmod(path, 0o600) == 0 else { throw SystemError("chmod \(path)") }
        guard Glibc.listen(socket.number, 4) == 0 else { throw SystemError("listen \(path)") }
        return socket
    }

    /// Connects to who listens at `path`; a connection that cannot be made at once is refused.
    package static func connect(to path: String) throws(SystemError) -> Descriptor {
        let socket = try open()
        guard try withAddress(path, { Glibc.connect(socket.number, $0, $1) }) == 0 else {
            throw SystemError("connect \(path)")
        }
        return socket
    }

    /// Two connected sockets, both closed on exec: a child gets the second as a copy (`dup2`), and it blocks.
    package static func pair() throws(SystemError) -> (own: Descriptor, child: Descriptor) {
        var numbers: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, streamType | Int32(SOCK_CLOEXEC.rawValue), 0, &numbers) == 0 else {
            throw SystemError("socketpair")
        }
        let own = Descriptor(owning: numbers[0])
        own.stopBlocking()
        return (own, Descriptor(owning: numbers[1]))
    }

    private static let streamType = Int32(SOCK_STREAM.rawValue)

    private static func open() throws(SystemError) -> Descriptor {
        let number = socket(AF_UNIX, streamType | Int32(SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard number >= 0 else { throw SystemError("socket") }
        return Descriptor(owning: number)
    }

    private static func withAddress(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) throws(SystemError) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard !bytes.isEmpty, bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw SystemError("socket path \(path)", code: ENAMETOOLONG)
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
