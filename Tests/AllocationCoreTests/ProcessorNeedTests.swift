import FleetModel
import Testing

@testable import AllocationCore

@Suite struct ProcessorNeedTests {
    private struct Watch {
        var need = ProcessorNeed()
        var now = MonotonicTime.zero

        mutating func pass(_ seconds: Int, busy: Double = 0, processors: Double = 0) {
            for _ in 0..<seconds {
                now = now + .seconds(1)
                need.observe(CommandTime(busy: .seconds(busy), processors: .seconds(processors)), at: now)
            }
        }
    }

    @Test func nothingIsConcludedFromLittle() {
        var watch = Watch()
        watch.pass(19, busy: 0.5, processors: 4)
        #expect(watch.need.perDevice == nil && watch.need.promisable(of: 8, with: 1) == .wholeDevice)
    }

    /// Half a processor for a device: eight devices need four.
    @Test(arguments: [(4.0, Int32(1_000)), (8, 1_000), (2, 500), (1, 250), (0.01, 50)])
    func devicesArePromisedAsFarAsProcessorsReach(processors: Double, share: Int32) throws {
        var watch = Watch()
        watch.pass(60, busy: 0.5, processors: 0.25)
        #expect(abs(watch.need.promisable(of: 8, with: processors).rawValue - share) <= 1)
        #expect(abs(try #require(watch.need.perDevice) - 0.5) < 1e-9)
    }

    @Test func whatProgramsDoNowCountsMost() throws {
        var watch = Watch()
        watch.pass(1_000, busy: 1, processors: 1)
        watch.pass(1_000, busy: 1, processors: 3)
        #expect(abs(try #require(watch.need.perDevice) - 3) < 0.05)
    }

    @Test func whatNobodyDoesAnyLongerIsForgotten() {
        var watch = Watch()
        watch.pass(3_600, busy: 8, processors: 80)
        #expect(watch.need.promisable(of: 8, with: 16) == MilliShare(200))
        watch.pass(1_800)
        #expect(watch.need.promisable(of: 8, with: 16) == .wholeDevice)
    }

    @Test func oneFigureThatIsOutOfOrderIsForgottenToo() throws {
        var watch = Watch()
        watch.pass(60, busy: 1, processors: 1)
        watch.need.observe(CommandTime(busy: .seconds(10), processors: .seconds(1e9)), at: watch.now)
        watch.need.observe(CommandTime(busy: .seconds(-1), processors: .seconds(-1)), at: .zero)
        #expect(watch.need.promisable(of: 1, with: 1) == MilliShare(50))
        watch.pass(1_800, busy: 1, processors: 1)
        #expect(abs(try #require(watch.need.perDevice) - 1) < 0.1)
    }
}
