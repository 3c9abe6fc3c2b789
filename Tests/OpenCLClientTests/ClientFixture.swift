import COpenCL
import Foundation
import RemotingCore
import SessionTransport
import Synchronization
import Testing

/// The built client library, loaded into the test's process as an ICD loader loads it into a program's, with an agent
/// that hands over the session of a ``ScriptedWorker``. A library has one session: one fixture at a time.
final class ClientFixture {
    let worker: ScriptedWorker
    let calls: cl_icd_dispatch
    let platform: cl_platform_id
    let device: cl_device_id
    private let agent: FakeAgent

    init(sharesMemory: Bool = false, begins: Bool = true, _ script: @escaping ScriptedWorker.Script) throws {
        worker = ScriptedWorker(sharesMemory: sharesMemory, script)
        agent = try FakeAgent(handingOver: worker.programEnd, ScriptedWorker.session)
        if begins { worker.begin() }
        let loaded = try LoadedPlatform(LoadedPlatform.presync)
        (platform, calls, device) = (loaded.platform, loaded.calls, loaded.device)
    }

    /// Ends the session. The library keeps one until it finds it lost: so the next fixture's is another.
    func end() {
        agent.end()
        worker.end()
        LoadedPlatform.awaitLoss(calls, device)
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

/// An agent that hands over sessions, and then stays connected as agents do.
final class FakeAgent: Sendable {
    /// A reply, and what goes with its first byte.
    struct Reply: Sendable {
        var bytes: [UInt8]
        var descriptors: [CInt] = []
        /// Whether the agent leaves after it.
        var isLast = false
        /// What it waits for before; nil for nothing.
        var signal: DispatchSemaphore?
    }

    private let listener: CInt
    private let folder: String
    private let requests = Mutex<[HandOverRequest]>([])
    /// Counted up with each that is asked.
    let isAsked = DispatchSemaphore(value: 0)

    /// What was asked so far, in its order.
    var asked: [HandOverRequest] { requests.withLock { $0 } }

    convenience init(handingOver descriptors: [CInt], _ session: HandedOverSession) throws {
        let reply = HandOverReply.session(session).encoded()
        try self.init(answering: [[Reply(bytes: reply, descriptors: descriptors)]])
    }

    /// Takes a connection for each of the answers, one after the other.
    init(answering answers: [[Reply]]) throws {
        folder = NSTemporaryDirectory() + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let path = folder + "/agent"
        let listener = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
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
        Thread.detachNewThread { [self] in
            for answer in answers {
                let program = accept(listener, nil, nil)
                guard program >= 0 else { return }
                _ = fcntl(program, F_SETFD, FD_CLOEXEC)
                Thread.detachNewThread { [self] in serve(program, answer) }
            }
        }
    }

    private func serve(_ program: CInt, _ answer: [Reply]) {
        var request = [UInt8](repeating: 0, count: 4_096)
        let count = recv(program, &request, request.count, 0)
        if let asked = try? HandOverRequest(decoding: Array(request.prefix(max(count, 0)))) {
            requests.withLock { $0.append(asked) }
            isAsked.signal()
        }
        for reply in answer {
            reply.signal?.wait()
            _ = reply.bytes.withUnsafeBytes { DescriptorPassing.send($0, passing: reply.descriptors, on: program) }
            for descriptor in reply.descriptors { close(descriptor) }
        }
        let stays = answer.last?.isLast != true
        while stays, recv(program, &request, request.count, 0) > 0 {}
        close(program)
    }

    func end() {
        shutdown(listener, CInt(SHUT_RDWR))
        close(listener)
        try? FileManager.default.removeItem(atPath: folder)
    }
}
