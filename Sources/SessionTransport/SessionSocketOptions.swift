import Glibc

/// How a session's TCP connection is set up, at both of its ends and from its beginning. The options stay with the
/// socket: a program that gets it from its agent has them.
package enum SessionSocketOptions {
    /// An end whose peer's host is gone without a word notices it within this time, whether it waits for the peer,
    /// sends to it, or does neither.
    package static let silenceMilliseconds: Int32 = 8_000

    /// No delay for small messages, and an end to a connection whose other host is gone (tcp(7)).
    package static func apply(to descriptor: Int32) {
        let options: [(level: Int32, name: Int32, value: Int32)] = [
            (Int32(IPPROTO_TCP), TCP_NODELAY, 1),
            (SOL_SOCKET, SO_KEEPALIVE, 1),
            (Int32(IPPROTO_TCP), TCP_KEEPIDLE, 3),
            (Int32(IPPROTO_TCP), TCP_KEEPINTVL, 1),
            (Int32(IPPROTO_TCP), TCP_KEEPCNT, 4),
            (Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, silenceMilliseconds),
        ]
        for option in options {
            var value = option.value
            setsockopt(descriptor, option.level, option.name, &value, socklen_t(MemoryLayout<Int32>.size))
        }
    }
}
