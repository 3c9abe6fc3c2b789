/// What a worker answers. Answers of one queue come in the order of its requests.
package enum OpenCLResponse: Hashable, Sendable {
    /// Ends the calls that wait: finish, wait for events, read. Nothing more comes for the call.
    case completed(CallID, Completion)
    /// A piece of what a read asked for: `data` at `offset` from the start of the region that was asked for. Pieces
    /// come in ascending order.
    case readData(CallID, offset: UInt64, data: ArraySlice<UInt8>)
    case programBuilt(CallID, ProgramBuild)
    case eventStatus(CallID, EventStatus)
    /// `value` is empty unless `code` is 0.
    case information(CallID, code: Int32, value: ArraySlice<UInt8>)
    /// What kernels printed, at most 256 KiB; of no call. It comes before the answer that tells of the kernel's end.
    case output(ArraySlice<UInt8>)
}

/// The end of a call.
package struct Completion: Hashable, Sendable {
    /// 0, or the OpenCL error of the call itself.
    package var code: Int32
    /// Errors of commands that were not answered, oldest first, at most 16: those of the call's queue since its last
    /// completion (for a wait: of all queues). Each is delivered once.
    package var deferred: [DeferredError]

    package init(code: Int32 = 0, deferred: [DeferredError] = []) {
        self.code = code
        self.deferred = deferred
    }
}

/// The error of a request that is not answered.
package struct DeferredError: Hashable, Sendable {
    /// The ``WireMessage/kind`` of the request.
    package var request: UInt16
    /// The queue, or the object that could not be created or changed.
    package var object: ObjectID
    /// A negative OpenCL error code.
    package var code: Int32

    package init(request: UInt16, object: ObjectID, code: Int32) {
        self.request = request
        self.object = object
        self.code = code
    }
}

/// What became of a build.
package struct ProgramBuild: Hashable, Sendable {
    /// 0, or the OpenCL error of the build.
    package var code: Int32
    /// The compiler's words, cut after 256 KiB.
    package var log: ArraySlice<UInt8>
    /// The program's kernels, at most 1,024; empty after an error.
    package var kernels: [KernelDescription]

    package init(code: Int32, log: ArraySlice<UInt8> = [], kernels: [KernelDescription] = []) {
        self.code = code
        self.log = log
        self.kernels = kernels
    }
}

/// What a client answers about a kernel without asking.
package struct KernelDescription: Hashable, Sendable {
    package var name: String
    /// At most 256.
    package var arguments: [KernelArgumentDescription]
    package var workGroupSize: UInt64
    package var preferredWorkGroupMultiple: UInt64
    package var requiredWorkGroupSize: SIMD3<UInt64>
    package var localMemory: UInt64
    package var privateMemory: UInt64

    package init(
        name: String, arguments: [KernelArgumentDescription], workGroupSize: UInt64 = 0,
        preferredWorkGroupMultiple: UInt64 = 0, requiredWorkGroupSize: SIMD3<UInt64> = .zero,
        localMemory: UInt64 = 0, privateMemory: UInt64 = 0
    ) {
        self.name = name
        self.arguments = arguments
        self.workGroupSize = workGroupSize
        self.preferredWorkGroupMultiple = preferredWorkGroupMultiple
        self.requiredWorkGroupSize = requiredWorkGroupSize
        self.localMemory = localMemory
        self.privateMemory = privateMemory
    }
}

/// One argument, with the values of `clGetKernelArgInfo`; qualifiers are 0 and texts empty where the implementation
/// does not tell.
package struct KernelArgumentDescription: Hashable, Sendable {
    /// `CL_KERNEL_ARG_ADDRESS_GLOBAL` and so on.
    package var addressQualifier: UInt32
    package var accessQualifier: UInt32
    package var typeQualifier: UInt64
    package var typeName: String
    package var name: String

    package init(
        addressQualifier: UInt32 = 0, accessQualifier: UInt32 = 0, typeQualifier: UInt64 = 0, typeName: String = "",
        name: String = ""
    ) {
        self.addressQualifier = addressQualifier
        self.accessQualifier = accessQualifier
        self.typeQualifier = typeQualifier
        self.typeName = typeName
        self.name = name
    }
}

/// How far an event's command has come.
package struct EventStatus: Hashable, Sendable {
    /// 0, or the OpenCL error of the query.
    package var code: Int32
    /// `CL_QUEUED` 3, `CL_SUBMITTED` 2, `CL_RUNNING` 1, `CL_COMPLETE` 0, or the command's negative error.
    package var status: Int32
    /// Nanoseconds on the device's clock; 0 where not known.
    package var queued: UInt64
    package var submitted: UInt64
    package var started: UInt64
    package var ended: UInt64

    package init(
        code: Int32 = 0, status: Int32, queued: UInt64 = 0, submitted: UInt64 = 0, started: UInt64 = 0,
        ended: UInt64 = 0
    ) {
        self.code = code
        self.status = status
        self.queued = queued
        self.submitted = submitted
        self.started = started
        self.ended = ended
    }
}
