import COpenCL
import DeviceDrivers
import RemotingCore

extension OpenCLComputeDevice {
    typealias Sampler = OpenCLObject<cl_sampler>

    func makeImage(
        flags: UInt64, _ description: ImageDescription, in buffer: Buffer?
    ) throws(OpenCLFailure) -> Buffer {
        let access = flags & UInt64(CL_MEM_READ_WRITE | CL_MEM_WRITE_ONLY | CL_MEM_READ_ONLY)
        var format = cl_image_format(
            image_channel_order: description.format.order, image_channel_data_type: description.format.type)
        var native = cl_image_desc()
        native.image_type = description.kind.rawValue
        native.image_width = Int(clamping: description.width)
        native.image_height = Int(clamping: description.height)
        native.image_depth = Int(clamping: description.depth)
        native.image_array_size = Int(clamping: description.layers)
        native.mem_object = buffer?.handle
        var status: cl_int = CL_SUCCESS
        guard let image = functions.createImage(context, cl_mem_flags(access), &format, &native, nil, &status) else {
            throw OpenCLFailure(status)
        }
        let made: Buffer = OpenCLObject(image, releasedBy: functions.releaseMemObject)
        if clearsMemory, buffer == nil {
            let everything = ImageCommand(queue: .none, image: .none, origin: .zero, region: description.sides)
            _ = try fill(everything, image: made, color: [UInt8](repeating: 0, count: OpenCLInterface.imageColor)[...])
        }
        return made
    }

    func makeSampler(_ description: SamplerDescription) throws(OpenCLFailure) -> Sampler {
        var status: cl_int = CL_SUCCESS
        let sampler = functions.createSampler(
            context, cl_bool(description.isNormalized ? CL_TRUE : CL_FALSE), description.addressing,
            description.filter, &status)
        guard let sampler else { throw OpenCLFailure(status) }
        return Sampler(sampler, releasedBy: functions.releaseSampler)
    }

    func formats(flags: UInt64, kind: UInt32) throws(OpenCLFailure) -> [ImageFormat] {
        let access = cl_mem_flags(flags & UInt64(CL_MEM_READ_WRITE | CL_MEM_WRITE_ONLY | CL_MEM_READ_ONLY))
        var count: cl_uint = 0
        var status = functions.getSupportedImageFormats(context, access, kind, 0, nil, &count)
        guard status == CL_SUCCESS else { throw OpenCLFailure(status) }
        var formats = [cl_image_format](repeating: cl_image_format(), count: min(Int(count), 4_096))
        status = functions.getSupportedImageFormats(context, access, kind, cl_uint(formats.count), &formats, nil)
        guard status == CL_SUCCESS || formats.isEmpty else { throw OpenCLFailure(status) }
        return formats.map { ImageFormat(order: $0.image_channel_order, type: $0.image_channel_data_type) }
    }

    func enqueueWrite(
        _ bytes: UnsafeRawBufferPointer, toImage image: Buffer, _ origin: SIMD3<UInt64>, _ region: SIMD3<UInt64>
    ) throws(OpenCLFailure) -> OpenCLEvent {
        let (corner, sides) = (Self.axes(origin), Self.axes(region))
        return try stage(bytes) { copy, event in
            functions.enqueueWriteImage(
                queue, image.handle, cl_bool(CL_FALSE), corner, sides, 0, 0, copy.baseAddress, 0, nil, event)
        }
    }

    func read(
        _ bytes: UnsafeMutableRawBufferPointer, fromImage image: Buffer, _ origin: SIMD3<UInt64>,
        _ region: SIMD3<UInt64>
    ) throws(OpenCLFailure) -> OpenCLEvent {
        let (corner, sides) = (Self.axes(origin), Self.axes(region))
        return try command { event in
            functions.enqueueReadImage(
                queue, image.handle, cl_bool(CL_TRUE), corner, sides, 0, 0, bytes.baseAddress, 0, nil, event)
        }
    }

    func copy(
        _ command: ImageCommand, _ counterpart: ImageCounterpart, image: Buffer, other: Buffer
    ) throws(OpenCLFailure) -> OpenCLEvent {
        let (corner, sides) = (Self.axes(command.origin), Self.axes(command.region))
        return try self.command { event in
            switch counterpart {
            case .toImage(_, let target):
                functions.enqueueCopyImage(
                    queue, image.handle, other.handle, corner, Self.axes(target), sides, 0, nil, event)
            case .toBuffer(_, let offset):
                functions.enqueueCopyImageToBuffer(
                    queue, image.handle, other.handle, corner, sides, Int(clamping: offset), 0, nil, event)
            case .fromBuffer(_, let offset):
                functions.enqueueCopyBufferToImage(
                    queue, other.handle, image.handle, Int(clamping: offset), corner, sides, 0, nil, event)
            }
        }
    }

    func fill(
        _ command: ImageCommand, image: Buffer, color: ArraySlice<UInt8>
    ) throws(OpenCLFailure) -> OpenCLEvent {
        let words = Array(color).littleEndianColor
        let (corner, sides) = (Self.axes(command.origin), Self.axes(command.region))
        return try self.command { event in
            functions.enqueueFillImage(queue, image.handle, words, corner, sides, 0, nil, event)
        }
    }

    private static func axes(_ vector: SIMD3<UInt64>) -> [Int] { (0..<3).map { Int(clamping: vector[$0]) } }
}

extension [UInt8] {
    /// The numbers of 32 bits that these bytes are.
    fileprivate var littleEndianColor: [UInt32] {
        stride(from: 0, to: count - 3, by: 4).map { start in
            self[start..<start + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
        }
    }
}
