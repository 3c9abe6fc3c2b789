import COpenCL
import Foundation
import RemotingCore
import SessionTransport
import Testing

/// The built client library, loaded into the test's process as an ICD loader loads it into a program's, with an agent
/// that hands over the session of a ``ScriptedWorker``. A library has one session: one fixture at a time.
final class ClientFixture {
    let worker: ScriptedWorker
    let calls: cl_icd_dispatch
    let platform: cl_platform_id
    let device: cl_device_id
    private let agent: FakeAgent

    /// Beside the test bundle.
    private static var path: String {
        URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appendingPathComponent("libPresyncOpenCL.so").path
    }

    private typealias PlatformIDs =
        @convention(c) (cl_uint, UnsafeMutablePointer<cl_platform_id?>?, UnsafeMutablePointer<cl_uint>?) -> cl_int

    init(sharesMemory: Bool = false, begins: Bool = true, _ script: @escaping ScriptedWorker.Script) throws {
        let library = try #require(dlopen(Self.path, RTLD_NOW | RTLD_LOCAL), "build the product PresyncOpenCL")
        let symbol = try #require(dlsym(library, "clIcdGetPlatformIDsKHR"))
        worker = ScriptedWorker(sharesMemory: sharesMemory, script)
        agent = try FakeAgent(handingOver: worker.programEnd)
        if begins { worker.begin() }
        var platform: cl_platform_id?
        try #require(unsafeBitCast(symbol, to: PlatformIDs.self)(1, &platform, nil) == CL_SUCCESS)
        self.platform = try #require(platform)
        // The first word of a handle is the address of the dispatch table (cl_khr_icd).
        let table = UnsafeRawPointer(self.platform).load(as: UnsafePointer<cl_icd_dispatch>.self)
        calls = table.pointee
        var device: cl_device_id?
        let code = calls.clGetDeviceIDs(platform, cl_device_type(CL_DEVICE_TYPE_ALL.truncated), 1, &device, nil)
        try #require(code == CL_SUCCESS)
        self.device = try #require(device)
    }

    /// Ends the session. The library keeps one until it finds it lost: so the next fixture's is another.
    func end() {
        agent.end()
        worker.end()
        var code: cl_int = 0
        var devices: [cl_device_id?] = [device]
        guard let context = calls.clCreateContext(nil, 1, &devices, nil, nil, &code),
            let queue = calls.clCreateCommandQueue(context, device, 0, &code)
        else { return }
        // What is in the shared memory already may still be answered.
        while calls.clFinish(queue) != CL_DEVICE_NOT_AVAILABLE {}
    }

    /// A context and a queue.
    func queue() throws -> (cl_context, cl_command_queue) {
        var code: cl_int = 0
        var devices: [cl_device_id?] = [device]
        let context = try #require(calls.clCreateContext(nil, 1, &devices, nil, nil, &code))
        return (context, try #require(calls.clCreateCommandQueue(context, device, 0, &code)))
    }

    func buffer(_ context: cl_context, size: Int) throws -> cl_mem {
        var code: cl_int = 0
        return try #require(calls.clCreateBuffer(context, cl_mem_flags(CL_MEM_READ_WRITE), size, nil, &code))
    }
}

extension FixedWidthInteger {
    fileprivate var truncated: UInt64 { UInt64(truncatingIfNeeded: self) & 0xFFFF_FFFF }
}

/// An agent that hands over one session, and then stays connected as agents do.
private final class FakeAgent: Sendable {
    private let listener: CInt
    private let folder: String

    init(handingOver descriptors: [CInt]) throws {
        folder = NSTemporaryDirectory() + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let path = folder + "/agent"
        let listener = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
        self.listener = listener
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(status == 0 && listen(listener, 1) == 0)
        setenv("PRESYNC_AGENT_SOCKET", path, 1)
        let reply = HandOverReply.session(
            HandedOverSession(
                foundReadiness: 3, grant: 7, elapsedMicroseconds: 1, interfaceVersion: OpenCLInterface.version,
                continuation: ScriptedWorker.continuation, deviceInformation: DeviceInformation().encoded())
        ).encoded()
        Thread.detachNewThread {
            let program = accept(listener, nil, nil)
            guard program >= 0 else { return }
            var request = [UInt8](repeating: 0, count: 4_096)
            _ = recv(program, &request, request.count, 0)
            _ = reply.withUnsafeBytes { DescriptorPassing.send($0, passing: descriptors, on: program) }
            for descriptor in descriptors { close(descriptor) }
            while recv(program, &request, request.count, 0) > 0 {}
            close(program)
        }
    }

    func end() {
        shutdown(listener, CInt(SHUT_RDWR))
        close(listener)
        try? FileManager.default.removeItem(atPath: folder)
    }
}
