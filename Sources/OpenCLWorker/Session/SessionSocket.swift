import DeviceDrivers
import Glibc
import WorkerControl

/// The TCP side of a worker: where its one session is opened.
enum SessionSocket {
    /// Listens at the first port of `ports` that is free on the numeric address `host`. Returns the port.
    static func listen(host: String, ports: ClosedRange<UInt16>) throws(SystemError) -> (Descriptor, port: UInt16) {
        var failure = SystemError("listen on \(host)", code: EADDRINUSE)
        for port in ports {
            do {
                let socket = try listen(host: host, port: port)
                return (socket, try localPort(of: socket))
            } catch {
                failure = error
                guard error.code == EADDRINUSE else { break }
            }
        }
        throw failure
    }

    private static func set(_ name: Int32, at level: Int32, to value: Int32, of socket: Descriptor) {
        var value = value
        setsockopt(socket.number, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    private static func listen(host: String, port: UInt16) throws(SystemError) -> Descriptor {
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &found) == 0, let address = found?.pointee else {
            throw SystemError("listen on \(host), which is no numeric address", code: EADDRNOTAVAIL)
        }
        defer { freeaddrinfo(found) }
        let number = socket(address.ai_family, address.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { throw SystemError("socket") }
        let listener = Descriptor(owning: number)
        listener.stopBlocking()
        set(SO_REUSEADDR, at: SOL_SOCKET, to: 1, of: listener)
        guard bind(number, address.ai_addr, address.ai_addrlen) == 0 else { throw SystemError("bind \(host):\(port)") }
        guard Glibc.listen(number, 16) == 0 else { throw SystemError("listen \(host):\(port)") }
        return listener
    }

    private static func localPort(of socket: Descriptor) throws(SystemError) -> UInt16 {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let status = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket.number, $0, &length) }
        }
        guard status == 0 else { throw SystemError("getsockname") }
        // The port lies at the same place in the addresses of both families.
        return withUnsafeBytes(of: storage) { UInt16(bigEndian: $0.loadUnaligned(fromByteOffset: 2, as: UInt16.self)) }
    }
}
