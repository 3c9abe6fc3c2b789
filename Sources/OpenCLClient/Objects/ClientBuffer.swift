import COpenCL
import Glibc
import RemotingCore

/// A buffer, or a part of one. Guarded by the library's lock.
final class ClientBuffer: ClientObject {
    /// A region that the program has mapped.
    struct Mapping {
        var pointer: UnsafeMutableRawPointer
        var region: MappedRegion
        var isWritten: Bool
        /// What fills the region; nil where its old contents do not count.
        var call: PendingCall?
        /// Where the region lies, unless that is memory of the program's own.
        var shadow: HostShadow?
    }

    let context: ClientContext
    let flags: cl_mem_flags
    let size: Int
    let hostPointer: UnsafeMutableRawPointer?
    /// Of a part: the buffer, and where in it the part begins.
    let parent: ClientBuffer?
    let origin: Int
    let image: ImageDetails?
    /// The list that the program made it with; empty where it gave none.
    var list = InfoValue(bytes: [])
    var mappings: [Mapping] = []
    var destructors: [(ClientMemoryCallback, UnsafeMutableRawPointer?)] = []
    private weak var shadow: HostShadow?

    init(
        context: ClientContext, flags: cl_mem_flags, size: Int, hostPointer: UnsafeMutableRawPointer?
    ) throws(OpenCLError) {
        self.context = context
        self.flags = flags
        self.size = size
        self.hostPointer = hostPointer
        parent = nil
        origin = 0
        image = nil
        super.init(.buffer, id: context.session.newID(), session: context.session)
        try session.send(
            .createBuffer(id, context: context.id, flags: flags & ~Self.hostFlags, size: UInt64(size)))
        session.bufferCreated(id, size: UInt64(size))
        try confirmIfLarge()
    }

    /// `size` bytes of `parent` from `origin`, which are within it.
    init(part origin: Int, _ size: Int, of parent: ClientBuffer, flags: cl_mem_flags) throws(OpenCLError) {
        context = parent.context
        self.flags = flags
        self.size = size
        self.origin = origin
        self.parent = parent
        image = nil
        hostPointer = parent.hostPointer.map { $0 + origin }
        super.init(.buffer, id: parent.session.newID(), session: parent.session)
        try session.send(
            .createSubBuffer(
                id, parent: parent.id, flags: flags & ~Self.hostFlags, origin: UInt64(origin), size: UInt64(size)))
        session.bufferCreated(id, size: 0)
    }

    init(
        image: ImageDetails, context: ClientContext, flags: cl_mem_flags, hostPointer: UnsafeMutableRawPointer?
    ) throws(OpenCLError) {
        self.context = context
        self.flags = flags
        self.hostPointer = hostPointer
        self.image = image
        size = Int(clamping: image.description.size ?? 0)
        parent = nil
        origin = 0
        super.init(.buffer, id: context.session.newID(), session: context.session)
        try session.send(
            .createImage(id, context: context.id, flags: flags & ~Self.hostFlags, image.description))
        session.bufferCreated(id, size: UInt64(size))
        try confirmIfLarge()
    }

    deinit {
        session.bufferReleased(id, size: parent == nil ? UInt64(size) : 0)
        for (callback, userData) in destructors.reversed() {
            let handle = handle
            Library.shared.callbacks.post { callback(handle, userData) }
        }
    }

    /// The buffer whose memory this is.
    var owner: ClientBuffer { parent ?? self }

    private static let hostFlags = cl_mem_flags(CL_MEM_USE_HOST_PTR | CL_MEM_COPY_HOST_PTR | CL_MEM_ALLOC_HOST_PTR)

    /// Above the slice that the client knows of, the worker is asked at once, so that the call that asks for too much
    /// is the one that fails; below it, creation does not wait.
    private func confirmIfLarge() throws(OpenCLError) {
        guard session.allocatedMemory > session.slice.memory else { return }
        let answer = try session.call { .queryObject($0, .buffer, id, parameter: cl_uint(CL_MEM_SIZE)) }
        guard case .information(_, let code, _) = answer, code != CL_SUCCESS else { return }
        throw OpenCLError(code)
    }

    /// Memory of the host's for the whole buffer, the same for as long as any of it is mapped, so that overlapping
    /// regions show the same bytes. Pages that nobody touches cost nothing. Nil when there is none to be had.
    func hostShadow() -> HostShadow? {
        if let parent { return parent.hostShadow() }
        if let shadow { return shadow }
        let made = HostShadow(size: image?.hostSize ?? size)
        shadow = made
        return made
    }

    /// Throws `CL_INVALID_OPERATION` where the buffer was made with the promise that the host does not do this.
    func requireHostAccess(reads: Bool = false, writes: Bool = false) throws(OpenCLError) {
        let forbidsReads = flags & cl_mem_flags(CL_MEM_HOST_WRITE_ONLY | CL_MEM_HOST_NO_ACCESS) != 0
        let forbidsWrites = flags & cl_mem_flags(CL_MEM_HOST_READ_ONLY | CL_MEM_HOST_NO_ACCESS) != 0
        try require(!(reads && forbidsReads) && !(writes && forbidsWrites), or: CL_INVALID_OPERATION)
    }
}

typealias ClientMemoryCallback = @convention(c) (cl_mem?, UnsafeMutableRawPointer?) -> Void

/// What a map shows.
enum MappedRegion {
    case bytes(offset: Int, size: Int)
    case image(ImageCommand)
}

/// Host memory behind mapped regions, given back with the last of them.
final class HostShadow {
    let start: UnsafeMutableRawPointer
    private let size: Int

    init?(size: Int) {
        let mapped = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let mapped, mapped != MAP_FAILED else { return nil }
        start = mapped
        self.size = size
    }

    deinit { munmap(start, size) }
}
