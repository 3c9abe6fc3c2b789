import RemotingCore
import Testing

@Suite struct RectangleTests {
    @Test func theExtentIsFromTheFirstByteToTheLast() {
        let layout = RectangleLayout(origin: SIMD3(1, 2, 3), rowPitch: 10, slicePitch: 100)
        #expect(layout.extent(of: SIMD3(4, 2, 2)) == 321..<435)
        #expect(layout.moved(by: SIMD3(1, 1, 1)).start == 432)
    }

    @Test(
        arguments: [
            (SIMD3<UInt64>(0, 1, 1), 8, 8), (SIMD3(9, 1, 1), 8, 64), (SIMD3(8, 2, 2), 8, 15), (SIMD3(1, .max, 1), 8, 8),
            (SIMD3(1, 1, .max), 8, .max),
        ] as [(SIMD3<UInt64>, UInt64, UInt64)])
    func whatIsNoRectangleHasNoExtent(region: SIMD3<UInt64>, row: UInt64, slice: UInt64) {
        #expect(RectangleLayout(rowPitch: row, slicePitch: slice).extent(of: region) == nil)
    }

    @Test(arguments: [1, 3, 7, 8, 20, 56, 57, 112, 1000] as [UInt64])
    func partsAreTheRegionInOrder(limit: UInt64) {
        let region = SIMD3<UInt64>(7, 8, 3)
        var next: UInt64 = 0
        for part in RectangleParts(region, limit: limit) {
            let size = part.region.x * part.region.y * part.region.z
            #expect(size > 0 && size <= limit)
            #expect(part.corner.x + 7 * (part.corner.y + 8 * part.corner.z) == next)
            #expect(part.region.z == 1 || (part.region.x == 7 && part.region.y == 8))
            #expect(part.region.y == 1 || part.region.x == 7)
            next += size
        }
        #expect(next == 168)
    }
}
