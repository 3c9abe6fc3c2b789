import Glibc
import SessionTransport
import Testing

@Suite("How a session's connection is set up")
struct SessionSocketOptionsTests {
    @Test("An idle end asks its peer and gives up on it, and so does one whose bytes are not acknowledged")
    func options() {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        SessionSocketOptions.apply(to: descriptor)
        func value(_ name: Int32, _ level: Int32 = Int32(IPPROTO_TCP)) -> Int32 {
            var value: Int32 = 0
            var length = socklen_t(MemoryLayout<Int32>.size)
            getsockopt(descriptor, level, name, &value, &length)
            return value
        }
        #expect(value(TCP_NODELAY) == 1)
        #expect(value(SO_KEEPALIVE, SOL_SOCKET) == 1)
        let probing = value(TCP_KEEPIDLE) + value(TCP_KEEPINTVL) * value(TCP_KEEPCNT)
        #expect(probing * 1_000 < SessionSocketOptions.silenceMilliseconds)
        #expect(value(TCP_USER_TIMEOUT) == SessionSocketOptions.silenceMilliseconds)
    }
}
