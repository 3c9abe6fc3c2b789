import COpenCL
import Glibc

/// The client library under test, loaded as an OpenCL loader loads it (cl_khr_icd).
struct TestedLibrary {
    let calls: cl_icd_dispatch
    let device: cl_device_id

    private typealias PlatformIDs =
        @convention(c) (cl_uint, UnsafeMutablePointer<cl_platform_id?>?, UnsafeMutablePointer<cl_uint>?) -> cl_int

    init(path: String) throws(SelfTestFailure) {
        guard let library = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
            throw SelfTestFailure("the client library cannot be loaded: \(dlerror().map { String(cString: $0) } ?? "")")
        }
        guard let symbol = dlsym(library, "clIcdGetPlatformIDsKHR") else {
            throw SelfTestFailure("the client library names no platform")
        }
        var platform: cl_platform_id?
        let status = unsafeBitCast(symbol, to: PlatformIDs.self)(1, &platform, nil)
        guard status == CL_SUCCESS, let platform else {
            throw SelfTestFailure("the client library has no platform: error \(status)")
        }
        // The first word of a handle is the address of the dispatch table.
        calls = UnsafeRawPointer(platform).load(as: UnsafePointer<cl_icd_dispatch>.self).pointee
        var device: cl_device_id?
        // Devices of all kinds.
        let found = calls.clGetDeviceIDs(platform, cl_device_type(0xFFFF_FFFF), 1, &device, nil)
        guard found == CL_SUCCESS, let device else {
            throw SelfTestFailure("the client library has no device: error \(found)")
        }
        self.device = device
    }
}

/// A context and a queue of the device under test, and what is made in them.
final class TestedQueue {
    private let calls: cl_icd_dispatch
    private let device: cl_device_id
    private let context: cl_context
    let queue: cl_command_queue
    private var releases: [() -> Void] = []

    init(_ library: TestedLibrary) throws(SelfTestFailure) {
        let calls = library.calls
        self.calls = calls
        device = library.device
        var code: cl_int = 0
        var devices: [cl_device_id?] = [library.device]
        guard let context = calls.clCreateContext(nil, 1, &devices, nil, nil, &code) else {
            throw SelfTestFailure("clCreateContext: error \(code)")
        }
        guard let queue = calls.clCreateCommandQueue(context, library.device, 0, &code) else {
            throw SelfTestFailure("clCreateCommandQueue: error \(code)")
        }
        self.context = context
        self.queue = queue
        releases = [{ _ = calls.clReleaseContext(context) }, { _ = calls.clReleaseCommandQueue(queue) }]
    }

    func release() {
        while let release = releases.popLast() { release() }
    }

    func finish() throws(SelfTestFailure) { try check(calls.clFinish(queue), "clFinish") }

    /// Nil, with the code, where it is refused.
    func buffer(bytes: Int) -> (buffer: cl_mem?, code: cl_int) {
        var code: cl_int = 0
        let buffer = calls.clCreateBuffer(context, cl_mem_flags(CL_MEM_READ_WRITE), bytes, nil, &code)
        if let buffer { releases.append { [calls] in _ = calls.clReleaseMemObject(buffer) } }
        return (buffer, code)
    }

    func requiredBuffer(bytes: Int) throws(SelfTestFailure) -> cl_mem {
        let (buffer, code) = buffer(bytes: bytes)
        guard let buffer else { throw SelfTestFailure("clCreateBuffer of \(bytes) bytes: error \(code)") }
        return buffer
    }

    func buffer(of values: [UInt32]) throws(SelfTestFailure) -> cl_mem {
        let buffer = try requiredBuffer(bytes: values.count * 4)
        let code = values.withUnsafeBytes {
            calls.clEnqueueWriteBuffer(queue, buffer, cl_bool(CL_TRUE), 0, $0.count, $0.baseAddress, 0, nil, nil)
        }
        try check(code, "clEnqueueWriteBuffer")
        return buffer
    }

    func write(_ bytes: [UInt8], to buffer: cl_mem, at offset: Int) throws(SelfTestFailure) {
        let code = bytes.withUnsafeBytes {
            calls.clEnqueueWriteBuffer(
                queue, buffer, cl_bool(CL_TRUE), offset, $0.count, $0.baseAddress, 0, nil, nil)
        }
        try check(code, "clEnqueueWriteBuffer")
    }

    func read(_ count: Int, from buffer: cl_mem, at offset: Int = 0) throws(SelfTestFailure) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let code = bytes.withUnsafeMutableBytes {
            calls.clEnqueueReadBuffer(
                queue, buffer, cl_bool(CL_TRUE), offset, count, $0.baseAddress, 0, nil, nil)
        }
        try check(code, "clEnqueueReadBuffer")
        return bytes
    }

    func readNumbers(_ count: Int, from buffer: cl_mem) throws(SelfTestFailure) -> [UInt32] {
        let bytes = try read(count * 4, from: buffer)
        return bytes.withUnsafeBytes { bytes in
            (0..<count).map { bytes.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self) }
        }
    }

    func copy(_ source: cl_mem, _ offset: Int, to destination: cl_mem, _ place: Int, bytes: Int) throws(SelfTestFailure)
    {
        let code = calls.clEnqueueCopyBuffer(queue, source, destination, offset, place, bytes, 0, nil, nil)
        try check(code, "clEnqueueCopyBuffer")
    }

    func fill(_ buffer: cl_mem, with pattern: UInt32, at offset: Int, bytes: Int) throws(SelfTestFailure) {
        var pattern = pattern
        try check(
            calls.clEnqueueFillBuffer(queue, buffer, &pattern, 4, offset, bytes, 0, nil, nil), "clEnqueueFillBuffer")
    }

    /// The program, or the code of the build that failed.
    func build(_ source: String) -> (program: cl_program?, code: cl_int) {
        var code: cl_int = 0
        let program = source.withCString { text in
            var texts: [UnsafePointer<CChar>?] = [text]
            return calls.clCreateProgramWithSource(context, 1, &texts, nil, &code)
        }
        guard let program else { return (nil, code) }
        releases.append { [calls] in _ = calls.clReleaseProgram(program) }
        var devices: [cl_device_id?] = [device]
        code = calls.clBuildProgram(program, 1, &devices, "", nil, nil)
        return (code == CL_SUCCESS ? program : nil, code)
    }

    func kernel(_ name: String, of program: cl_program) throws(SelfTestFailure) -> cl_kernel {
        var code: cl_int = 0
        guard let kernel = calls.clCreateKernel(program, name, &code) else {
            throw SelfTestFailure("clCreateKernel \(name): error \(code)")
        }
        releases.append { [calls] in _ = calls.clReleaseKernel(kernel) }
        return kernel
    }

    func set(_ kernel: cl_kernel, _ arguments: [TestedArgument]) throws(SelfTestFailure) {
        for (index, argument) in arguments.enumerated() {
            let code =
                switch argument {
                case .buffer(let buffer):
                    withUnsafePointer(to: Optional(buffer)) {
                        calls.clSetKernelArg(kernel, cl_uint(index), MemoryLayout<cl_mem?>.size, $0)
                    }
                case .number(let number):
                    withUnsafePointer(to: number) { calls.clSetKernelArg(kernel, cl_uint(index), 4, $0) }
                case .local(let bytes): calls.clSetKernelArg(kernel, cl_uint(index), bytes, nil)
                }
            try check(code, "clSetKernelArg \(index)")
        }
    }

    /// Enqueues a kernel over one or two dimensions; returns at once.
    func launch(_ kernel: cl_kernel, over global: [Int], groups local: [Int]? = nil) throws(SelfTestFailure) {
        let code = calls.clEnqueueNDRangeKernel(
            queue, kernel, cl_uint(global.count), nil, global, local, 0, nil, nil)
        try check(code, "clEnqueueNDRangeKernel")
    }

    private func check(_ code: cl_int, _ call: String) throws(SelfTestFailure) {
        guard code == CL_SUCCESS else { throw SelfTestFailure("\(call): error \(code)") }
    }
}

/// One argument of a kernel.
enum TestedArgument {
    case buffer(cl_mem)
    case number(UInt32)
    /// Bytes of a work group's own memory.
    case local(Int)
}
