import COpenCL
import Glibc
import RemotingCore

/// Everything that this library keeps: one platform, one device, the program's objects, and the session once a call
/// has needed it.
///
/// Sendable by its lock: `lock` guards every property and every object that is reached through them.
final class Library: @unchecked Sendable {
    static let shared = Library()

    let lock = LibraryLock()
    let platform = Handle.make()
    let device = Handle.make()
    let callbacks: CallbackThreads
    private var objects = HandleTable<ClientObject>()
    /// Objects that the program has released and others still need, by which it may come to them again.
    private var lingering = HandleTable<Unmanaged<ClientObject>>()
    private var session: ClientSession?

    /// Sessions whose worker would wait for them are given up before the process is.
    private var partsAtExit = false

    private init() {
        callbacks = CallbackThreads(lock: lock)
        pthread_atfork(
            { Library.shared.lock.acquire() }, { Library.shared.lock.release() },
            {
                Library.shared.session?.abandonAfterFork()
                Library.shared.callbacks.abandonAfterFork()
                Library.shared.session = nil
                Library.shared.lock.release()
            })
    }

    // MARK: The session

    /// The program's session, which the first caller waits for. Asks the agent again after one was lost.
    func openSession() throws(OpenCLError) -> ClientSession {
        if let session, !session.isLost { return session }
        session = nil
        let path = getenv(AgentConnection.environmentKey).map { String(cString: $0) }
        do throws(HandOverFailure) {
            let handOver = try AgentConnection.requestSession(at: path ?? AgentConnection.defaultPath)
            do throws(HandOverFailure) {
                let opened = try ClientSession(handOver, lock: lock)
                session = opened
                if opened.resumption != nil, !partsAtExit {
                    partsAtExit = atexit { Library.shared.part() } == 0
                }
                return opened
            } catch {
                handOver.close()
                throw error
            }
        } catch {
            debug("no virtual GPU: \(error.reason)")
            throw .deviceNotAvailable
        }
    }

    /// What the session's guardian does: see ``ClientSession/guardConnection()``.
    func currentSessionGuardian() {
        lock.acquire()
        session?.guardConnection()
        lock.release()
    }

    /// Says farewell for a process that ends. Where another thread has the library, or the process ends by a signal, the
    /// agent sees it, and has the session ended.
    private func part() {
        guard lock.tryAcquire() else { return }
        session?.part()
        lock.release()
    }

    /// The session if there is one, lost or not.
    var currentSession: ClientSession? { session }

    // MARK: Objects

    /// Makes `object` known by its handle.
    func add(_ object: ClientObject) -> OpaquePointer {
        objects[object.handle] = object
        return object.handle
    }

    /// The live object of that handle and class, or `code`.
    func object<Object: ClientObject>(
        _ handle: OpaquePointer?, as type: Object.Type = Object.self, or code: cl_int
    ) throws(OpenCLError) -> Object {
        guard let handle, let object = (objects[handle] ?? lingering[handle]?.takeUnretainedValue()) as? Object else {
            throw OpenCLError(code)
        }
        return object
    }

    func retain<Object: ClientObject>(
        _ handle: OpaquePointer?, _ type: Object.Type, or code: cl_int
    ) throws(OpenCLError) {
        let object = try object(handle, as: type, or: code)
        object.references += 1
        objects[object.handle] = object
    }

    /// Counts one reference less; with the last one the object lives only as long as others need it. Works without a
    /// session too.
    func release<Object: ClientObject>(
        _ handle: OpaquePointer?, _ type: Object.Type, or code: cl_int
    ) throws(OpenCLError) {
        let object = try object(handle, as: type, or: code)
        try require(object.references > 0, or: code)
        object.references -= 1
        guard object.references == 0 else { return }
        objects[object.handle] = nil
        lingering[object.handle] = Unmanaged.passUnretained(object)
    }

    /// The object of that handle is no more.
    func forget(_ handle: OpaquePointer) { lingering[handle] = nil }

    func requirePlatform(_ handle: OpaquePointer?) throws(OpenCLError) {
        try require(handle == nil || handle == platform, or: CL_INVALID_PLATFORM)
    }

    func requireDevice(_ handle: OpaquePointer?) throws(OpenCLError) {
        try require(handle == device, or: CL_INVALID_DEVICE)
    }

    /// Throws unless `devices` names the one device and nothing else.
    func requireDevices(_ count: cl_uint, _ devices: UnsafePointer<OpaquePointer?>?) throws(OpenCLError) {
        try require((count == 0) == (devices == nil), or: CL_INVALID_VALUE)
        for index in 0..<Int(count) { try requireDevice(devices?[index]) }
    }
}

/// What an OpenCL handle points to: memory whose first word is the address of the dispatch table, as the ICD loader
/// expects it.
enum Handle {
    static func make() -> OpaquePointer {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 16, alignment: 16)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: 16)
        memory.storeBytes(of: DispatchTable.shared.address, as: UnsafeMutableRawPointer.self)
        return OpaquePointer(memory)
    }

    static func free(_ handle: OpaquePointer) {
        UnsafeMutableRawPointer(handle).deallocate()
    }
}

/// Runs a call under the library's lock; what it throws is the call's result.
func perform(_ body: (Library) throws(OpenCLError) -> Void) -> cl_int {
    let library = Library.shared
    library.lock.acquire()
    defer { library.lock.release() }
    do throws(OpenCLError) {
        try body(library)
        return CL_SUCCESS
    } catch {
        return error.code
    }
}

/// Runs a call that makes an object under the library's lock; what it throws goes to `code`.
func create(
    _ code: UnsafeMutablePointer<cl_int>?, _ body: (Library) throws(OpenCLError) -> ClientObject
) -> OpaquePointer? {
    var handle: OpaquePointer?
    let result = perform { library throws(OpenCLError) in handle = library.add(try body(library)) }
    code?.pointee = result
    return handle
}
