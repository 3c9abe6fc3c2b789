import COpenCL
import DeviceDrivers
import RemotingCore

extension OpenCLComputeDevice {
    func makeSubBuffer(
        of parent: Buffer, flags: UInt64, origin: Int, size: Int
    ) throws(OpenCLFailure) -> Buffer {
        // Which side may read or write is the client library's to enforce: a part has its parent's access here.
        var region = cl_buffer_region(origin: origin, size: size)
        var status: cl_int = CL_SUCCESS
        let type = cl_buffer_create_type(CL_BUFFER_CREATE_TYPE_REGION)
        guard let buffer = functions.createSubBuffer(parent.handle, 0, type, &region, &status) else {
            throw OpenCLFailure(status)
        }
        return OpenCLObject(buffer, releasedBy: functions.releaseMemObject)
    }

    func enqueueWrite(
        _ bytes: UnsafeRawBufferPointer, to buffer: Buffer, _ layout: RectangleLayout, _ region: SIMD3<UInt64>
    ) throws(OpenCLFailure) -> OpenCLEvent {
        let (origin, sides, zero) = (Self.sides(layout.origin), Self.sides(region), [0, 0, 0])
        return try stage(bytes) { copy, event in
            functions.enqueueWriteBufferRect(
                queue, buffer.handle, cl_bool(CL_FALSE), origin, zero, sides, Int(layout.rowPitch),
                Int(layout.slicePitch), sides[0], sides[0] * sides[1], copy.baseAddress, 0, nil, event)
        }
    }

    func read(
        _ bytes: UnsafeMutableRawBufferPointer, from buffer: Buffer, _ layout: RectangleLayout,
        _ region: SIMD3<UInt64>
    ) throws(OpenCLFailure) -> OpenCLEvent {
        let (origin, sides, zero) = (Self.sides(layout.origin), Self.sides(region), [0, 0, 0])
        return try command { event in
            functions.enqueueReadBufferRect(
                queue, buffer.handle, cl_bool(CL_TRUE), origin, zero, sides, Int(layout.rowPitch),
                Int(layout.slicePitch), sides[0], sides[0] * sides[1], bytes.baseAddress, 0, nil, event)
        }
    }

    func copy(
        _ rectangles: RectangleCopy, from source: Buffer, to destination: Buffer
    ) throws(OpenCLFailure) -> OpenCLEvent {
        let (from, to) = (rectangles.sourceLayout, rectangles.destinationLayout)
        return try command { event in
            functions.enqueueCopyBufferRect(
                queue, source.handle, destination.handle, Self.sides(from.origin), Self.sides(to.origin),
                Self.sides(rectangles.region), Int(from.rowPitch), Int(from.slicePitch), Int(to.rowPitch),
                Int(to.slicePitch), 0, nil, event)
        }
    }

    /// The sides of a rectangle that lies within a buffer, and its pitches, are less than 2^63 unless they do not count.
    private static func sides(_ sides: SIMD3<UInt64>) -> [Int] { (0..<3).map { Int(clamping: sides[$0]) } }
}
