import FleetModel
import Testing
import WorkerControl

@Suite("A worker's limits reach it in its environment")
struct WorkerLimitsTests {
    @Test func roundTrip() {
        let limits = WorkerLimits(resumption: .milliseconds(1_500), build: .seconds(20))
        let environment = limits.environment
        #expect(WorkerLimits { environment[$0] } == limits)
    }

    @Test("and are as by default where they are missing or no numbers")
    func defaults() {
        #expect(WorkerLimits { _ in nil } == WorkerLimits())
        #expect(WorkerLimits { _ in "-3" } == WorkerLimits())
        #expect(WorkerLimits { _ in "soon" } == WorkerLimits())
    }
}
