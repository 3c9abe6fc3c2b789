import FleetModel
import Glibc
import SessionTransport

/// A numeric TCP address, ready for `connect`.
struct SocketAddress: Sendable {
    private let bytes: [UInt8]
    let family: Int32
    let port: UInt16

    /// Reads a numeric IPv4 or IPv6 address; nil for a name, which has to be resolved.
    init?(numeric host: String, port: UInt16) {
        self.init(host: host, port: port, flags: AI_NUMERICHOST)
    }

    /// Asks the system's resolver for the first address of a name, which may take seconds; nil when it has none.
    init?(resolving host: String, port: UInt16) {
        self.init(host: host, port: port, flags: 0)
    }

    private init?(host: String, port: UInt16, flags: Int32) {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = flags | AI_NUMERICSERV
        var result: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &result) == 0, let first = result else { return nil }
        defer { freeaddrinfo(first) }
        guard let address = first.pointee.ai_addr else { return nil }
        bytes = Array(UnsafeRawBufferPointer(start: address, count: Int(first.pointee.ai_addrlen)))
        family = first.pointee.ai_family
        self.port = port
    }

    /// Whether it is one of this host's own. Asks the system, in some microseconds.
    var isLocal: Bool {
        bytes.withUnsafeBytes { raw in
            raw.withMemoryRebound(to: sockaddr.self) { addresses in
                addresses.baseAddress.map { LocalSessionSocket.isLocal($0, socklen_t(raw.count)) } ?? false
            }
        }
    }

    /// Begins a connection on a non-blocking socket.
    /// - Returns: 0, or the error number; `EINPROGRESS` while it is under way.
    func connect(_ descriptor: Int32) -> Int32 {
        let status = bytes.withUnsafeBytes { raw in
            raw.withMemoryRebound(to: sockaddr.self) { addresses in
                addresses.baseAddress.map { Glibc.connect(descriptor, $0, socklen_t(raw.count)) } ?? -1
            }
        }
        return status == 0 ? 0 : errno
    }
}

/// The text of an error number.
func errorText(_ number: Int32) -> String {
    String(cString: strerror(number))
}
