import FleetModel
import Testing

@testable import AgentRuntime

@Suite("When telemetry looks")
struct LookScheduleTests {
    @Test("A period has one sample, and looks at sockets between")
    func onePeriod() {
        var schedule = LookSchedule(period: .seconds(1), looksPerPeriod: 4, start: .seconds(10))
        #expect(schedule.due(at: .seconds(9.9)) == .nothing)
        let dues = [10.0, 10.25, 10.5, 10.75, 11.0].map { schedule.due(at: .seconds($0)) }
        #expect(dues == [.sample, .sockets, .sockets, .sockets, .sample])
    }

    @Test("A late look does not delay the next, and a long stop is not made up for")
    func lateness() {
        var schedule = LookSchedule(period: .seconds(1), looksPerPeriod: 1, start: .seconds(10))
        #expect(schedule.due(at: .seconds(10.4)) == .sample)
        #expect(schedule.next == .seconds(11))
        #expect(schedule.due(at: .seconds(100)) == .sample)
        #expect(schedule.next == .seconds(101))
    }
}
