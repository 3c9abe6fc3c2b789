import COpenCL
import RemotingCore

/// What a handle stands for. Guarded by the library's lock.
class ClientObject {
    let kind: ObjectKind
    let id: ObjectID
    let session: ClientSession
    let handle = Handle.make()
    /// The program's references, as `clRetain...` and `clRelease...` count them.
    var references: cl_uint = 1

    init(_ kind: ObjectKind, id: ObjectID, session: ClientSession) {
        self.kind = kind
        self.id = id
        self.session = session
    }

    deinit { Handle.free(handle) }

    /// The program has given up its last reference.
    func released() {}
}

final class ClientContext: ClientObject {
    /// As passed at creation, with the closing 0; empty where nothing was passed.
    let properties: [cl_context_properties]
    /// A queue for contents that are given with a buffer's creation; made when first needed.
    private var contentsQueue: ObjectID?

    init(session: ClientSession, properties: [cl_context_properties]) throws(OpenCLError) {
        self.properties = properties
        super.init(.context, id: session.newID(), session: session)
        try session.send(.createContext(id))
    }

    func queueForContents() throws(OpenCLError) -> ObjectID {
        if let contentsQueue { return contentsQueue }
        let queue = session.newID()
        try session.send(.createQueue(queue, context: id, properties: 0))
        contentsQueue = queue
        return queue
    }

    override func released() {
        guard let contentsQueue, !session.isLost else { return }
        // A failure here loses the session, which the caller finds next.
        try? session.send(.release(.queue, contentsQueue))
    }
}

final class ClientQueue: ClientObject {
    let context: ClientContext
    let properties: cl_command_queue_properties
    /// The oldest error of a command of this queue that no call has reported.
    private var unreportedError: cl_int?

    init(context: ClientContext, properties: cl_command_queue_properties) throws(OpenCLError) {
        self.context = context
        self.properties = properties
        super.init(.queue, id: context.session.newID(), session: context.session)
        try session.send(.createQueue(id, context: context.id, properties: properties))
    }

    func remember(_ error: cl_int) {
        unreportedError = unreportedError ?? error
    }

    /// Throws the oldest unreported error, which is then reported.
    func reportError() throws(OpenCLError) {
        guard let error = unreportedError else { return }
        unreportedError = nil
        throw OpenCLError(error)
    }
}

final class ClientBuffer: ClientObject {
    let context: ClientContext
    let flags: cl_mem_flags
    let size: Int
    let hostPointer: UnsafeMutableRawPointer?

    init(
        context: ClientContext, flags: cl_mem_flags, size: Int, hostPointer: UnsafeMutableRawPointer?
    ) throws(OpenCLError) {
        self.context = context
        self.flags = flags
        self.size = size
        self.hostPointer = hostPointer
        super.init(.buffer, id: context.session.newID(), session: context.session)
        let hostFlags = cl_mem_flags(CL_MEM_USE_HOST_PTR | CL_MEM_COPY_HOST_PTR | CL_MEM_ALLOC_HOST_PTR)
        try session.send(
            .createBuffer(id, context: context.id, flags: flags & ~hostFlags, size: UInt64(size)))
        session.bufferCreated(id, size: UInt64(size))
        try confirmIfLarge()
    }

    /// Above the slice that the client knows of, the worker is asked at once, so that the call that asks for too much
    /// is the one that fails; below it, creation does not wait.
    private func confirmIfLarge() throws(OpenCLError) {
        guard session.allocatedMemory > session.slice.memory else { return }
        let answer = try session.call { .queryObject($0, .buffer, id, parameter: cl_uint(CL_MEM_SIZE)) }
        guard case .information(_, let code, _) = answer, code != CL_SUCCESS else { return }
        released()
        try session.send(.release(.buffer, id))
        throw OpenCLError(code)
    }

    override func released() {
        session.bufferReleased(id, size: UInt64(size))
    }
}

final class ClientProgram: ClientObject {
    let context: ClientContext
    let source: [UInt8]
    /// The last build and its options; nil before the first.
    private(set) var build: ProgramBuild?
    private(set) var options: [UInt8] = []
    /// Kernels that the program holds of it: while there are any, it is not built again.
    var kernels = 0

    init(context: ClientContext, source: [UInt8]) throws(OpenCLError) {
        self.context = context
        self.source = source
        super.init(.program, id: context.session.newID(), session: context.session)
        try session.send(.createProgram(id, context: context.id))
        for start in stride(from: 0, to: source.count, by: OpenCLInterface.chunk) {
            let piece = source[start..<min(start + OpenCLInterface.chunk, source.count)]
            try session.send(.appendSource(program: id, piece))
        }
    }

    /// Builds, waits, and throws the build's error.
    func build(options: [UInt8]) throws(OpenCLError) {
        let answer = try session.call { .buildProgram($0, program: id, options: options[...]) }
        guard case .programBuilt(_, let build) = answer else { throw OpenCLError(CL_OUT_OF_RESOURCES) }
        self.build = build
        self.options = options
        try require(build.code == CL_SUCCESS, or: build.code)
    }
}

final class ClientKernel: ClientObject {
    let program: ClientProgram
    let description: KernelDescription
    /// Which arguments have been set.
    private var isSet: [Bool]

    init(program: ClientProgram, description: KernelDescription) throws(OpenCLError) {
        self.program = program
        self.description = description
        isSet = Array(repeating: false, count: description.arguments.count)
        super.init(.kernel, id: program.session.newID(), session: program.session)
        try session.send(.createKernel(id, program: program.id, name: description.name))
        program.kernels += 1
    }

    var hasAllArguments: Bool { isSet.allSatisfy(\.self) }

    func set(_ argument: KernelArgument, at index: Int) throws(OpenCLError) {
        try session.send(.setArgument(kernel: id, index: cl_uint(index), argument))
        isSet[index] = true
    }

    override func released() { program.kernels -= 1 }
}
