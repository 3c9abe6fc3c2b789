import COpenCL
import Foundation
import Testing

/// An ICD, loaded into the test's process as an ICD loader loads it into a program's: its one platform, and the first
/// device of that.
struct LoadedPlatform {
    let platform: cl_platform_id
    let calls: cl_icd_dispatch
    let device: cl_device_id

    /// This project's library, beside the test bundle.
    static var presync: String {
        URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appendingPathComponent("libPresyncOpenCL.so").path
    }

    /// PoCL, as its vendor file names it.
    static var local: String? {
        let text = try? String(contentsOfFile: "/etc/OpenCL/vendors/pocl.icd", encoding: .utf8)
        return text?.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Returns when the library has found that its session is gone, whose worker or connection is.
    static func awaitLoss(_ calls: cl_icd_dispatch, _ device: cl_device_id) {
        var code: cl_int = 0
        var devices: [cl_device_id?] = [device]
        guard let context = calls.clCreateContext(nil, 1, &devices, nil, nil, &code),
            let queue = calls.clCreateCommandQueue(context, device, 0, &code)
        else { return }
        // What is in the shared memory already may still be answered.
        while calls.clFinish(queue) != CL_DEVICE_NOT_AVAILABLE {}
    }

    private typealias PlatformIDs =
        @convention(c) (cl_uint, UnsafeMutablePointer<cl_platform_id?>?, UnsafeMutablePointer<cl_uint>?) -> cl_int
    private typealias Addresses = @convention(c) (UnsafePointer<CChar>?) -> UnsafeMutableRawPointer?

    init(_ path: String) throws {
        (platform, calls) = try Self.load(path)
        var device: cl_device_id?
        try #require(calls.clGetDeviceIDs(platform, cl_device_type(0xFFFF_FFFF), 1, &device, nil) == CL_SUCCESS)
        self.device = try #require(device)
    }

    /// The platform of the ICD at `path`, of which nothing else was asked yet.
    private static func load(_ path: String) throws -> (cl_platform_id, cl_icd_dispatch) {
        let library = try #require(dlopen(path, RTLD_NOW | RTLD_LOCAL), "build the product PresyncOpenCL")
        let addresses = try #require(dlsym(library, "clGetExtensionFunctionAddress"))
        let symbol = try #require(unsafeBitCast(addresses, to: Addresses.self)("clIcdGetPlatformIDsKHR"))
        var found: cl_platform_id?
        try #require(unsafeBitCast(symbol, to: PlatformIDs.self)(1, &found, nil) == CL_SUCCESS)
        let platform = try #require(found)
        // The first word of a handle is the address of the dispatch table (cl_khr_icd).
        let table = UnsafeRawPointer(platform).load(as: UnsafePointer<cl_icd_dispatch>.self)
        return (platform, table.pointee)
    }

    /// A copy of this project's library, which knows nothing of others in this process, and which finds `gpus` in its
    /// environment: it looks there once, when it is first called.
    static func copy(gpus: String) throws -> (cl_platform_id, cl_icd_dispatch) {
        let path = NSTemporaryDirectory() + UUID().uuidString + ".so"
        try FileManager.default.copyItem(atPath: presync, toPath: path)
        defer { try? FileManager.default.removeItem(atPath: path) }
        setenv("PRESYNC_GPUS", gpus, 1)
        defer { unsetenv("PRESYNC_GPUS") }
        return try load(path)
    }
}
