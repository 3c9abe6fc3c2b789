import FleetModel
import Testing

@Suite("A session's usage")
struct SessionUsageTests {
    @Test("adds up, but for the depth of its queue, of which the greatest counts")
    func adds() {
        let first = SessionUsage(commands: 1, received: Bytes(2), sent: Bytes(3), queueDepth: 9)
        let second = SessionUsage(commands: 10, received: Bytes(20), sent: Bytes(30), queueDepth: 4)
        #expect(first + second == SessionUsage(commands: 11, received: Bytes(22), sent: Bytes(33), queueDepth: 9))
    }

    @Test("is never more than can be counted, whatever is added to it")
    func isBounded() {
        let names = Set((0..<50).map { "capability-\($0)" })
        let most = SessionUsage(
            commands: .max, received: Bytes(.max), sent: Bytes(.max), queueDepth: .max, capabilities: names)
        let sum = most + SessionUsage(commands: 1, received: Bytes(.max), capabilities: Set((0..<50).map { "\($0)" }))
        let greatest = SessionUsage.greatestCount
        #expect([sum.commands, sum.received.rawValue, sum.sent.rawValue] == [greatest, greatest, greatest])
        #expect(sum.queueDepth == .max && sum.capabilities.count == SessionUsage.greatestCapabilities)
    }

    @Test("is an activity a second; in no time it is none that is beyond bounds")
    func rates() {
        let usage = SessionUsage(commands: 10, received: Bytes(20), sent: Bytes(30), queueDepth: 4)
        #expect(
            SessionActivity(usage, in: .milliseconds(500))
                == SessionActivity(commandRate: 20, receiveRate: 40, sendRate: 60, queueDepth: 4))
        #expect(SessionActivity(usage, in: .zero).commandRate.isFinite)
    }
}
