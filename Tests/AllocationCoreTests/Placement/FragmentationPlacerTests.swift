import FleetModel
import Testing

@testable import AllocationCore

@Suite struct FragmentationPlacerTests {
    private func placer(_ shapes: [RequestShape]) -> FragmentationPlacer {
        FragmentationPlacer(mix: RequestMix(shapes))
    }

    @Test func `a share goes into the gap that nothing else fills`() throws {
        // 190 beside 810 takes 160 and nothing that is common.
        let mix = Array(repeating: share(810), count: 20) + Array(repeating: share(470), count: 20) + [share(160)]
        var fleet = ServerFleet(placer(mix), server("open"), server("tight"))
        try fleet.occupy("open", with: share(470))
        try fleet.occupy("tight", with: share(810))
        #expect(fleet.placed(share(160)) == "tight")
        #expect(fleet.placed(share(470)) == "open")
    }

    @Test func `processors stay where devices need them`() throws {
        var fleet = ServerFleet(
            placer([whole(1, cpu: 10_000)]), server("gpus", devices: 8, cpu: 96_000),
            server("cores", devices: 2, cpu: 96_000))
        #expect(fleet.placed(host(cpu: 32_000)) == "cores")
        #expect(fleet.placed(whole(1, cpu: 30_000)) == "cores")
    }

    @Test func `models that some requests need are left to them`() {
        let mix = Array(repeating: share(500), count: 6) + Array(repeating: share(500, models: ["B"]), count: 4)
        var fleet = ServerFleet(placer(mix), server("b", model: "B"), server("a", model: "A"))
        #expect(fleet.placed(share(500)) == "a")
        #expect(fleet.placed(share(500, models: ["B"])) == "b")
        #expect(fleet.placed(share(500, models: ["C"])) == nil)
    }

    @Test func `servers in use are filled before idle ones`() throws {
        var fleet = ServerFleet(
            placer([whole(1), whole(8, cpu: 64_000)]), server("idle", devices: 8), server("used", devices: 8))
        try fleet.occupy("used", with: whole(1))
        #expect(fleet.placed(whole(1)) == "used")
        #expect(fleet.placed(whole(8, cpu: 64_000)) == "idle")
    }

    @Test func `an expectation of nothing places all the same`() {
        var fleet = ServerFleet(placer([]), server("a"), server("none", devices: 0))
        #expect(fleet.placed(share(500)) == "a")
        #expect(fleet.placed(whole(1)) == "a")
        #expect(fleet.placed(host(cpu: 64_000)) == "none")
    }
}
