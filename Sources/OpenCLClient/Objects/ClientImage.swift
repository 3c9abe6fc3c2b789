import COpenCL
import RemotingCore

/// What makes a memory object an image.
struct ImageDetails {
    let description: ImageDescription
    let elementSize: Int
    /// As the program's own memory lies, or without gaps.
    let rowPitch: Int
    let slicePitch: Int
    /// Of an image of a buffer.
    let buffer: ClientBuffer?

    /// The region of the program's memory at `memory`, whose first element is the region's first. A pitch of 0 is the
    /// least that the region allows.
    func hostRegion(
        _ memory: UnsafeMutableRawPointer, _ region: SIMD3<UInt64>, rowPitch: Int, slicePitch: Int
    ) throws(OpenCLError) -> HostRectangle {
        let width = Int(region.x) * elementSize
        let row = rowPitch == 0 ? width : rowPitch
        // The images of an array of lines are a slice apart, as the specification has it.
        let isLines = description.kind == .lines
        let least = isLines ? row : row * Int(region.y)
        let slice = slicePitch == 0 ? least : slicePitch
        try require(row >= width && slice >= least, or: CL_INVALID_VALUE)
        let layout = RectangleLayout(rowPitch: UInt64(isLines ? slice : row), slicePitch: UInt64(isLines ? 0 : slice))
        let rectangle = HostRectangle(
            memory: memory, layout: layout, region: SIMD3(UInt64(width), region.y, region.z))
        return rectangle
    }

    /// Bytes from the image's first element to the one at `origin` in host memory of this image's pitches.
    func offset(of origin: SIMD3<UInt64>) -> Int {
        let isLines = description.kind == .lines
        return Int(origin.x) * elementSize + Int(origin.y) * (isLines ? slicePitch : rowPitch)
            + (isLines ? 0 : Int(origin.z) * slicePitch)
    }

    /// Bytes of host memory of this image's pitches.
    var hostSize: Int {
        let sides = description.sides
        return offset(of: SIMD3(0, sides.y - 1, sides.z - 1)) + max(rowPitch, Int(sides.x) * elementSize)
    }
}

final class ClientSampler: ClientObject {
    let context: ClientContext
    let description: SamplerDescription
    /// The list that the program made it with; empty where it gave none.
    var list = InfoValue(bytes: [])

    init(context: ClientContext, _ description: SamplerDescription) throws(OpenCLError) {
        self.context = context
        self.description = description
        super.init(.sampler, id: context.session.newID(), session: context.session)
        try session.send(.createSampler(id, context: context.id, description))
    }
}
