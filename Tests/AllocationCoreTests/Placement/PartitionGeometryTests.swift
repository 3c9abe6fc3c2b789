import FleetModel
import Testing

@testable import AllocationCore

@Suite struct PartitionGeometryTests {
    private let h100 = PartitionGeometry.h100With80GB

    /// How many of a profile fit on an empty device, one after the other.
    private func most(of name: String, on geometry: PartitionGeometry) throws -> Int {
        let profile = try #require(geometry.profile(named: name))
        var (occupied, count): (UInt32, Int) = (0, 0)
        while let (start, _) = geometry.bestStart(for: profile, occupied: occupied) {
            occupied |= profile.footprint(at: start)
            count += 1
        }
        return count
    }

    /// The column "Number of Instances Available" of the user guide.
    @Test(arguments: [
        ("1g.10gb", 7), ("1g.10gb+me", 1), ("1g.20gb", 4), ("2g.20gb", 3), ("3g.40gb", 2), ("4g.40gb", 1),
        ("7g.80gb", 1),
    ])
    func `as many instances of a profile fit as the guide says`(name: String, count: Int) throws {
        #expect(try most(of: name, on: h100) == count)
    }

    @Test func `the smaller devices have their own profiles`() throws {
        #expect(try most(of: "1g.5gb", on: .a100With40GB) == 7)
        #expect(try most(of: "2g.12gb", on: .a30) == 2)
        #expect(PartitionGeometry.a30.profile(named: "7g.80gb") == nil)
    }

    /// Every set of partitions that the starts allow, smallest places first: never more compute than there is.
    @Test(arguments: [
        (PartitionGeometry.a30, 4), (.a100With40GB, 7), (.a100With80GB, 7), (.h100With80GB, 7),
    ])
    func `allowed starts never take more compute slices than there are`(geometry: PartitionGeometry, slices: Int) {
        func check(_ occupied: UInt32, _ compute: Int) {
            #expect(compute <= slices)
            for profile in geometry.profiles {
                for start in profile.starts where profile.footprint(at: start) & occupied == 0 {
                    // In ascending order of start, so that each set is visited once.
                    guard occupied & 0xFF < 1 << UInt32(start) else { continue }
                    check(occupied | profile.footprint(at: start), compute + profile.compute)
                }
            }
        }
        check(0, 0)
    }

    @Test func `a small partition goes where it leaves the large ones possible`() throws {
        let small = try #require(h100.profile(named: "1g.10gb"))
        let large = try #require(h100.profile(named: "4g.40gb"))
        let (start, _) = try #require(h100.bestStart(for: small, occupied: 0))
        #expect(start >= 4)
        #expect(h100.bestStart(for: large, occupied: small.footprint(at: start)) != nil)
        #expect(h100.bestStart(for: large, occupied: small.footprint(at: 0)) == nil)
    }

    @Test func `a fleet places partitions, packs them, and takes them back`() throws {
        var fleet = ServerFleet(
            FragmentationPlacer(mix: commonMix), server("shared"),
            server("cut", devices: 2, model: "H100", geometry: h100))
        func partition(_ name: String) -> PlacementRequest {
            PlacementRequest(RequestShape(cpuMilli: 1_000, devices: .partition(name)))
        }
        let placements = try ["3g.40gb", "3g.40gb", "4g.40gb", "2g.20gb", "1g.10gb"].map {
            try fleet.mustPlace(partition($0))
        }
        #expect(placements.allSatisfy { $0.server.rawValue == "cut" })
        // The second device still has what 4g left: the seven slices of both are all in use.
        #expect(fleet.place(partition("1g.10gb")) == nil)
        #expect(fleet.place(partition("no such profile")) == nil)
        #expect(fleet.placed(share(500)) == "shared")
        for placement in placements { fleet.release(placement) }
        #expect(fleet.place(partition("7g.80gb")) != nil)
        #expect(fleet.place(partition("7g.80gb")) != nil)
    }
}
