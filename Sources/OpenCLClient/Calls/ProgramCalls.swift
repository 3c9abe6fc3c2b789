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

/// Builds before it returns, with a callback too, which a thread of this library calls then: what the API calls a build
/// that begins may be over at once.
func buildProgram(
    _ program: cl_program?, _ deviceCount: cl_uint, _ devices: UnsafePointer<cl_device_id?>?,
    _ options: UnsafePointer<CChar>?, _ callback: ProgramCallback?, _ userData: UnsafeMutableRawPointer?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let program: ClientProgram = try library.object(program, or: CL_INVALID_PROGRAM)
        try library.requireDevices(deviceCount, devices, of: program.context)
        try require(callback != nil || userData == nil, or: CL_INVALID_VALUE)
        try require(program.kernels == 0 && !program.isLinked, or: CL_INVALID_OPERATION)
        let options = try text(options, or: CL_INVALID_BUILD_OPTIONS)
        try library.make(program, callback, userData) { () throws(OpenCLError) in try program.build(options: options) }
    }
}

/// Compiles before it returns, as ``buildProgram(_:_:_:_:_:_:)`` does.
func compileProgram(
    _ program: cl_program?, _ deviceCount: cl_uint, _ devices: UnsafePointer<cl_device_id?>?,
    _ options: UnsafePointer<CChar>?, _ headerCount: cl_uint, _ headers: UnsafePointer<cl_program?>?,
    _ names: UnsafeMutablePointer<UnsafePointer<CChar>?>?, _ callback: ProgramCallback?,
    _ userData: UnsafeMutableRawPointer?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let program: ClientProgram = try library.object(program, or: CL_INVALID_PROGRAM)
        try library.requireDevices(deviceCount, devices, of: program.context)
        try require(callback != nil || userData == nil, or: CL_INVALID_VALUE)
        try require((headerCount == 0) == (headers == nil) && (headers == nil) == (names == nil), or: CL_INVALID_VALUE)
        try require(program.kernels == 0 && program.source != nil, or: CL_INVALID_OPERATION)
        let options = try text(options, or: CL_INVALID_COMPILER_OPTIONS)
        try require(Int(headerCount) <= OpenCLInterface.programHeaders, or: CL_OUT_OF_RESOURCES)
        var included: [ProgramHeader] = []
        for index in 0..<Int(headerCount) {
            let header: ClientProgram = try library.object(headers?[index], or: CL_INVALID_PROGRAM)
            guard let name = names?[index] else { throw OpenCLError(CL_INVALID_VALUE) }
            try header.requireSession(of: program, or: CL_INVALID_PROGRAM)
            try header.sendSource()
            included.append(ProgramHeader(name: String(cString: name), program: header.id))
        }
        try library.make(program, callback, userData) { () throws(OpenCLError) in
            try program.compile(options: options, headers: included)
        }
    }
}

/// Links before it returns, as ``buildProgram(_:_:_:_:_:_:)`` does.
func linkProgram(
    _ context: cl_context?, _ deviceCount: cl_uint, _ devices: UnsafePointer<cl_device_id?>?,
    _ options: UnsafePointer<CChar>?, _ inputCount: cl_uint, _ inputs: UnsafePointer<cl_program?>?,
    _ callback: ProgramCallback?, _ userData: UnsafeMutableRawPointer?, _ code: UnsafeMutablePointer<cl_int>?
) -> cl_program? {
    create(code) { library throws(OpenCLError) in
        let context: ClientContext = try library.object(context, or: CL_INVALID_CONTEXT)
        try library.requireDevices(deviceCount, devices, of: context)
        guard inputCount > 0, let inputs else { throw OpenCLError(CL_INVALID_VALUE) }
        try require(callback != nil || userData == nil, or: CL_INVALID_VALUE)
        try require(Int(inputCount) <= OpenCLInterface.waitList, or: CL_OUT_OF_RESOURCES)
        let options = try text(options, or: CL_INVALID_LINKER_OPTIONS)
        var programs: [ClientProgram] = []
        for index in 0..<Int(inputCount) {
            programs.append(try library.object(inputs[index], or: CL_INVALID_PROGRAM))
        }
        for program in programs { try program.requireSession(of: context, or: CL_INVALID_PROGRAM) }
        try require(programs.allSatisfy(\.hasBinary), or: CL_INVALID_OPERATION)
        let program = try ClientProgram(context: context, linking: programs, options: options)
        if let callback {
            let handle = program.handle
            library.callbacks.post(about: program) { callback(handle, userData) }
        }
        return program
    }
}

func createProgramWithBinary(
    _ context: cl_context?, _ deviceCount: cl_uint, _ devices: UnsafePointer<cl_device_id?>?,
    _ lengths: UnsafePointer<Int>?, _ binaries: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
    _ status: UnsafeMutablePointer<cl_int>?, _ code: UnsafeMutablePointer<cl_int>?
) -> cl_program? {
    create(code) { library throws(OpenCLError) in
        let context: ClientContext = try library.object(context, or: CL_INVALID_CONTEXT)
        guard deviceCount > 0, devices != nil, let lengths, let binaries else { throw OpenCLError(CL_INVALID_VALUE) }
        try library.requireDevices(deviceCount, devices, of: context)
        guard let binary = binaries[0], lengths[0] > 0 else {
            status?.pointee = CL_INVALID_VALUE
            throw OpenCLError(CL_INVALID_VALUE)
        }
        try require(lengths[0] <= OpenCLInterface.programSource, or: CL_OUT_OF_HOST_MEMORY)
        do throws(OpenCLError) {
            let bytes = Array(UnsafeBufferPointer(start: binary, count: lengths[0]))
            let program = try ClientProgram(context: context, binary: bytes)
            status?.pointee = CL_SUCCESS
            return program
        } catch {
            status?.pointee = error.code
            throw error
        }
    }
}

/// The device has no built-in kernels, so that no list names some of its.
func createProgramWithBuiltInKernels(
    _ context: cl_context?, _ deviceCount: cl_uint, _ devices: UnsafePointer<cl_device_id?>?,
    _ names: UnsafePointer<CChar>?, _ code: UnsafeMutablePointer<cl_int>?
) -> cl_program? {
    create(code) { library throws(OpenCLError) in
        let context: ClientContext = try library.object(context, or: CL_INVALID_CONTEXT)
        try require(deviceCount > 0, or: CL_INVALID_VALUE)
        try library.requireDevices(deviceCount, devices, of: context)
        throw OpenCLError(CL_INVALID_VALUE)
    }
}

func setProgramReleaseCallback(
    _ program: cl_program?, _ callback: ProgramCallback?, _ userData: UnsafeMutableRawPointer?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let program: ClientProgram = try library.object(program, or: CL_INVALID_PROGRAM)
        guard let callback else { throw OpenCLError(CL_INVALID_VALUE) }
        program.releaseCallbacks.append((callback, userData))
    }
}

/// The text of options, which may be null.
private func text(_ options: UnsafePointer<CChar>?, or code: cl_int) throws(OpenCLError) -> [UInt8] {
    let bytes = options.map { Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) } ?? []
    try require(bytes.count <= OpenCLInterface.buildOptions, or: code)
    return bytes
}

extension Library {
    /// Builds or compiles; with a callback, which learns the outcome from the program, the call itself succeeds.
    fileprivate func make(
        _ program: ClientProgram, _ callback: ProgramCallback?, _ userData: UnsafeMutableRawPointer?,
        _ body: () throws(OpenCLError) -> Void
    ) throws(OpenCLError) {
        do throws(OpenCLError) {
            try body()
        } catch {
            if callback == nil { throw error }
        }
        guard let callback else { return }
        let handle = program.handle
        callbacks.post(about: program) { callback(handle, userData) }
    }
}

func getProgramInfo(
    _ program: cl_program?, _ name: cl_program_info, _ size: Int, _ value: UnsafeMutableRawPointer?,
    _ sizeReturned: UnsafeMutablePointer<Int>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let program: ClientProgram = try library.object(program, or: CL_INVALID_PROGRAM)
        if name == cl_program_info(CL_PROGRAM_BINARIES) {
            return try writeBinaries(of: program, size, value, sizeReturned)
        }
        let answer: InfoValue =
            switch cl_int(bitPattern: name) {
            case CL_PROGRAM_REFERENCE_COUNT: .number(program.references)
            case CL_PROGRAM_CONTEXT: .handle(program.context.handle)
            case CL_PROGRAM_NUM_DEVICES: .number(cl_uint(1))
            case CL_PROGRAM_DEVICES: .handle(program.context.device.handle)
            case CL_PROGRAM_SOURCE: .text(program.source ?? [])
            case CL_PROGRAM_IL: InfoValue(bytes: [])
            case CL_PROGRAM_SCOPE_GLOBAL_CTORS_PRESENT, CL_PROGRAM_SCOPE_GLOBAL_DTORS_PRESENT: .flag(false)
            case CL_PROGRAM_BINARY_SIZES: .number(try program.binarySize())
            case CL_PROGRAM_NUM_KERNELS: .number(try program.builtKernels().count)
            case CL_PROGRAM_KERNEL_NAMES: .text(try program.builtKernels().map(\.name).joined(separator: ";"))
            default: throw OpenCLError(CL_INVALID_VALUE)
            }
        try InfoDestination(size, value, sizeReturned).write(answer)
    }
}

/// The value is a pointer for each device to where its binary goes; null for one that is not wanted.
private func writeBinaries(
    of program: ClientProgram, _ size: Int, _ value: UnsafeMutableRawPointer?,
    _ sizeReturned: UnsafeMutablePointer<Int>?
) throws(OpenCLError) {
    let width = MemoryLayout<UnsafeMutableRawPointer?>.size
    if let value {
        try require(size >= width, or: CL_INVALID_VALUE)
        let count = try program.binarySize()
        if count > 0, let target = value.loadUnaligned(as: UnsafeMutableRawPointer?.self) {
            try program.readBinary(UnsafeMutableRawBufferPointer(start: target, count: count))
        }
    }
    sizeReturned?.pointee = width
}

func getProgramBuildInfo(
    _ program: cl_program?, _ device: cl_device_id?, _ name: cl_program_build_info, _ size: Int,
    _ value: UnsafeMutableRawPointer?, _ sizeReturned: UnsafeMutablePointer<Int>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let program: ClientProgram = try library.object(program, or: CL_INVALID_PROGRAM)
        try require(program.context.device.handle == device, or: CL_INVALID_DEVICE)
        let answer: InfoValue =
            switch cl_int(bitPattern: name) {
            case CL_PROGRAM_BUILD_STATUS:
                .number(
                    program.build.map { $0.code == CL_SUCCESS ? cl_build_status(CL_BUILD_SUCCESS) : CL_BUILD_ERROR }
                        ?? CL_BUILD_NONE)
            case CL_PROGRAM_BUILD_OPTIONS: .text(program.options)
            case CL_PROGRAM_BUILD_LOG: .text(program.build?.log.filter { $0 != 0 } ?? [])
            case CL_PROGRAM_BINARY_TYPE: .number(program.binaryType)
            case CL_PROGRAM_BUILD_GLOBAL_VARIABLE_TOTAL_SIZE: .number(0)
            default: throw OpenCLError(CL_INVALID_VALUE)
            }
        try InfoDestination(size, value, sizeReturned).write(answer)
    }
}

extension ClientProgram {
    /// The kernels of the last build or link, which succeeded: what was only compiled, or linked to a library, has none.
    func builtKernels() throws(OpenCLError) -> [KernelDescription] {
        guard let build, build.code == CL_SUCCESS,
            binaryType == cl_program_binary_type(CL_PROGRAM_BINARY_TYPE_EXECUTABLE)
        else { throw OpenCLError(CL_INVALID_PROGRAM_EXECUTABLE) }
        return build.kernels
    }
}
