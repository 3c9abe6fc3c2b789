import FleetModel
import Testing

@testable import Commands

@Suite struct LocalSystemTests {
    private func layout(period: Duration) throws -> LocalSystem.Layout {
        try LocalSystem.Layout(folder: "/nowhere", policy: .presync, memory: .gibibytes(1), period: period)
    }

    @Test(arguments: [(0.5, 5.0), (1, 5), (2, 6), (10, 30)])
    func `a grant stands for three periods at least`(period: Double, timeToLive: Double) throws {
        #expect(try layout(period: .seconds(period)).timeToLive == .seconds(timeToLive))
    }

    @Test func `ports are those asked for, or all others where one is taken`() throws {
        let listener = try LoopbackListener()
        defer { listener.close() }
        let free = try FreePort.find()
        #expect(try FreePort.find(preferring: [free]) == [free])
        let others = try FreePort.find(preferring: [free, listener.port])
        #expect(others.count == 2)
        #expect(!others.contains(listener.port))
    }

    @Test func `the manager is named where commands would not look for it by themselves`() throws {
        var layout = try layout(period: .seconds(1))
        layout.managerPort = 7_400
        #expect(layout.hints == ["look: presync status", "agent socket: /nowhere/agent.sock"])
        layout.managerPort = 40_000
        #expect(layout.hints[0] == "look: presync status --manager 127.0.0.1:40000")
    }
}
