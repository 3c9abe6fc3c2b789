import FleetModel
import Testing

@testable import AllocationCore

@Suite struct ProcessorNeedTests {
    private func need(_ seconds: Int, compute: Int32, processors: Double) -> ProcessorNeed {
        var need = ProcessorNeed()
        for _ in 0..<seconds { need.observe(compute: MilliShare(compute), processors: processors) }
        return need
    }

    @Test func nothingIsConcludedFromLittle() {
        let need = need(19, compute: 500, processors: 4)
        #expect(need.perDevice == nil && need.promisable(of: 8, with: 1) == .wholeDevice)
    }

    /// Half a processor for a device: eight devices need four.
    @Test(arguments: [(4.0, Int32(1_000)), (8, 1_000), (2, 500), (1, 250), (0.01, 50)])
    func devicesArePromisedAsFarAsProcessorsReach(processors: Double, share: Int32) {
        let need = need(60, compute: 400, processors: 0.2)
        #expect(need.promisable(of: 8, with: processors) == MilliShare(share))
    }

    @Test func whatProgramsDoNowCountsMost() throws {
        var need = need(1_000, compute: 1_000, processors: 1)
        for _ in 0..<600 { need.observe(compute: .wholeDevice, processors: 3) }
        #expect(abs(try #require(need.perDevice) - 3) < 0.05)
    }

    @Test func whatIsNoFigureIsLeftOut() throws {
        var need = need(20, compute: 1_000, processors: 1)
        for wrong in [-1, .infinity, .nan] { need.observe(compute: .wholeDevice, processors: wrong) }
        need.observe(compute: .zero, processors: 100)
        need.observe(compute: MilliShare(-5), processors: 1)
        #expect(try #require(need.perDevice) == 1)
        need.observe(compute: MilliShare(.max), processors: 1)
        #expect(try #require(need.perDevice) < 0.001)
    }
}
