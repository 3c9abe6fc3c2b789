/// What a client asks of its worker.
///
/// Requests are carried out in the order in which they come. Those without a ``CallID`` are not answered: an error of
/// a creation stays with the object, so that each command which uses the object fails with it, and comes with the next
/// answer of any queue; an error of a command stays with its event, and comes with the next answer of its queue
/// (``Completion/deferred``). An id that is in use already, and an id that was never created, are the client's fault
/// and fail likewise.
package enum OpenCLRequest: Hashable, Sendable {
    case createContext(ObjectID)
    /// `properties` as in `CL_QUEUE_PROPERTIES`.
    case createQueue(ObjectID, context: ObjectID, properties: UInt64)
    /// `flags` as in `cl_mem_flags`, without those that name host memory. Contents come by ``writeBuffer(_:data:)``.
    case createBuffer(ObjectID, context: ObjectID, flags: UInt64, size: UInt64)
    /// A program without source yet.
    case createProgram(ObjectID, context: ObjectID)
    /// Appends to the source of a program that was not built yet.
    case appendSource(program: ObjectID, ArraySlice<UInt8>)
    /// Answered by ``OpenCLResponse/programBuilt(_:_:)``.
    case buildProgram(CallID, program: ObjectID, options: ArraySlice<UInt8>)
    case createKernel(ObjectID, program: ObjectID, name: String)
    case setArgument(kernel: ObjectID, index: UInt32, KernelArgument)
    /// The client will name the object no more.
    case release(ObjectKind, ObjectID)
    /// `data` to the region's offset; as long as the region. It is in the buffer before the next request is looked
    /// at, whatever queue that is for.
    case writeBuffer(BufferCommand, data: ArraySlice<UInt8>)
    /// Answered by ``OpenCLResponse/readData(_:offset:data:)`` as often as needed, then by
    /// ``OpenCLResponse/completed(_:_:)``.
    case readBuffer(CallID, BufferCommand)
    case copyBuffer(BufferCopy)
    /// `pattern` is 1 to 128 bytes, a power of two.
    case fillBuffer(BufferCommand, pattern: ArraySlice<UInt8>)
    case launchKernel(KernelLaunch)
    /// An event for all that was enqueued before (or for the wait list, where there is one); with `isBarrier` what
    /// is enqueued later waits for it.
    case marker(queue: ObjectID, CommandOrder, isBarrier: Bool)
    case flush(queue: ObjectID)
    /// Answered by ``OpenCLResponse/completed(_:_:)`` when all that was enqueued on the queue has ended.
    case finish(CallID, queue: ObjectID)
    /// Answered by ``OpenCLResponse/completed(_:_:)`` when the events have ended.
    case waitForEvents(CallID, [ObjectID])
    /// Answered at once by ``OpenCLResponse/eventStatus(_:_:)``.
    case queryEvent(CallID, ObjectID)
    /// A value that the client does not know: `parameter` as in the object's `clGet...Info` call. Answered by
    /// ``OpenCLResponse/information(_:code:value:)``. Parameters whose value is a handle are never asked.
    case queryObject(CallID, ObjectKind, ObjectID, parameter: UInt32)
    /// A buffer that is `size` bytes of `parent` from `origin`. `flags` as of ``createBuffer(_:context:flags:size:)``.
    case createSubBuffer(ObjectID, parent: ObjectID, flags: UInt64, origin: UInt64, size: UInt64)
    /// `data` is the rectangle's bytes without gaps; otherwise as ``writeBuffer(_:data:)``.
    case writeRectangle(RectangleCommand, data: ArraySlice<UInt8>)
    /// Answered as ``readBuffer(_:_:)`` is, with the rectangle's bytes without gaps.
    case readRectangle(CallID, RectangleCommand)
    case copyRectangle(RectangleCopy)
    /// An event that ends when the client says so. Commands that wait for it are held back, and with them what must
    /// come after them: later commands of an in-order queue, and answers of what waits for any of these.
    case createUserEvent(ObjectID, context: ObjectID)
    /// Ends a user event, once: 0, or a negative error with which every command that waits for it fails.
    case setUserEventStatus(ObjectID, status: Int32)
    /// Answered by ``OpenCLResponse/eventStatus(_:_:)`` when the event has ended; holds nothing up meanwhile.
    case watchEvent(CallID, ObjectID)
    /// Compiles without linking. `headers` are programs with source, by the name under which it is included. Answered
    /// by ``OpenCLResponse/programBuilt(_:_:)``.
    case compileProgram(CallID, program: ObjectID, options: ArraySlice<UInt8>, headers: [ProgramHeader])
    /// Makes a program of compiled ones. Answered by ``OpenCLResponse/programBuilt(_:_:)``.
    case linkProgram(CallID, ObjectID, context: ObjectID, options: ArraySlice<UInt8>, inputs: [ObjectID])
    /// Appends to the binary of a program that has neither source nor been built.
    case appendBinary(program: ObjectID, ArraySlice<UInt8>)
    /// The binary is whole: answered by ``OpenCLResponse/completed(_:_:)`` with whether the device takes it.
    case loadBinary(CallID, program: ObjectID)
    /// Answered as ``readBuffer(_:_:)`` is, with the device's binary of a program that was compiled or built.
    case readBinary(CallID, program: ObjectID)
    /// `flags` as of ``createBuffer(_:context:flags:size:)``. An image is a buffer where objects are named.
    case createImage(ObjectID, context: ObjectID, flags: UInt64, ImageDescription)
    /// `data` is the region's bytes without gaps; otherwise as ``writeBuffer(_:data:)``.
    case writeImage(ImageCommand, data: ArraySlice<UInt8>)
    /// Answered as ``readBuffer(_:_:)`` is, with the region's bytes without gaps.
    case readImage(CallID, ImageCommand)
    case copyImage(ImageCommand, ImageCounterpart)
    /// `color` is four numbers of 32 bits, as `clEnqueueFillImage` takes them.
    case fillImage(ImageCommand, color: ArraySlice<UInt8>)
    case createSampler(ObjectID, context: ObjectID, SamplerDescription)
    /// The formats of images of `kind`, each its order and its type, as ``OpenCLResponse/information(_:code:value:)``.
    case queryFormats(CallID, flags: UInt64, kind: UInt32)
}

/// Source that a compilation may include.
package struct ProgramHeader: Hashable, Sendable {
    /// As `#include` names it.
    package var name: String
    package var program: ObjectID

    package init(name: String, program: ObjectID) {
        self.name = name
        self.program = program
    }
}

/// A command on a region of a buffer.
package struct BufferCommand: Hashable, Sendable {
    package var queue: ObjectID
    package var buffer: ObjectID
    /// Bytes from the buffer's start.
    package var offset: UInt64
    /// Bytes.
    package var size: UInt64
    package var order: CommandOrder

    package init(
        queue: ObjectID, buffer: ObjectID, offset: UInt64, size: UInt64, order: CommandOrder = CommandOrder()
    ) {
        self.queue = queue
        self.buffer = buffer
        self.offset = offset
        self.size = size
        self.order = order
    }
}

/// A copy from one buffer to another, or within one.
package struct BufferCopy: Hashable, Sendable {
    package var queue: ObjectID
    package var source: ObjectID
    package var destination: ObjectID
    package var sourceOffset: UInt64
    package var destinationOffset: UInt64
    package var size: UInt64
    package var order: CommandOrder

    package init(
        queue: ObjectID, source: ObjectID, destination: ObjectID, sourceOffset: UInt64, destinationOffset: UInt64,
        size: UInt64, order: CommandOrder = CommandOrder()
    ) {
        self.queue = queue
        self.source = source
        self.destination = destination
        self.sourceOffset = sourceOffset
        self.destinationOffset = destinationOffset
        self.size = size
        self.order = order
    }
}

/// The value of a kernel's argument.
package enum KernelArgument: Hashable, Sendable {
    /// As the kernel sees it in memory; at most 64 KiB.
    case value(ArraySlice<UInt8>)
    /// A buffer, or ``ObjectID/none`` for a null pointer.
    case buffer(ObjectID)
    /// Local memory of that many bytes.
    case local(size: UInt64)
    case sampler(ObjectID)
}

/// A kernel over its index space, with the arguments set at this point.
package struct KernelLaunch: Hashable, Sendable {
    package var queue: ObjectID
    package var kernel: ObjectID
    /// 1 to 3; the components beyond are 0.
    package var dimensions: UInt8
    package var globalOffset: SIMD3<UInt64>
    package var globalSize: SIMD3<UInt64>
    /// All 0 where the implementation chooses.
    package var localSize: SIMD3<UInt64>
    package var order: CommandOrder

    package init(
        queue: ObjectID, kernel: ObjectID, dimensions: UInt8, globalOffset: SIMD3<UInt64> = .zero,
        globalSize: SIMD3<UInt64>, localSize: SIMD3<UInt64> = .zero, order: CommandOrder = CommandOrder()
    ) {
        self.queue = queue
        self.kernel = kernel
        self.dimensions = dimensions
        self.globalOffset = globalOffset
        self.globalSize = globalSize
        self.localSize = localSize
        self.order = order
    }
}
