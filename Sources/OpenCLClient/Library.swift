import COpenCL
import Glibc
import RemotingCore

/// Everything that this library keeps: one platform, as many devices as the program wants, the program's objects, and
/// the devices' sessions once a call has needed one.
///
/// Sendable by its lock: `lock` guards every property and every object that is reached through them.
final class Library: @unchecked Sendable {
    static let shared = Library()

    let lock = LibraryLock()
    let platform = Handle.make()
    /// At least one, and always the same.
    let devices: [ClientDevice]
    let callbacks: CallbackThreads
    private var objects = HandleTable<ClientObject>()
    /// Objects that the program has released and others still need, by which it may come to them again.
    private var lingering = HandleTable<Unmanaged<ClientObject>>()
    /// Sessions whose worker would wait for them are given up before the process is.
    private var partsAtExit = false
    /// Whether a thread waits for the agent, without the lock: the sessions that there are go on meanwhile.
    private var isAsking = false

    private init() {
        devices = (0..<GPUCount.ofEnvironment()).map { ClientDevice(index: $0) }
        callbacks = CallbackThreads(lock: lock, devices: devices.count)
        pthread_atfork(
            { Library.shared.holdForFork() }, { Library.shared.lock.release() },
            {
                Library.shared.abandonAfterFork()
                Library.shared.lock.release()
            })
    }

    // MARK: Sessions

    /// The device's session. While none lives, the sessions of all devices are asked for at once; where others do, the
    /// device's alone. Gives the lock up while it waits for the agent.
    func openSession(_ device: ClientDevice) throws(OpenCLError) -> ClientSession {
        while true {
            if let session = device.session, !session.isLost { return session }
            guard isAsking else { break }
            lock.wait()
        }
        let wanted = devices.allSatisfy { $0.session?.isLost ?? true } ? devices : [device]
        for one in wanted { one.session = nil }
        isAsking = true
        defer {
            isAsking = false
            lock.wakeAll()
        }
        do throws(HandOverFailure) {
            try open(wanted)
        } catch {
            debug("no virtual GPU: \(error.reason)")
            throw .deviceNotAvailable
        }
        guard let session = device.session else { throw .deviceNotAvailable }
        return session
    }

    /// Gives each of these devices, which follow one another, its session: all of them, or none.
    private func open(_ wanted: [ClientDevice]) throws(HandOverFailure) {
        let path = getenv(AgentConnection.environmentKey).map { String(cString: $0) }
        let demand = HandOverDemand(
            interfaceVersion: InterfaceEdition.linked.version, firstGPU: UInt8(wanted[0].index),
            gpus: UInt8(wanted.count))
        lock.release()
        let answer: Result<[AgentConnection.HandOver], HandOverFailure>
        do throws(HandOverFailure) {
            answer = .success(try AgentConnection.request(demand, at: path ?? AgentConnection.defaultPath))
        } catch {
            answer = .failure(error)
        }
        lock.acquire()
        let handOvers = try answer.get()
        var opened: [ClientSession] = []
        do throws(HandOverFailure) {
            for (device, handOver) in zip(wanted, handOvers) {
                let label = devices.count == 1 ? "" : "virtual GPU \(device.index): "
                opened.append(try ClientSession(handOver, lock: lock, label: label))
            }
        } catch {
            for handOver in handOvers.dropFirst(opened.count) { handOver.close() }
            throw error
        }
        for (device, session) in zip(wanted, opened) { device.session = session }
        if !partsAtExit, opened.contains(where: { $0.resumption != nil }) {
            partsAtExit = atexit { Library.shared.part() } == 0
        }
    }

    /// Says farewell for a process that ends. Where another thread has the library, or the process ends by a signal,
    /// the agent sees it, and has the sessions ended.
    private func part() {
        guard lock.tryAcquire() else { return }
        for device in devices { device.session?.part() }
        lock.release()
    }

    /// Takes the lock when no thread waits for the agent: a child would have its connection, and nobody to wait at it.
    private func holdForFork() {
        lock.acquire()
        while isAsking { lock.wait() }
    }

    /// In a child of the program's process, whose parent goes on with the sessions.
    private func abandonAfterFork() {
        for device in devices { device.session?.abandonAfterFork() }
        callbacks.abandonAfterFork()
        for device in devices { device.session = nil }
    }

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

    /// The device of that handle.
    func device(_ handle: OpaquePointer?) throws(OpenCLError) -> ClientDevice {
        guard let handle, let device = devices.first(where: { $0.handle == handle }) else {
            throw OpenCLError(CL_INVALID_DEVICE)
        }
        return device
    }

    /// The devices that a call names, of which one may be named twice.
    func namedDevices(_ count: cl_uint, _ list: UnsafePointer<OpaquePointer?>?) throws(OpenCLError) -> [ClientDevice] {
        try require((count == 0) == (list == nil), or: CL_INVALID_VALUE)
        var found: [ClientDevice] = []
        for index in 0..<Int(count) { found.append(try device(list?[index])) }
        return found
    }

    /// Throws unless `list` names the context's device and nothing else.
    func requireDevices(
        _ count: cl_uint, _ list: UnsafePointer<OpaquePointer?>?, of context: ClientContext
    ) throws(OpenCLError) {
        let named = try namedDevices(count, list)
        try require(named.allSatisfy { $0 === context.device }, or: CL_INVALID_DEVICE)
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
