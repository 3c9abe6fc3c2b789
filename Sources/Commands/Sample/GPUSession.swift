import COpenCL

/// One program's use of one OpenCL device: a context, an in-order queue, and what is made in them.
///
/// Everything is released by ``close()``, in the reverse order of its making. Calls block where they say so.
final class GPUSession {
    private let api: OpenCLProgramInterface
    let platform: cl_platform_id
    private let device: cl_device_id
    private let context: cl_context
    private let queue: cl_command_queue
    private var releases: [() -> Void] = []

    /// Opens the first device of the first platform that has one.
    convenience init() throws(OpenCLFailure) {
        let api = try OpenCLProgramInterface()
        let (platform, devices) = try Self.devices(api)
        try self.init(api, platform, devices[0])
    }

    /// Opens every device of the first platform that has one, each for itself; at least one.
    static func all() throws(OpenCLFailure) -> [GPUSession] {
        let api = try OpenCLProgramInterface()
        let (platform, devices) = try Self.devices(api)
        var sessions: [GPUSession] = []
        do throws(OpenCLFailure) {
            for device in devices { sessions.append(try GPUSession(api, platform, device)) }
        } catch {
            for session in sessions { session.close() }
            throw error
        }
        return sessions
    }

    private init(
        _ api: OpenCLProgramInterface, _ platform: cl_platform_id, _ device: cl_device_id
    ) throws(OpenCLFailure) {
        self.api = api
        self.platform = platform
        self.device = device
        var status: cl_int = 0
        var devices: [cl_device_id?] = [device]
        guard let context = api.createContext(nil, 1, &devices, nil, nil, &status) else {
            try OpenCLFailure.check(status, "clCreateContext")
            throw OpenCLFailure("clCreateContext", "no context and no error")
        }
        self.context = context
        guard let queue = api.createCommandQueue(context, device, nil, &status) else {
            _ = api.releaseContext(context)
            try OpenCLFailure.check(status, "clCreateCommandQueueWithProperties")
            throw OpenCLFailure("clCreateCommandQueueWithProperties", "no queue and no error")
        }
        self.queue = queue
        releases = [{ [api] in _ = api.releaseContext(context) }, { [api] in _ = api.releaseCommandQueue(queue) }]
    }

    /// The first platform that has a device, and its devices, at most 16.
    private static func devices(
        _ api: OpenCLProgramInterface
    ) throws(OpenCLFailure) -> (cl_platform_id, [cl_device_id]) {
        var count: cl_uint = 0
        var platforms = [cl_platform_id?](repeating: nil, count: 16)
        try OpenCLFailure.check(api.getPlatformIDs(16, &platforms, &count), "clGetPlatformIDs")
        for case let platform? in platforms.prefix(Int(min(count, 16))) {
            var found = [cl_device_id?](repeating: nil, count: 16)
            var number: cl_uint = 0
            // All kinds: PoCL's devices are CPUs.
            let status = api.getDeviceIDs(platform, cl_device_type(0xFFFF_FFFF), 16, &found, &number)
            let devices = found.prefix(Int(min(number, 16))).compactMap { $0 }
            if status == CL_SUCCESS, !devices.isEmpty { return (platform, devices) }
            if count == 1 { try OpenCLFailure.check(status, "clGetDeviceIDs") }
        }
        throw OpenCLFailure("clGetPlatformIDs", "no platform has a device")
    }

    /// The device's memory in bytes, as `CL_DEVICE_GLOBAL_MEM_SIZE` says: of a virtual GPU, its slice.
    func deviceMemory() throws(OpenCLFailure) -> Int {
        var bytes: cl_ulong = 0
        let status = api.getDeviceInfo(
            device, cl_device_info(CL_DEVICE_GLOBAL_MEM_SIZE), MemoryLayout<cl_ulong>.size, &bytes, nil)
        try OpenCLFailure.check(status, "clGetDeviceInfo")
        return Int(clamping: bytes)
    }

    /// A buffer of `bytes`, contents undefined.
    func buffer(bytes: Int) throws(OpenCLFailure) -> cl_mem {
        var status: cl_int = 0
        guard let buffer = api.createBuffer(context, cl_mem_flags(CL_MEM_READ_WRITE), bytes, nil, &status) else {
            try OpenCLFailure.check(status, "clCreateBuffer of \(bytes) bytes")
            throw OpenCLFailure("clCreateBuffer", "no buffer and no error")
        }
        releases.append { [api] in _ = api.releaseMemObject(buffer) }
        return buffer
    }

    /// Writes `values` to the start of `buffer`; returns when that is complete.
    func write(_ values: [UInt32], to buffer: cl_mem) throws(OpenCLFailure) {
        let status = values.withUnsafeBytes {
            api.enqueueWriteBuffer(queue, buffer, cl_bool(CL_TRUE), 0, $0.count, $0.baseAddress, 0, nil, nil)
        }
        try OpenCLFailure.check(status, "clEnqueueWriteBuffer")
    }

    /// Writes bytes to the start of `buffer`; returns when that is complete.
    func write(_ bytes: UnsafeRawBufferPointer, to buffer: cl_mem) throws(OpenCLFailure) {
        let status = api.enqueueWriteBuffer(
            queue, buffer, cl_bool(CL_TRUE), 0, bytes.count, bytes.baseAddress, 0, nil, nil)
        try OpenCLFailure.check(status, "clEnqueueWriteBuffer")
    }

    /// Reads as many bytes from the start of `buffer`, when all before is complete.
    func read(into bytes: UnsafeMutableRawBufferPointer, from buffer: cl_mem) throws(OpenCLFailure) {
        let status = api.enqueueReadBuffer(
            queue, buffer, cl_bool(CL_TRUE), 0, bytes.count, bytes.baseAddress, 0, nil, nil)
        try OpenCLFailure.check(status, "clEnqueueReadBuffer")
    }

    /// The first `count` numbers of `buffer`, when all before is complete.
    func read(_ count: Int, from buffer: cl_mem) throws(OpenCLFailure) -> [UInt32] {
        var values = [UInt32](repeating: 0, count: count)
        let status = values.withUnsafeMutableBytes {
            api.enqueueReadBuffer(queue, buffer, cl_bool(CL_TRUE), 0, $0.count, $0.baseAddress, 0, nil, nil)
        }
        try OpenCLFailure.check(status, "clEnqueueReadBuffer")
        return values
    }

    /// A program built from source for the device; its log is in the error when that fails.
    func program(source: String) throws(OpenCLFailure) -> cl_program {
        var status: cl_int = 0
        let program = source.withCString { text in
            var texts: [UnsafePointer<CChar>?] = [text]
            return api.createProgramWithSource(context, 1, &texts, nil, &status)
        }
        guard let program else {
            try OpenCLFailure.check(status, "clCreateProgramWithSource")
            throw OpenCLFailure("clCreateProgramWithSource", "no program and no error")
        }
        releases.append { [api] in _ = api.releaseProgram(program) }
        var devices: [cl_device_id?] = [device]
        guard api.buildProgram(program, 1, &devices, "", nil, nil) == CL_SUCCESS else {
            throw OpenCLFailure("clBuildProgram", buildLog(program))
        }
        return program
    }

    func kernel(_ name: String, of program: cl_program) throws(OpenCLFailure) -> Kernel {
        var status: cl_int = 0
        guard let kernel = api.createKernel(program, name, &status) else {
            try OpenCLFailure.check(status, "clCreateKernel \(name)")
            throw OpenCLFailure("clCreateKernel", "no kernel and no error")
        }
        releases.append { [api] in _ = api.releaseKernel(kernel) }
        return Kernel(id: kernel, name: name)
    }

    /// A kernel and its name for errors.
    struct Kernel {
        let id: cl_kernel
        let name: String
    }

    /// One argument of a kernel: a buffer or a number of 32 bits.
    enum Argument {
        case buffer(cl_mem)
        case number(UInt32)
    }

    /// Enqueues `kernel` over `items` work items; returns at once.
    func launch(_ kernel: Kernel, _ arguments: [Argument], items: Int) throws(OpenCLFailure) {
        for (index, argument) in arguments.enumerated() {
            let status: cl_int
            switch argument {
            case .buffer(let buffer):
                var value: cl_mem? = buffer
                status = api.setKernelArg(kernel.id, cl_uint(index), MemoryLayout<cl_mem?>.size, &value)
            case .number(var value):
                status = api.setKernelArg(kernel.id, cl_uint(index), MemoryLayout<UInt32>.size, &value)
            }
            try OpenCLFailure.check(status, "clSetKernelArg \(kernel.name) \(index)")
        }
        var size = items
        let status = api.enqueueNDRangeKernel(queue, kernel.id, 1, nil, &size, nil, 0, nil, nil)
        try OpenCLFailure.check(status, "clEnqueueNDRangeKernel \(kernel.name)")
    }

    /// Blocks until all that was enqueued is complete.
    func finish() throws(OpenCLFailure) { try OpenCLFailure.check(api.finish(queue), "clFinish") }

    /// Releases everything. Safe to call twice.
    func close() {
        while let release = releases.popLast() { release() }
    }

    /// What Presync's interface tells about the session, where the platform is Presync's and it tells.
    func presyncFacts() -> (grant: UInt64, foundReadiness: UInt8, handoverNanoseconds: UInt64)? {
        typealias Function =
            @convention(c) (
                UnsafeMutablePointer<cl_ulong>?, UnsafeMutablePointer<cl_uchar>?, UnsafeMutablePointer<cl_ulong>?
            ) -> cl_int
        guard let address = api.getExtensionFunction(platform, "clGetSessionFactsPRESYNC") else { return nil }
        let function = unsafeBitCast(address, to: Function.self)
        var (grant, found, handover) = (cl_ulong(0), cl_uchar(0), cl_ulong(0))
        guard function(&grant, &found, &handover) == CL_SUCCESS else { return nil }
        return (UInt64(grant), found, UInt64(handover))
    }

    private func buildLog(_ program: cl_program) -> String {
        var log = [CChar](repeating: 0, count: 2_048)
        var length = 0
        _ = api.getProgramBuildInfo(
            program, device, cl_program_build_info(CL_PROGRAM_BUILD_LOG), log.count - 1, &log, &length)
        let text = String(decoding: log.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return text.isEmpty ? "failed without a log" : text
    }
}
