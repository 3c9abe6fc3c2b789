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

    /// Throws `code` where this is another session's than `other`, whose worker does not have it. Where that session is
    /// lost, whatever is asked of it says so.
    func requireSession(of other: ClientObject, or code: cl_int) throws(OpenCLError) {
        try require(session === other.session || other.session.isLost, or: code)
    }

    /// Neither the program nor another object needs this any more.
    deinit {
        Library.shared.forget(handle)
        Handle.free(handle)
        // A failure here loses the session, which the next call finds.
        if !session.isLost { try? session.send(.release(kind, id)) }
    }
}

final class ClientContext: ClientObject {
    /// The one device that it has: devices of different sessions share no memory.
    let device: ClientDevice
    /// As passed at creation, with the closing 0; empty where nothing was passed.
    let properties: [cl_context_properties]
    /// A queue for contents that are given with a buffer's creation; made when first needed.
    private var contentsQueue: ObjectID?
    var knownFormats: [FormatKey: [ImageFormat]] = [:]
    var destructors: [(@convention(c) (cl_context?, UnsafeMutableRawPointer?) -> Void, UnsafeMutableRawPointer?)] = []

    init(
        device: ClientDevice, session: ClientSession, properties: [cl_context_properties]
    ) throws(OpenCLError) {
        self.device = device
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

    deinit {
        for (callback, userData) in destructors.reversed() {
            let handle = handle
            Library.shared.callbacks.post { callback(handle, userData) }
        }
        guard let contentsQueue, !session.isLost else { return }
        // A failure here loses the session, which the next call finds.
        try? session.send(.release(.queue, contentsQueue))
    }
}

final class ClientQueue: ClientObject {
    let context: ClientContext
    let properties: cl_command_queue_properties
    /// The list that the program made it with; empty where it gave none.
    let list: InfoValue
    /// The oldest error of a command of this queue that no call has reported.
    private var unreportedError: cl_int?

    init(
        context: ClientContext, properties: cl_command_queue_properties, list: InfoValue
    ) throws(OpenCLError) {
        self.context = context
        self.properties = properties
        self.list = list
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

final class ClientKernel: ClientObject {
    let program: ClientProgram
    let description: KernelDescription
    /// The arguments as they were set last.
    private var values: [KernelArgument?]

    init(program: ClientProgram, description: KernelDescription) throws(OpenCLError) {
        self.program = program
        self.description = description
        values = Array(repeating: nil, count: description.arguments.count)
        super.init(.kernel, id: program.session.newID(), session: program.session)
        program.kernels += 1
        try session.send(.createKernel(id, program: program.id, name: description.name))
    }

    /// Asks the worker: few programs want to know.
    func attributes() throws(OpenCLError) -> InfoValue {
        let parameter = cl_uint(CL_KERNEL_ATTRIBUTES)
        let answer = try session.call { .queryObject($0, .kernel, id, parameter: parameter) }
        guard case .information(_, CL_SUCCESS, let value) = answer, value.last == 0 else { return .text("") }
        return InfoValue(bytes: Array(value))
    }

    var hasAllArguments: Bool { values.allSatisfy { $0 != nil } }

    func set(_ argument: KernelArgument, at index: Int) throws(OpenCLError) {
        try session.send(.setArgument(kernel: id, index: cl_uint(index), argument))
        values[index] = argument
    }

    /// Another kernel of the same function, with the arguments that this one has now.
    func clone() throws(OpenCLError) -> ClientKernel {
        let other = try ClientKernel(program: program, description: description)
        for (index, value) in values.enumerated() {
            if let value { try other.set(value, at: index) }
        }
        return other
    }

    deinit { program.kernels -= 1 }
}
