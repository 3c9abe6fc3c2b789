import COpenCL
import Glibc
import RemotingCore

func createProgramWithSource(
    _ context: cl_context?, _ count: cl_uint, _ strings: UnsafeMutablePointer<UnsafePointer<CChar>?>?,
    _ lengths: UnsafePointer<Int>?, _ code: UnsafeMutablePointer<cl_int>?
) -> cl_program? {
    create(code) { library throws(OpenCLError) in
        let context: ClientContext = try library.object(context, or: CL_INVALID_CONTEXT)
        guard count > 0, let strings else { throw OpenCLError(CL_INVALID_VALUE) }
        var source: [UInt8] = []
        for index in 0..<Int(count) {
            guard let string = strings[index] else { throw OpenCLError(CL_INVALID_VALUE) }
            let length = lengths.map { $0[index] } ?? 0
            let bytes = UnsafeRawBufferPointer(start: string, count: length > 0 ? length : strlen(string))
            try require(source.count + bytes.count <= OpenCLInterface.programSource, or: CL_OUT_OF_HOST_MEMORY)
            source.append(contentsOf: bytes)
        }
        return try ClientProgram(context: context, source: source)
    }
}

func retainProgram(_ program: cl_program?) -> cl_int {
    perform { library throws(OpenCLError) in
        try library.retain(program, ClientProgram.self, or: CL_INVALID_PROGRAM)
    }
}

func releaseProgram(_ program: cl_program?) -> cl_int {
    perform { library throws(OpenCLError) in
        try library.release(program, ClientProgram.self, or: CL_INVALID_PROGRAM)
    }
}

/// Builds before it returns, with a callback too, which is called by this thread then: what the API calls a build
/// that begins may be over at once.
func buildProgram(
    _ program: cl_program?, _ deviceCount: cl_uint, _ devices: UnsafePointer<cl_device_id?>?,
    _ options: UnsafePointer<CChar>?, _ callback: (@convention(c) (cl_program?, UnsafeMutableRawPointer?) -> Void)?,
    _ userData: UnsafeMutableRawPointer?
) -> cl_int {
    var wasBuilt = false
    let code = perform { library throws(OpenCLError) in
        let program: ClientProgram = try library.object(program, or: CL_INVALID_PROGRAM)
        try library.requireDevices(deviceCount, devices)
        try require(callback != nil || userData == nil, or: CL_INVALID_VALUE)
        try require(program.kernels == 0, or: CL_INVALID_OPERATION)
        let options = options.map { Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) } ?? []
        try require(options.count <= OpenCLInterface.buildOptions, or: CL_INVALID_BUILD_OPTIONS)
        defer { wasBuilt = true }
        try program.build(options: options)
    }
    guard wasBuilt, let callback else { return code }
    callback(program, userData)
    return CL_SUCCESS
}

func getProgramInfo(
    _ program: cl_program?, _ name: cl_program_info, _ size: Int, _ value: UnsafeMutableRawPointer?,
    _ sizeReturned: UnsafeMutablePointer<Int>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let program: ClientProgram = try library.object(program, or: CL_INVALID_PROGRAM)
        let answer: InfoValue =
            switch cl_int(bitPattern: name) {
            case CL_PROGRAM_REFERENCE_COUNT: .number(program.references)
            case CL_PROGRAM_CONTEXT: .handle(program.context.handle)
            case CL_PROGRAM_NUM_DEVICES: .number(cl_uint(1))
            case CL_PROGRAM_DEVICES: .handle(library.device)
            case CL_PROGRAM_SOURCE: .text(program.source)
            // Binaries stay at the worker: there is none for the program to keep.
            case CL_PROGRAM_BINARY_SIZES: .number(0)
            case CL_PROGRAM_NUM_KERNELS: .number(try program.builtKernels().count)
            case CL_PROGRAM_KERNEL_NAMES: .text(try program.builtKernels().map(\.name).joined(separator: ";"))
            default: throw OpenCLError(CL_INVALID_VALUE)
            }
        try InfoDestination(size, value, sizeReturned).write(answer)
    }
}

func getProgramBuildInfo(
    _ program: cl_program?, _ device: cl_device_id?, _ name: cl_program_build_info, _ size: Int,
    _ value: UnsafeMutableRawPointer?, _ sizeReturned: UnsafeMutablePointer<Int>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let program: ClientProgram = try library.object(program, or: CL_INVALID_PROGRAM)
        try library.requireDevice(device)
        let answer: InfoValue =
            switch cl_int(bitPattern: name) {
            case CL_PROGRAM_BUILD_STATUS:
                .number(
                    program.build.map { $0.code == CL_SUCCESS ? cl_build_status(CL_BUILD_SUCCESS) : CL_BUILD_ERROR }
                        ?? CL_BUILD_NONE)
            case CL_PROGRAM_BUILD_OPTIONS: .text(program.options)
            case CL_PROGRAM_BUILD_LOG: .text(program.build?.log.filter { $0 != 0 } ?? [])
            case CL_PROGRAM_BINARY_TYPE:
                .number(
                    cl_program_binary_type(
                        program.build?.code == CL_SUCCESS
                            ? CL_PROGRAM_BINARY_TYPE_EXECUTABLE : CL_PROGRAM_BINARY_TYPE_NONE))
            default: throw OpenCLError(CL_INVALID_VALUE)
            }
        try InfoDestination(size, value, sizeReturned).write(answer)
    }
}

extension ClientProgram {
    /// The kernels of the last build, which succeeded.
    func builtKernels() throws(OpenCLError) -> [KernelDescription] {
        guard let build, build.code == CL_SUCCESS else { throw OpenCLError(CL_INVALID_PROGRAM_EXECUTABLE) }
        return build.kernels
    }
}
