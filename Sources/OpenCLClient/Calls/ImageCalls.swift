import COpenCL
import RemotingCore

func createImage(
    _ context: cl_context?, _ flags: cl_mem_flags, _ format: UnsafePointer<cl_image_format>?,
    _ description: UnsafePointer<cl_image_desc>?, _ host: UnsafeMutableRawPointer?,
    _ code: UnsafeMutablePointer<cl_int>?
) -> cl_mem? {
    create(code) { library throws(OpenCLError) in
        guard let format else { throw OpenCLError(CL_INVALID_IMAGE_FORMAT_DESCRIPTOR) }
        guard let description else { throw OpenCLError(CL_INVALID_IMAGE_DESCRIPTOR) }
        return try library.makeImage(context, flags, format.pointee, description.pointee, host)
    }
}

func createImageWithProperties(
    _ context: cl_context?, _ properties: UnsafePointer<cl_mem_properties>?, _ flags: cl_mem_flags,
    _ format: UnsafePointer<cl_image_format>?, _ description: UnsafePointer<cl_image_desc>?,
    _ host: UnsafeMutableRawPointer?, _ code: UnsafeMutablePointer<cl_int>?
) -> cl_mem? {
    create(code) { library throws(OpenCLError) in
        let list = try PropertyList(properties, of: [], or: CL_INVALID_PROPERTY)
        guard let format else { throw OpenCLError(CL_INVALID_IMAGE_FORMAT_DESCRIPTOR) }
        guard let description else { throw OpenCLError(CL_INVALID_IMAGE_DESCRIPTOR) }
        let image = try library.makeImage(context, flags, format.pointee, description.pointee, host)
        image.list = list.bytes
        return image
    }
}

func createImage2D(
    _ context: cl_context?, _ flags: cl_mem_flags, _ format: UnsafePointer<cl_image_format>?, _ width: Int,
    _ height: Int, _ rowPitch: Int, _ host: UnsafeMutableRawPointer?, _ code: UnsafeMutablePointer<cl_int>?
) -> cl_mem? {
    var description = cl_image_desc()
    description.image_type = cl_mem_object_type(CL_MEM_OBJECT_IMAGE2D)
    (description.image_width, description.image_height, description.image_row_pitch) = (width, height, rowPitch)
    return createImage(context, flags, format, &description, host, code)
}

func createImage3D(
    _ context: cl_context?, _ flags: cl_mem_flags, _ format: UnsafePointer<cl_image_format>?, _ width: Int,
    _ height: Int, _ depth: Int, _ rowPitch: Int, _ slicePitch: Int, _ host: UnsafeMutableRawPointer?,
    _ code: UnsafeMutablePointer<cl_int>?
) -> cl_mem? {
    var description = cl_image_desc()
    description.image_type = cl_mem_object_type(CL_MEM_OBJECT_IMAGE3D)
    (description.image_width, description.image_height, description.image_depth) = (width, height, depth)
    (description.image_row_pitch, description.image_slice_pitch) = (rowPitch, slicePitch)
    return createImage(context, flags, format, &description, host, code)
}

extension Library {
    fileprivate func makeImage(
        _ context: OpaquePointer?, _ flags: cl_mem_flags, _ format: cl_image_format, _ native: cl_image_desc,
        _ host: UnsafeMutableRawPointer?
    ) throws(OpenCLError) -> ClientBuffer {
        let context: ClientContext = try object(context, or: CL_INVALID_CONTEXT)
        try context.requireImages()
        try checkMemoryFlags(flags)
        let takesHost = flags & cl_mem_flags(CL_MEM_USE_HOST_PTR | CL_MEM_COPY_HOST_PTR) != 0
        guard let kind = ImageDescription.Kind(rawValue: native.image_type), native.num_mip_levels == 0,
            native.num_samples == 0
        else { throw OpenCLError(CL_INVALID_IMAGE_DESCRIPTOR) }
        let buffer: ClientBuffer? =
            kind == .buffer
            ? try object(native.mem_object, or: CL_INVALID_IMAGE_DESCRIPTOR) : nil
        try require(kind == .buffer || native.mem_object == nil, or: CL_INVALID_IMAGE_DESCRIPTOR)
        try require(takesHost == (host != nil), or: CL_INVALID_HOST_PTR)
        func side(_ value: Int, _ kinds: [ImageDescription.Kind]) -> UInt64 {
            kinds.contains(kind) ? UInt64(UInt(bitPattern: value)) : 1
        }
        let description = ImageDescription(
            kind: kind, format: ImageFormat(order: format.image_channel_order, type: format.image_channel_data_type),
            width: UInt64(UInt(bitPattern: native.image_width)),
            height: side(native.image_height, [.plane, .planes, .volume]), depth: side(native.image_depth, [.volume]),
            layers: side(native.image_array_size, [.lines, .planes]), buffer: buffer?.id ?? .none)
        guard let element = description.format.elementSize else {
            throw OpenCLError(CL_INVALID_IMAGE_FORMAT_DESCRIPTOR)
        }
        try require(context.allows(description), or: CL_INVALID_IMAGE_SIZE)
        if let buffer {
            let fits = description.size.map { $0 <= UInt64(buffer.size) } ?? false
            try require(buffer.image == nil && fits, or: CL_INVALID_IMAGE_DESCRIPTOR)
            try buffer.requireSession(of: context, or: CL_INVALID_IMAGE_DESCRIPTOR)
        }
        try require(
            try context.formats(flags, kind).contains(description.format), or: CL_IMAGE_FORMAT_NOT_SUPPORTED)
        let details = try details(description, Int(element), native, hasHost: host != nil, buffer)
        let image = try ClientBuffer(
            image: details, context: context, flags: flags,
            hostPointer: flags & cl_mem_flags(CL_MEM_USE_HOST_PTR) != 0 ? host : nil)
        if let host {
            let rectangle = try details.hostRegion(
                host, description.sides, rowPitch: details.rowPitch, slicePitch: details.slicePitch)
            try context.session.write(
                rectangle, elementSize: details.elementSize,
                ImageCommand(
                    queue: context.queueForContents(), image: image.id, origin: .zero, region: description.sides))
        }
        return image
    }

    private func details(
        _ description: ImageDescription, _ element: Int, _ native: cl_image_desc, hasHost: Bool,
        _ buffer: ClientBuffer?
    ) throws(OpenCLError) -> ImageDetails {
        try require(
            hasHost || (native.image_row_pitch == 0 && native.image_slice_pitch == 0),
            or: CL_INVALID_IMAGE_DESCRIPTOR)
        let width = Int(description.width) * element
        let row = native.image_row_pitch == 0 ? width : native.image_row_pitch
        try require(row >= width && row.isMultiple(of: element), or: CL_INVALID_IMAGE_DESCRIPTOR)
        let hasSlices = [.volume, .planes, .lines].contains(description.kind)
        let least = description.kind == .lines ? row : row * Int(description.height)
        let slice = !hasSlices ? 0 : native.image_slice_pitch == 0 ? least : native.image_slice_pitch
        try require(!hasSlices || (slice >= least && slice.isMultiple(of: row)), or: CL_INVALID_IMAGE_DESCRIPTOR)
        return ImageDetails(
            description: description, elementSize: element, rowPitch: row, slicePitch: slice, buffer: buffer)
    }
}

extension ClientContext {
    /// Throws what the specification has for a device without images.
    func requireImages() throws(OpenCLError) {
        let support = session.information.device.number(cl_uint(CL_DEVICE_IMAGE_SUPPORT)) ?? 0
        try require(support != 0, or: CL_INVALID_OPERATION)
    }

    /// Whether no side is 0 or beyond what the device tells.
    func allows(_ description: ImageDescription) -> Bool {
        func limit(_ parameter: cl_int) -> UInt64 {
            session.information.device.number(cl_uint(bitPattern: parameter)) ?? 0
        }
        guard description.size != nil else { return false }
        let layers = description.layers <= limit(CL_DEVICE_IMAGE_MAX_ARRAY_SIZE)
        let isPlane =
            description.width <= limit(CL_DEVICE_IMAGE2D_MAX_WIDTH)
            && description.height <= limit(CL_DEVICE_IMAGE2D_MAX_HEIGHT)
        return switch description.kind {
        case .plane, .line: isPlane
        case .planes, .lines: isPlane && layers
        case .buffer: description.width <= limit(CL_DEVICE_IMAGE_MAX_BUFFER_SIZE)
        case .volume:
            description.width <= limit(CL_DEVICE_IMAGE3D_MAX_WIDTH)
                && description.height <= limit(CL_DEVICE_IMAGE3D_MAX_HEIGHT)
                && description.depth <= limit(CL_DEVICE_IMAGE3D_MAX_DEPTH)
        }
    }

    /// The device's formats for images of the kind, asked once for each access.
    func formats(_ flags: cl_mem_flags, _ kind: ImageDescription.Kind) throws(OpenCLError) -> [ImageFormat] {
        let access = flags & cl_mem_flags(CL_MEM_READ_WRITE | CL_MEM_READ_ONLY | CL_MEM_WRITE_ONLY)
        let key = FormatKey(access: access == 0 ? cl_mem_flags(CL_MEM_READ_WRITE) : access, kind: kind)
        if let known = knownFormats[key] { return known }
        let answer = try session.call { .queryFormats($0, flags: key.access, kind: kind.rawValue) }
        guard case .information(_, let code, let value) = answer else { throw OpenCLError(CL_OUT_OF_RESOURCES) }
        try require(code == CL_SUCCESS, or: code)
        let words = value.withUnsafeBytes { bytes in
            (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self) }
        }
        let formats = stride(from: 0, to: words.count - 1, by: 2).map {
            ImageFormat(order: words[$0], type: words[$0 + 1])
        }
        // Those of unknown size could not be sent.
        knownFormats[key] = formats.filter { $0.elementSize != nil }
        return knownFormats[key] ?? []
    }

    struct FormatKey: Hashable {
        var access: cl_mem_flags
        var kind: ImageDescription.Kind
    }
}

func getSupportedImageFormats(
    _ context: cl_context?, _ flags: cl_mem_flags, _ type: cl_mem_object_type, _ count: cl_uint,
    _ formats: UnsafeMutablePointer<cl_image_format>?, _ found: UnsafeMutablePointer<cl_uint>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let context: ClientContext = try library.object(context, or: CL_INVALID_CONTEXT)
        guard let kind = ImageDescription.Kind(rawValue: type) else { throw OpenCLError(CL_INVALID_VALUE) }
        try require(formats == nil || count > 0, or: CL_INVALID_VALUE)
        let readsAndWrites = cl_mem_flags(CL_MEM_KERNEL_READ_AND_WRITE)
        try library.checkMemoryFlags(flags & ~readsAndWrites)
        let support = context.session.information.device.number(cl_uint(CL_DEVICE_IMAGE_SUPPORT)) ?? 0
        // No kernel reads and writes one image here, as OpenCL 2.0 has it.
        let known = support == 0 || flags & readsAndWrites != 0 ? [] : try context.formats(flags, kind)
        found?.pointee = cl_uint(known.count)
        for (index, format) in known.prefix(Int(count)).enumerated() {
            formats?[index] = cl_image_format(image_channel_order: format.order, image_channel_data_type: format.type)
        }
    }
}

func getImageInfo(
    _ image: cl_mem?, _ name: cl_image_info, _ size: Int, _ value: UnsafeMutableRawPointer?,
    _ sizeReturned: UnsafeMutablePointer<Int>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let object: ClientBuffer = try library.object(image, or: CL_INVALID_MEM_OBJECT)
        guard let image = object.image else { throw OpenCLError(CL_INVALID_MEM_OBJECT) }
        let description = image.description
        func side(_ value: UInt64, _ kinds: [ImageDescription.Kind]) -> InfoValue {
            .number(kinds.contains(description.kind) ? value : 0)
        }
        let answer: InfoValue =
            switch cl_int(bitPattern: name) {
            case CL_IMAGE_FORMAT: .numbers([description.format.order, description.format.type])
            case CL_IMAGE_ELEMENT_SIZE: .number(image.elementSize)
            case CL_IMAGE_ROW_PITCH: .number(image.rowPitch)
            case CL_IMAGE_SLICE_PITCH: .number(image.slicePitch)
            case CL_IMAGE_WIDTH: .number(description.width)
            case CL_IMAGE_HEIGHT: side(description.height, [.plane, .planes, .volume])
            case CL_IMAGE_DEPTH: side(description.depth, [.volume])
            case CL_IMAGE_ARRAY_SIZE: side(description.layers, [.lines, .planes])
            case CL_IMAGE_BUFFER: .handle(image.buffer?.handle)
            case CL_IMAGE_NUM_MIP_LEVELS, CL_IMAGE_NUM_SAMPLES: .number(cl_uint(0))
            default: throw OpenCLError(CL_INVALID_VALUE)
            }
        try InfoDestination(size, value, sizeReturned).write(answer)
    }
}
