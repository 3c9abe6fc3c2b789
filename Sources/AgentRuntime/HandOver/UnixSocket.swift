import Glibc

/// Who is at the other end of a UNIX socket, as the kernel recorded it when the peer connected (`SO_PEERCRED`).
struct PeerCredentials: Hashable, Sendable {
    var pid: Int32
    var uid: UInt32

    init(pid: Int32, uid: UInt32) {
        self.pid = pid
        self.uid = uid
    }

    init?(of descriptor: Int32) {
        // struct ucred {pid, uid, gid} (unix(7)).
        var credentials: (Int32, UInt32, UInt32) = (0, 0, 0)
        var length = socklen_t(MemoryLayout.size(ofValue: credentials))
        guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0, credentials.0 > 0
        else { return nil }
        (pid, uid, _) = credentials
    }
}

/// The calls that stream sockets in the UNIX domain need.
enum UnixSocket {
    /// A listening, non-blocking socket at `path`, replacing one that a process before left there.
    static func listen(at path: String, mode: UInt16) throws(UnixSocketError) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let capacity = MemoryLayout.size(ofValue: address.sun_path)
        guard path.utf8.count < capacity, !path.isEmpty else {
            throw UnixSocketError("socket path \"\(path)\" must have 1 to \(capacity - 1) bytes")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let descriptor = Descriptor.nonBlockingSocket(family: AF_UNIX)
        guard descriptor >= 0 else { throw UnixSocketError("no socket: \(errorText(errno))") }
        try removeLeftOver(path, &address, probing: descriptor)
        let length = socklen_t(MemoryLayout<sockaddr_un>.size)
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        guard status == 0, chmod(path, mode_t(mode)) == 0, Glibc.listen(descriptor, 256) == 0 else {
            let error = errno
            close(descriptor)
            throw UnixSocketError("cannot listen at \(path): \(errorText(error))")
        }
        return descriptor
    }

    /// Removes a socket that nobody listens on; one that answers belongs to another agent and stays.
    private static func removeLeftOver(
        _ path: String, _ address: inout sockaddr_un, probing descriptor: Int32
    ) throws(UnixSocketError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            close(descriptor)
            throw UnixSocketError("\(path) exists and is no socket")
        }
        let probe = Descriptor.nonBlockingSocket(family: AF_UNIX)
        defer { close(probe) }
        let length = socklen_t(MemoryLayout<sockaddr_un>.size)
        let answered = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(probe, $0, length) == 0 }
        }
        guard !answered else {
            close(descriptor)
            throw UnixSocketError("another process listens at \(path)")
        }
        unlink(path)
    }
}

/// Why a UNIX socket could not be set up.
package struct UnixSocketError: Error, Hashable, Sendable, CustomStringConvertible {
    package let description: String
    init(_ description: String) { self.description = description }
}
