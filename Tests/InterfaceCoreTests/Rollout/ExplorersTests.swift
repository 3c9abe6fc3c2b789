import FleetModel
import InterfaceCore
import Testing

@Suite struct ExplorersTests {
    private static let version = InterfaceVersion(kind: "opencl", version: SemanticVersion(1, 0, 0), digest: .zero)

    private static func fleet(_ count: Int) -> [InstanceID] {
        (0..<count).map { InstanceID(unchecked: "instance-\($0)") }
    }

    private static func count(_ instances: [InstanceID], share: Int) -> Int {
        let explorers = Explorers(among: instances, of: version, share: Permille(clamping: share))
        return instances.count(where: explorers.contains)
    }

    @Test func ofASmallFleetItIsTheShareAndOneAtLeast() {
        #expect(Self.count([], share: 50) == 0)
        #expect(Self.count(Self.fleet(3), share: 50) == 1)
        #expect(Self.count(Self.fleet(1_000), share: 50) == 50)
        #expect(Self.count(Self.fleet(1_000), share: 1_000) == 1_000)
    }

    /// Within four standard deviations of the share.
    @Test(arguments: [50, 200, 900])
    func ofALargeFleetItIsAboutTheShare(share: Int) {
        let size = 20_000.0
        let expected = size * Double(share) / 1_000
        let deviation = (expected * (1 - Double(share) / 1_000)).squareRoot()
        #expect(abs(Double(Self.count(Self.fleet(Int(size)), share: share)) - expected) < 4 * deviation)
    }

    @Test func ofALargeFleetNoneOrAllAreExact() {
        #expect(Self.count(Self.fleet(2_000), share: 0) == 0)
        #expect(Self.count(Self.fleet(2_000), share: 1_000) == 2_000)
    }
}
