import RemotingCore
import Testing

@Suite struct ImageTests {
    private func image(_ kind: ImageDescription.Kind, _ format: ImageFormat, width: UInt64 = 4) -> ImageDescription {
        ImageDescription(kind: kind, format: format, width: width, height: 3, depth: 2, layers: 5)
    }

    private let bytes4 = ImageFormat(order: 0x10B5, type: 0x10DA)

    @Test func sidesAndSizeFollowTheKind() {
        #expect(image(.line, bytes4).sides == SIMD3(4, 1, 1))
        #expect(image(.lines, bytes4).sides == SIMD3(4, 5, 1))
        #expect(image(.planes, bytes4).sides == SIMD3(4, 3, 5))
        #expect(image(.volume, bytes4).size == 4 * 3 * 2 * 4)
        #expect(image(.plane, ImageFormat(order: 0x10B0, type: 0x10DE)).size == 4 * 3 * 4)
    }

    @Test func whatIsNoImageHasNoSize() {
        #expect(image(.plane, bytes4, width: 0).size == nil)
        #expect(image(.plane, bytes4, width: .max).size == nil)
        #expect(image(.plane, ImageFormat(order: 1, type: 0x10DA)).size == nil)
    }

    @Test func regionsLieWithin() {
        let plane = image(.plane, bytes4)
        #expect(plane.contains(SIMD3(1, 1, 0), SIMD3(3, 2, 1)))
        #expect(!plane.contains(SIMD3(1, 1, 0), SIMD3(4, 2, 1)))
        #expect(!plane.contains(.zero, SIMD3(1, 0, 1)))
        #expect(!plane.contains(SIMD3(.max, 0, 0), SIMD3(2, 1, 1)))
    }
}
