import ControlProtocol
import Foundation
import Testing

/// A manager that is stopped accepts connections and answers nothing.
struct SilentManagerTests {
    @Test(.timeLimit(.minutes(1))) func aSilentManagerIsNoticed() async throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer -> UInt16 in
                guard bind(listener, pointer, size) == 0, listen(listener, 4) == 0 else { return 0 }
                getsockname(listener, pointer, &size)
                return pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { $0.pointee.sin_port.bigEndian }
            }
        }
        try await withLink(AgentRole.self, to: ManagerAddress(host: "127.0.0.1", port: port)) { link in
            #expect(await link.events.next() == .unreachable(reason: "the manager is silent"))
        }
    }
}
