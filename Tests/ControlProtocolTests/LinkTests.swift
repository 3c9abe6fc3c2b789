import Determinism
import Testing

@testable import ControlProtocol

struct ReconnectBackoffTests {
    @Test func waitsDoubleWithinTheirBoundsAndStartOver() {
        var random = SeededGenerator(seed: 1)
        var backoff = ReconnectBackoff()
        var step: Duration = .milliseconds(100)
        for _ in 0..<20 {
            let wait = backoff.next(using: &random)
            #expect(wait >= step * 0.5 && wait <= step)
            step = min(step * 2, .seconds(5))
        }
        backoff.reset()
        #expect(backoff.next(using: &random) <= .milliseconds(100))
    }

    @Test func peersThatLostTheSameManagerComeBackApart() {
        let waits = (0..<100).map { seed in
            var random = SeededGenerator(seed: UInt64(seed))
            var backoff = ReconnectBackoff()
            return backoff.next(using: &random)
        }
        #expect(Set(waits).count > 90)
    }
}

struct ManagerAddressTests {
    @Test(arguments: [
        ("127.0.0.1:7400", ManagerAddress(host: "127.0.0.1", port: 7_400)),
        ("[::1]:1", ManagerAddress(host: "::1", port: 1)),
        ("manager.example:65535", ManagerAddress(host: "manager.example", port: 65_535)),
    ])
    func anAddressIsReadAndWritten(text: String, address: ManagerAddress) {
        #expect(ManagerAddress(text) == address)
        #expect(address.description == text)
    }

    @Test(arguments: ["", "host", "host:", ":7400", "host:65536", "::1:7400", "[::1]", "a b:1", "[host]:1"])
    func whatIsNoAddressIsRefused(text: String) {
        #expect(ManagerAddress(text) == nil)
    }
}
