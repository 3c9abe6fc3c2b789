import COpenCL
import RemotingCore

func enqueueNDRangeKernel(
    _ queue: cl_command_queue?, _ kernel: cl_kernel?, _ dimensions: cl_uint, _ globalOffset: UnsafePointer<Int>?,
    _ globalSize: UnsafePointer<Int>?, _ localSize: UnsafePointer<Int>?, _ waitCount: cl_uint,
    _ waitList: UnsafePointer<cl_event?>?, _ event: UnsafeMutablePointer<cl_event?>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let arguments = try CommandArguments(library, queue, waitCount, waitList, event)
        try require((1...3).contains(dimensions), or: CL_INVALID_WORK_DIMENSION)
        guard let globalSize else { throw OpenCLError(CL_INVALID_GLOBAL_WORK_SIZE) }
        try library.launch(
            kernel, arguments,
            KernelLaunch(
                queue: arguments.queue.id, kernel: .none, dimensions: UInt8(dimensions),
                globalOffset: vector(globalOffset, dimensions), globalSize: vector(globalSize, dimensions),
                localSize: vector(localSize, dimensions), order: arguments.order),
            hasLocalSize: localSize != nil, type: CL_COMMAND_NDRANGE_KERNEL)
    }
}

func enqueueTask(
    _ queue: cl_command_queue?, _ kernel: cl_kernel?, _ waitCount: cl_uint, _ waitList: UnsafePointer<cl_event?>?,
    _ event: UnsafeMutablePointer<cl_event?>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let arguments = try CommandArguments(library, queue, waitCount, waitList, event)
        let one = SIMD3<UInt64>(1, 0, 0)
        try library.launch(
            kernel, arguments,
            KernelLaunch(
                queue: arguments.queue.id, kernel: .none, dimensions: 1, globalSize: one, localSize: one,
                order: arguments.order),
            hasLocalSize: true, type: CL_COMMAND_TASK)
    }
}

private func vector(_ values: UnsafePointer<Int>?, _ dimensions: cl_uint) -> SIMD3<UInt64> {
    var vector = SIMD3<UInt64>.zero
    guard let values else { return vector }
    for index in 0..<Int(dimensions) { vector[index] = UInt64(UInt(bitPattern: values[index])) }
    return vector
}

extension Library {
    fileprivate func launch(
        _ handle: cl_kernel?, _ arguments: CommandArguments, _ launch: KernelLaunch, hasLocalSize: Bool, type: cl_int
    ) throws(OpenCLError) {
        let kernel: ClientKernel = try object(handle, or: CL_INVALID_KERNEL)
        try require(kernel.program.context === arguments.queue.context, or: CL_INVALID_CONTEXT)
        try require(kernel.hasAllArguments, or: CL_INVALID_KERNEL_ARGS)
        for index in 0..<Int(launch.dimensions) {
            try require(launch.globalSize[index] > 0, or: CL_INVALID_GLOBAL_WORK_SIZE)
            let (_, overflows) = launch.globalOffset[index].addingReportingOverflow(launch.globalSize[index])
            try require(!overflows, or: CL_INVALID_GLOBAL_OFFSET)
        }
        if hasLocalSize {
            try Self.checkItems(launch, on: kernel.session.information.device)
            try Self.checkLocalSize(launch, of: kernel)
        }
        var launch = launch
        launch.kernel = kernel.id
        try arguments.queue.session.send(.launchKernel(launch))
        arguments.giveEvent(self, type: type)
    }

    /// Throws unless each side of a work group is one that the device allows.
    private static func checkItems(_ launch: KernelLaunch, on device: ParameterTable) throws(OpenCLError) {
        guard let sizes = device[cl_uint(CL_DEVICE_MAX_WORK_ITEM_SIZES)], sizes.count >= 24 else { return }
        for index in 0..<Int(launch.dimensions) {
            let greatest = sizes[index * 8..<index * 8 + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            try require(launch.localSize[index] <= greatest, or: CL_INVALID_WORK_ITEM_SIZE)
        }
    }

    /// Throws unless the sizes make work groups that the kernel asks for and the device can hold.
    ///
    /// What the driver calls the kernel's own greatest group is no limit: NVIDIA's says 256 of every kernel, even of one that
    /// requires 1,024, and launches that. A group between the two that it refuses fails as a command does.
    private static func checkLocalSize(_ launch: KernelLaunch, of kernel: ClientKernel) throws(OpenCLError) {
        var group: UInt64 = 1
        for index in 0..<Int(launch.dimensions) {
            let size = launch.localSize[index]
            try require(size > 0 && launch.globalSize[index] % size == 0, or: CL_INVALID_WORK_GROUP_SIZE)
            let (product, overflows) = group.multipliedReportingOverflow(by: size)
            try require(!overflows, or: CL_INVALID_WORK_GROUP_SIZE)
            group = product
        }
        let required = kernel.description.requiredWorkGroupSize
        for index in 0..<Int(launch.dimensions) where required != .zero {
            try require(launch.localSize[index] == required[index], or: CL_INVALID_WORK_GROUP_SIZE)
        }
        guard group > kernel.description.workGroupSize else { return }
        let greatest = kernel.session.information.device.number(cl_uint(CL_DEVICE_MAX_WORK_GROUP_SIZE)) ?? .max
        try require(group <= greatest, or: CL_INVALID_WORK_GROUP_SIZE)
    }
}

func enqueueMarkerWithWaitList(
    _ queue: cl_command_queue?, _ waitCount: cl_uint, _ waitList: UnsafePointer<cl_event?>?,
    _ event: UnsafeMutablePointer<cl_event?>?
) -> cl_int {
    mark(queue, waitCount, waitList, event, isBarrier: false)
}

func enqueueBarrierWithWaitList(
    _ queue: cl_command_queue?, _ waitCount: cl_uint, _ waitList: UnsafePointer<cl_event?>?,
    _ event: UnsafeMutablePointer<cl_event?>?
) -> cl_int {
    mark(queue, waitCount, waitList, event, isBarrier: true)
}

func enqueueMarker(_ queue: cl_command_queue?, _ event: UnsafeMutablePointer<cl_event?>?) -> cl_int {
    event == nil ? CL_INVALID_VALUE : mark(queue, 0, nil, event, isBarrier: false)
}

func enqueueBarrier(_ queue: cl_command_queue?) -> cl_int {
    mark(queue, 0, nil, nil, isBarrier: true)
}

func enqueueWaitForEvents(
    _ queue: cl_command_queue?, _ count: cl_uint, _ list: UnsafePointer<cl_event?>?
) -> cl_int {
    count == 0 ? CL_INVALID_VALUE : mark(queue, count, list, nil, isBarrier: true)
}

private func mark(
    _ queue: cl_command_queue?, _ waitCount: cl_uint, _ waitList: UnsafePointer<cl_event?>?,
    _ event: UnsafeMutablePointer<cl_event?>?, isBarrier: Bool
) -> cl_int {
    perform { library throws(OpenCLError) in
        let arguments = try CommandArguments(library, queue, waitCount, waitList, event)
        try arguments.queue.session.send(
            .marker(queue: arguments.queue.id, arguments.order, isBarrier: isBarrier))
        arguments.giveEvent(library, type: isBarrier ? CL_COMMAND_BARRIER : CL_COMMAND_MARKER)
    }
}
