package import Glibc

/// The UNIX socket beside a worker's TCP port, for peers on its host: an abstract name that follows from the port, so
/// that who was told the port finds it (unix(7)). Names of this kind are a network namespace's own, as ports are.
package enum LocalSessionSocket {
    private static func withAddress<Result>(
        of port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let name = Array("presync-session-\(port)".utf8)
        withUnsafeMutableBytes(of: &address.sun_path) { path in
            // An abstract name begins with a 0.
            for (index, byte) in name.enumerated() { path[index + 1] = byte }
        }
        let length = MemoryLayout<sa_family_t>.size + 1 + name.count
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(length)) }
        }
    }

    private static func make() -> CInt {
        socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
    }

    /// A listener that does not block; nil where the name is taken or the system has none.
    package static func listen(beside port: UInt16) -> CInt? {
        let listener = make()
        guard listener >= 0 else { return nil }
        let isBound = withAddress(of: port) { bind(listener, $0, $1) == 0 }
        guard isBound, Glibc.listen(listener, 16) == 0 else {
            close(listener)
            return nil
        }
        return listener
    }

    /// A connection to the worker at `port` of this host, which does not block; nil where there is none to be had.
    ///
    /// Anyone may take a name that is free, so who listens must be this user or the system's: the ticket that a session
    /// begins with would be told to others otherwise.
    package static func connect(toPort port: UInt16) -> CInt? {
        let connection = make()
        guard connection >= 0 else { return nil }
        let isConnected = withAddress(of: port) { Glibc.connect(connection, $0, $1) == 0 }
        guard isConnected, let peer = user(at: connection), peer == 0 || peer == geteuid() else {
            close(connection)
            return nil
        }
        return connection
    }

    /// Who listened, as the kernel recorded it: struct ucred {pid, uid, gid}.
    private static func user(at connection: CInt) -> uid_t? {
        var credentials: (Int32, uid_t, gid_t) = (0, 0, 0)
        var length = socklen_t(MemoryLayout.size(ofValue: credentials))
        guard getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0 else { return nil }
        return credentials.1
    }

    /// Whether an address is one of this host's: only such a one can be bound.
    package static func isLocal(_ address: UnsafePointer<sockaddr>, _ length: socklen_t) -> Bool {
        let probe = socket(
            CInt(address.pointee.sa_family), CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard probe >= 0 else { return false }
        defer { close(probe) }
        // With its port: another protocol's, which is as good as always free.
        return bind(probe, address, length) == 0 || errno == EADDRINUSE
    }
}
