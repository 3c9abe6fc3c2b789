import COpenCL
import DeviceDrivers
import Glibc
import RemotingCore

/// A kernel, and what its source says of its arguments.
final class OpenCLKernel {
    let object: OpenCLObject<cl_kernel>
    let arguments: [KernelArgumentDescription]
    let estimate = CommandEstimate()
    /// What the driver said to ``isPointer(_:_:)``.
    private var pointers: [UInt32: Bool] = [:]

    init(_ object: OpenCLObject<cl_kernel>, arguments: [KernelArgumentDescription]) {
        self.object = object
        self.arguments = arguments
    }

    /// Whether the argument's bytes are plain data: where they are not, the driver takes them for one of its own
    /// handles, and a client must not make one up.
    func takesPlainData(_ index: UInt32, _ set: cl_api_clSetKernelArg) -> Bool {
        guard arguments.indices.contains(Int(index)) else { return false }
        let argument = arguments[Int(index)]
        if isUndeclared(index) { return !isPointer(index, set) }
        return argument.addressQualifier == UInt32(CL_KERNEL_ARG_ADDRESS_PRIVATE)
            && argument.typeQualifier & UInt64(CL_KERNEL_ARG_TYPE_PIPE) == 0
            && Self.handleTypes.isDisjoint(with: argument.typeName.split(separator: " ").map(String.init))
    }

    /// The argument's type without qualifiers; empty where it is not known.
    func type(of index: UInt32) -> String {
        guard arguments.indices.contains(Int(index)) else { return "" }
        let words = arguments[Int(index)].typeName.split(separator: " ").map(String.init)
        return words.first { Self.handleTypes.contains($0) } ?? words.last ?? ""
    }

    /// Whether the argument is no handle of another kind.
    func takesBuffer(_ index: UInt32, _ set: cl_api_clSetKernelArg) -> Bool {
        isUndeclared(index) ? isPointer(index, set) : !Self.handleTypes.contains(type(of: index))
    }

    /// Whether the argument is an image or a sampler of that type; one of which nothing is known may be.
    func takes(_ typeName: String, at index: UInt32) -> Bool { isUndeclared(index) || type(of: index) == typeName }

    /// Whether the driver tells nothing of the argument: of a binary, or where the compiler fails when it is to keep what
    /// it knows.
    private func isUndeclared(_ index: UInt32) -> Bool {
        guard arguments.indices.contains(Int(index)) else { return false }
        return arguments[Int(index)].addressQualifier == 0 && arguments[Int(index)].typeName.isEmpty
    }

    /// Whether these are the bytes of a null pointer, for an argument that is one: a client that knows nothing of the
    /// argument either cannot tell them from a number.
    func isNullPointer(_ bytes: ArraySlice<UInt8>, at index: UInt32, _ set: cl_api_clSetKernelArg) -> Bool {
        bytes.count == MemoryLayout<cl_mem?>.size && isUndeclared(index) && bytes.allSatisfy { $0 == 0 }
            && isPointer(index, set)
    }

    /// Asks the driver by setting a null pointer, which it takes for a pointer only, be that to global, constant or local
    /// memory. The caller sets the argument afterwards, or its launch fails.
    private func isPointer(_ index: UInt32, _ set: cl_api_clSetKernelArg) -> Bool {
        if let known = pointers[index] { return known }
        let isPointer = set(object.handle, index, MemoryLayout<cl_mem?>.size, nil) == CL_SUCCESS
        pointers[index] = isPointer
        return isPointer
    }

    /// The types of OpenCL C whose values are objects of the driver (OpenCL C 3.0, "Other Built-in Data Types").
    private static let handleTypes: Set<String> = [
        "sampler_t", "queue_t", "event_t", "clk_event_t", "reserve_id_t", "pipe", "image1d_t", "image1d_buffer_t",
        "image1d_array_t", "image2d_t", "image2d_array_t", "image2d_depth_t", "image2d_array_depth_t",
        "image2d_msaa_t", "image2d_array_msaa_t", "image2d_msaa_depth_t", "image2d_array_msaa_depth_t", "image3d_t",
    ]
}

extension ImageDescription.Kind {
    /// What OpenCL C calls such an image.
    fileprivate var typeName: String {
        switch self {
        case .plane: "image2d_t"
        case .volume: "image3d_t"
        case .planes: "image2d_array_t"
        case .line: "image1d_t"
        case .lines: "image1d_array_t"
        case .buffer: "image1d_buffer_t"
        }
    }
}

extension OpenCLComputeDevice {
    typealias Program = OpenCLObject<cl_program>

    func load(binary: [UInt8]) throws(OpenCLFailure) -> Program {
        var devices: [cl_device_id?] = [handle]
        var status: cl_int = CL_SUCCESS
        var binaryStatus: cl_int = CL_SUCCESS
        let made = binary.withUnsafeBufferPointer { bytes in
            var start = bytes.baseAddress
            var length = bytes.count
            return functions.createProgramWithBinary(context, 1, &devices, &length, &start, &binaryStatus, &status)
        }
        guard let made else { throw OpenCLFailure(status == CL_SUCCESS ? CL_INVALID_BINARY : status) }
        return Program(made, releasedBy: functions.releaseProgram)
    }

    func binary(of program: Program) throws(OpenCLFailure) -> [UInt8] {
        let sizes = readOpenCLValue {
            functions.getProgramInfo(program.handle, cl_program_info(CL_PROGRAM_BINARY_SIZES), $0, $1, $2)
        }
        guard let size = sizes?.littleEndianWords.first, size <= OpenCLInterface.programSource else {
            throw OpenCLFailure(CL_OUT_OF_HOST_MEMORY)
        }
        var bytes = [UInt8](repeating: 0, count: Int(size))
        let code = bytes.withUnsafeMutableBytes { buffer in
            var start = buffer.baseAddress
            return functions.getProgramInfo(
                program.handle, cl_program_info(CL_PROGRAM_BINARIES), MemoryLayout<UnsafeMutableRawPointer?>.size,
                &start,
                nil)
        }
        guard code == CL_SUCCESS else { throw OpenCLFailure(code) }
        return bytes
    }

    /// All that a program's client is told of its kernels.
    func describeKernels(of program: Program) -> [KernelDescription] {
        let names = readOpenCLValue {
            functions.getProgramInfo(program.handle, cl_program_info(CL_PROGRAM_KERNEL_NAMES), $0, $1, $2)
        }
        return (names ?? []).prefix { $0 != 0 }.split(separator: UInt8(ascii: ";"))
            .prefix(OpenCLInterface.kernelsPerProgram)
            .map { String(decoding: $0, as: UTF8.self) }
            .compactMap { name in (try? makeKernel(name, of: program)).map { describe($0, name: name) } }
    }

    private func describe(_ kernel: OpenCLKernel, name: String) -> KernelDescription {
        func workGroup(_ parameter: Int32) -> [UInt64] {
            let bytes = readOpenCLValue {
                functions.getKernelWorkGroupInfo(
                    kernel.object.handle, handle, cl_kernel_work_group_info(parameter), $0, $1, $2)
            }
            return (bytes ?? []).littleEndianWords
        }
        let required = workGroup(CL_KERNEL_COMPILE_WORK_GROUP_SIZE)
        return KernelDescription(
            name: name, arguments: kernel.arguments,
            workGroupSize: workGroup(CL_KERNEL_WORK_GROUP_SIZE).first ?? 0,
            preferredWorkGroupMultiple: workGroup(CL_KERNEL_PREFERRED_WORK_GROUP_SIZE_MULTIPLE).first ?? 0,
            requiredWorkGroupSize: required.count == 3 ? SIMD3(required) : .zero,
            localMemory: workGroup(CL_KERNEL_LOCAL_MEM_SIZE).first ?? 0,
            privateMemory: workGroup(CL_KERNEL_PRIVATE_MEM_SIZE).first ?? 0)
    }

    func makeKernel(_ name: String, of program: Program) throws(OpenCLFailure) -> OpenCLKernel {
        var status: cl_int = CL_SUCCESS
        guard !name.utf8.contains(0), let made = functions.createKernel(program.handle, name, &status) else {
            throw OpenCLFailure(status == CL_SUCCESS ? CL_INVALID_KERNEL_NAME : status)
        }
        let object = OpenCLObject<cl_kernel>(made, releasedBy: functions.releaseKernel)
        let count = readOpenCLValue { functions.getKernelInfo(made, cl_kernel_info(CL_KERNEL_NUM_ARGS), $0, $1, $2) }
        let arguments = Int(count?.littleEndianNumber ?? 0)
        guard arguments <= OpenCLInterface.argumentsPerKernel else { throw OpenCLFailure(CL_OUT_OF_RESOURCES) }
        return OpenCLKernel(object, arguments: (0..<arguments).map { describeArgument(cl_uint($0), of: made) })
    }

    private func describeArgument(_ index: cl_uint, of kernel: cl_kernel) -> KernelArgumentDescription {
        func value(_ parameter: Int32) -> [UInt8] {
            guard tellsArguments else { return [] }
            return readOpenCLValue {
                functions.getKernelArgInfo(kernel, index, cl_kernel_arg_info(parameter), $0, $1, $2)
            }
                ?? []
        }
        func text(_ parameter: Int32) -> String {
            String(decoding: value(parameter).prefix { $0 != 0 }, as: UTF8.self)
        }
        return KernelArgumentDescription(
            addressQualifier: UInt32(truncatingIfNeeded: value(CL_KERNEL_ARG_ADDRESS_QUALIFIER).littleEndianNumber),
            accessQualifier: UInt32(truncatingIfNeeded: value(CL_KERNEL_ARG_ACCESS_QUALIFIER).littleEndianNumber),
            typeQualifier: value(CL_KERNEL_ARG_TYPE_QUALIFIER).littleEndianNumber,
            typeName: text(CL_KERNEL_ARG_TYPE_NAME), name: text(CL_KERNEL_ARG_NAME))
    }

    func setArgument(
        _ index: UInt32, of kernel: OpenCLKernel, to value: DeviceArgument<Buffer, Sampler>
    ) throws(OpenCLFailure) {
        guard kernel.arguments.indices.contains(Int(index)) else { throw OpenCLFailure(CL_INVALID_ARG_INDEX) }
        let set = functions.setKernelArg
        let status: cl_int
        switch value {
        case .value(let bytes) where kernel.isNullPointer(bytes, at: index, set):
            status = set(kernel.object.handle, index, bytes.count, nil)
        case .value(let bytes):
            guard kernel.takesPlainData(index, set) else { throw OpenCLFailure(CL_INVALID_ARG_VALUE) }
            status = bytes.withUnsafeBytes { set(kernel.object.handle, index, $0.count, $0.baseAddress) }
        case .image(let image, let kind):
            guard kernel.takes(kind.typeName, at: index) else { throw OpenCLFailure(CL_INVALID_ARG_VALUE) }
            var handle: cl_mem? = image.handle
            status = set(kernel.object.handle, index, MemoryLayout<cl_mem?>.size, &handle)
        case .sampler(let sampler):
            guard kernel.takes("sampler_t", at: index) else { throw OpenCLFailure(CL_INVALID_ARG_VALUE) }
            var handle: cl_sampler? = sampler.handle
            status = set(kernel.object.handle, index, MemoryLayout<cl_sampler?>.size, &handle)
        case .buffer(let buffer):
            guard kernel.takesBuffer(index, set) else { throw OpenCLFailure(CL_INVALID_ARG_VALUE) }
            var handle: cl_mem? = buffer?.handle
            status = set(kernel.object.handle, index, MemoryLayout<cl_mem?>.size, &handle)
        case .local(let size):
            status = set(kernel.object.handle, index, size, nil)
        }
        guard status == CL_SUCCESS else { throw OpenCLFailure(status) }
    }

    func query(_ object: QueriedObject<Buffer, Program, OpenCLKernel>, parameter: UInt32) throws(OpenCLFailure)
        -> [UInt8]
    {
        let answer: [UInt8]?
        switch (object, Int32(bitPattern: parameter)) {
        case (.buffer(let buffer), CL_MEM_TYPE), (.buffer(let buffer), CL_MEM_FLAGS),
            (.buffer(let buffer), CL_MEM_SIZE):
            answer = readOpenCLValue { functions.getMemObjectInfo(buffer.handle, parameter, $0, $1, $2) }
        case (.program(let program), CL_PROGRAM_NUM_DEVICES), (.program(let program), CL_PROGRAM_SOURCE),
            (.program(let program), CL_PROGRAM_BINARY_SIZES), (.program(let program), CL_PROGRAM_NUM_KERNELS),
            (.program(let program), CL_PROGRAM_KERNEL_NAMES):
            answer = readOpenCLValue { functions.getProgramInfo(program.handle, parameter, $0, $1, $2) }
        case (.program(let program), CL_PROGRAM_BUILD_STATUS...CL_PROGRAM_BUILD_GLOBAL_VARIABLE_TOTAL_SIZE):
            answer = readOpenCLValue { functions.getProgramBuildInfo(program.handle, handle, parameter, $0, $1, $2) }
        case (.kernel(let kernel), CL_KERNEL_FUNCTION_NAME), (.kernel(let kernel), CL_KERNEL_NUM_ARGS),
            (.kernel(let kernel), CL_KERNEL_ATTRIBUTES):
            answer = readOpenCLValue { functions.getKernelInfo(kernel.object.handle, parameter, $0, $1, $2) }
        case (.kernel(let kernel), CL_KERNEL_WORK_GROUP_SIZE...CL_KERNEL_GLOBAL_WORK_SIZE):
            answer = readOpenCLValue {
                functions.getKernelWorkGroupInfo(kernel.object.handle, handle, parameter, $0, $1, $2)
            }
        default: throw OpenCLFailure(CL_INVALID_VALUE)
        }
        guard let answer else { throw OpenCLFailure(CL_INVALID_VALUE) }
        return answer
    }
}

extension [UInt8] {
    /// The bytes as one number of up to 64 bits; 0 for none.
    fileprivate var littleEndianNumber: UInt64 { prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) } }

    /// The bytes as numbers of 64 bits each.
    fileprivate var littleEndianWords: [UInt64] {
        stride(from: 0, to: count - count % 8, by: 8).map { Array(self[$0..<$0 + 8]).littleEndianNumber }
    }
}
