package import GRPCNIOTransportHTTP2

/// The transports of the control protocol: HTTP/2 in plaintext, set for few small messages that must arrive at once.
package enum ControlTransport {
    private static let windowBytes = 1 << 20

    /// A transport to the manager at `address`, for one connection.
    package static func client(to address: ManagerAddress) throws -> HTTP2ClientTransport.Posix {
        try HTTP2ClientTransport.Posix(
            target: .dns(host: address.host, port: Int(address.port)), transportSecurity: .plaintext,
            config: .defaults { config in
                config.connection.flushCoalescing = nil
                config.http2.targetWindowSize = windowBytes
            })
    }

    /// A transport that listens on `address`, whose host is numeric or `localhost`.
    package static func server(on address: ManagerAddress) -> HTTP2ServerTransport.Posix {
        let host = address.host == "localhost" ? "127.0.0.1" : address.host
        let port = Int(address.port)
        return HTTP2ServerTransport.Posix(
            address: host.contains(":") ? .ipv6(host: host, port: port) : .ipv4(host: host, port: port),
            transportSecurity: .plaintext,
            config: .defaults { config in
                config.connection.flushCoalescing = nil
                config.http2.targetWindowSize = windowBytes
                config.http2.maxConcurrentStreams = 128
                config.rpc.maxRequestPayloadSize = ProtocolLimits.messageBytes
            })
    }
}
