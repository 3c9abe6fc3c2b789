import COpenCL
import RemotingCore

func createKernel(
    _ program: cl_program?, _ name: UnsafePointer<CChar>?, _ code: UnsafeMutablePointer<cl_int>?
) -> cl_kernel? {
    create(code) { library throws(OpenCLError) in
        let program: ClientProgram = try library.object(program, or: CL_INVALID_PROGRAM)
        guard let name else { throw OpenCLError(CL_INVALID_VALUE) }
        let wanted = String(cString: name)
        guard let description = try program.builtKernels().first(where: { $0.name == wanted }) else {
            throw OpenCLError(CL_INVALID_KERNEL_NAME)
        }
        return try ClientKernel(program: program, description: description)
    }
}

func createKernelsInProgram(
    _ program: cl_program?, _ count: cl_uint, _ kernels: UnsafeMutablePointer<cl_kernel?>?,
    _ found: UnsafeMutablePointer<cl_uint>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let program: ClientProgram = try library.object(program, or: CL_INVALID_PROGRAM)
        let descriptions = try program.builtKernels()
        found?.pointee = cl_uint(descriptions.count)
        guard let kernels else { return }
        try require(Int(count) >= descriptions.count, or: CL_INVALID_VALUE)
        for (index, description) in descriptions.enumerated() {
            kernels[index] = library.add(try ClientKernel(program: program, description: description))
        }
    }
}

func cloneKernel(_ kernel: cl_kernel?, _ code: UnsafeMutablePointer<cl_int>?) -> cl_kernel? {
    create(code) { library throws(OpenCLError) in
        try library.object(kernel, as: ClientKernel.self, or: CL_INVALID_KERNEL).clone()
    }
}

func retainKernel(_ kernel: cl_kernel?) -> cl_int {
    perform { library throws(OpenCLError) in
        try library.retain(kernel, ClientKernel.self, or: CL_INVALID_KERNEL)
    }
}

func releaseKernel(_ kernel: cl_kernel?) -> cl_int {
    perform { library throws(OpenCLError) in
        try library.release(kernel, ClientKernel.self, or: CL_INVALID_KERNEL)
    }
}

func setKernelArgument(
    _ kernel: cl_kernel?, _ index: cl_uint, _ size: Int, _ value: UnsafeRawPointer?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let kernel: ClientKernel = try library.object(kernel, or: CL_INVALID_KERNEL)
        try require(Int(index) < kernel.description.arguments.count, or: CL_INVALID_ARG_INDEX)
        let declared = kernel.description.arguments[Int(index)]
        let argument: KernelArgument =
            switch cl_int(bitPattern: declared.addressQualifier) {
            case _ where declared.typeName.hasSuffix("sampler_t"): try library.samplerArgument(size, value, kernel)
            case CL_KERNEL_ARG_ADDRESS_GLOBAL, CL_KERNEL_ARG_ADDRESS_CONSTANT:
                try library.bufferArgument(size, value, declared, kernel)
            case CL_KERNEL_ARG_ADDRESS_LOCAL: try library.localArgument(size, value)
            case CL_KERNEL_ARG_ADDRESS_PRIVATE: try library.valueArgument(size, value, type: declared.typeName)
            default: try library.undeclaredArgument(size, value, kernel)
            }
        try kernel.set(argument, at: Int(index))
    }
}

extension Library {
    /// A buffer or an image, whichever is declared. An image that the kernel reads is not one that it may only write, and
    /// the other way round (OpenCL 3.0, `clSetKernelArg`).
    fileprivate func bufferArgument(
        _ size: Int, _ value: UnsafeRawPointer?, _ declared: KernelArgumentDescription, _ kernel: ClientKernel
    ) throws(OpenCLError) -> KernelArgument {
        try require(size == MemoryLayout<cl_mem?>.size, or: CL_INVALID_ARG_SIZE)
        guard let value, let handle = value.loadUnaligned(as: cl_mem?.self) else { return .buffer(.none) }
        let buffer = try object(handle, as: ClientBuffer.self, or: CL_INVALID_MEM_OBJECT)
        try buffer.requireSession(of: kernel, or: CL_INVALID_MEM_OBJECT)
        switch cl_int(bitPattern: declared.accessQualifier) {
        case CL_KERNEL_ARG_ACCESS_NONE:
            try require(buffer.image == nil, or: CL_INVALID_MEM_OBJECT)
        case CL_KERNEL_ARG_ACCESS_READ_ONLY:
            try require(buffer.flags & cl_mem_flags(CL_MEM_WRITE_ONLY) == 0, or: CL_INVALID_ARG_VALUE)
        case CL_KERNEL_ARG_ACCESS_WRITE_ONLY:
            try require(buffer.flags & cl_mem_flags(CL_MEM_READ_ONLY) == 0, or: CL_INVALID_ARG_VALUE)
        default: break
        }
        return .buffer(buffer.id)
    }

    fileprivate func samplerArgument(
        _ size: Int, _ value: UnsafeRawPointer?, _ kernel: ClientKernel
    ) throws(OpenCLError) -> KernelArgument {
        try require(size == MemoryLayout<cl_sampler?>.size, or: CL_INVALID_ARG_SIZE)
        guard let value else { throw OpenCLError(CL_INVALID_ARG_VALUE) }
        let handle = value.loadUnaligned(as: cl_sampler?.self)
        let sampler = try object(handle, as: ClientSampler.self, or: CL_INVALID_SAMPLER)
        try sampler.requireSession(of: kernel, or: CL_INVALID_SAMPLER)
        return .sampler(sampler.id)
    }

    fileprivate func localArgument(_ size: Int, _ value: UnsafeRawPointer?) throws(OpenCLError) -> KernelArgument {
        try require(value == nil, or: CL_INVALID_ARG_VALUE)
        try require(size > 0, or: CL_INVALID_ARG_SIZE)
        return .local(size: UInt64(size))
    }

    /// Of a `type` that OpenCL C does not define, a structure say, only the worker knows the size.
    fileprivate func valueArgument(
        _ size: Int, _ value: UnsafeRawPointer?, type: String = ""
    ) throws(OpenCLError) -> KernelArgument {
        guard let value else { throw OpenCLError(CL_INVALID_ARG_VALUE) }
        if let defined = Self.size(ofType: type) { try require(size == defined, or: CL_INVALID_ARG_SIZE) }
        try require((1...OpenCLInterface.argumentValue).contains(size), or: CL_INVALID_ARG_SIZE)
        return .value(Array(UnsafeRawBufferPointer(start: value, count: size))[...])
    }

    /// Bytes of a scalar or vector type of OpenCL C; nil for another.
    private static func size(ofType name: String) -> Int? {
        let scalars = [
            "char": 1, "uchar": 1, "short": 2, "ushort": 2, "half": 2, "int": 4, "uint": 4, "float": 4, "long": 8,
            "ulong": 8, "double": 8,
        ]
        if let size = scalars[name] { return size }
        let digits = String(name.reversed().prefix { $0.isNumber }.reversed())
        guard let width = Int(digits), [2, 3, 4, 8, 16].contains(width),
            let size = scalars[String(name.dropLast(digits.count))]
        else { return nil }
        return size * (width == 3 ? 4 : width)
    }

    /// An argument of which the implementation does not tell the address space: what the value looks like decides.
    fileprivate func undeclaredArgument(
        _ size: Int, _ value: UnsafeRawPointer?, _ kernel: ClientKernel
    ) throws(OpenCLError) -> KernelArgument {
        // To a driver a null pointer of a buffer and local memory of as many bytes are the same call.
        guard let value else { return try localArgument(size, nil) }
        guard size == MemoryLayout<cl_mem?>.size, let handle = value.loadUnaligned(as: OpaquePointer?.self) else {
            return try valueArgument(size, value)
        }
        if let buffer = try? object(handle, as: ClientBuffer.self, or: CL_INVALID_MEM_OBJECT) {
            try buffer.requireSession(of: kernel, or: CL_INVALID_MEM_OBJECT)
            return .buffer(buffer.id)
        }
        if let sampler = try? object(handle, as: ClientSampler.self, or: CL_INVALID_SAMPLER) {
            try sampler.requireSession(of: kernel, or: CL_INVALID_SAMPLER)
            return .sampler(sampler.id)
        }
        return try valueArgument(size, value)
    }
}

func getKernelInfo(
    _ kernel: cl_kernel?, _ name: cl_kernel_info, _ size: Int, _ value: UnsafeMutableRawPointer?,
    _ sizeReturned: UnsafeMutablePointer<Int>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let kernel: ClientKernel = try library.object(kernel, or: CL_INVALID_KERNEL)
        let answer: InfoValue =
            switch cl_int(bitPattern: name) {
            case CL_KERNEL_FUNCTION_NAME: .text(kernel.description.name)
            case CL_KERNEL_NUM_ARGS: .number(cl_uint(kernel.description.arguments.count))
            case CL_KERNEL_REFERENCE_COUNT: .number(kernel.references)
            case CL_KERNEL_CONTEXT: .handle(kernel.program.context.handle)
            case CL_KERNEL_PROGRAM: .handle(kernel.program.handle)
            case CL_KERNEL_ATTRIBUTES: try kernel.attributes()
            default: throw OpenCLError(CL_INVALID_VALUE)
            }
        try InfoDestination(size, value, sizeReturned).write(answer)
    }
}

func getKernelArgumentInfo(
    _ kernel: cl_kernel?, _ index: cl_uint, _ name: cl_kernel_arg_info, _ size: Int,
    _ value: UnsafeMutableRawPointer?, _ sizeReturned: UnsafeMutablePointer<Int>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let kernel: ClientKernel = try library.object(kernel, or: CL_INVALID_KERNEL)
        try require(Int(index) < kernel.description.arguments.count, or: CL_INVALID_ARG_INDEX)
        let argument = kernel.description.arguments[Int(index)]
        try require(argument.addressQualifier != 0, or: CL_KERNEL_ARG_INFO_NOT_AVAILABLE)
        let answer: InfoValue =
            switch cl_int(bitPattern: name) {
            case CL_KERNEL_ARG_ADDRESS_QUALIFIER: .number(argument.addressQualifier)
            case CL_KERNEL_ARG_ACCESS_QUALIFIER: .number(argument.accessQualifier)
            case CL_KERNEL_ARG_TYPE_QUALIFIER: .number(argument.typeQualifier)
            case CL_KERNEL_ARG_TYPE_NAME: .text(argument.typeName)
            case CL_KERNEL_ARG_NAME: .text(argument.name)
            default: throw OpenCLError(CL_INVALID_VALUE)
            }
        try InfoDestination(size, value, sizeReturned).write(answer)
    }
}

func getKernelWorkGroupInfo(
    _ kernel: cl_kernel?, _ device: cl_device_id?, _ name: cl_kernel_work_group_info, _ size: Int,
    _ value: UnsafeMutableRawPointer?, _ sizeReturned: UnsafeMutablePointer<Int>?
) -> cl_int {
    perform { library throws(OpenCLError) in
        let kernel: ClientKernel = try library.object(kernel, or: CL_INVALID_KERNEL)
        try require(device == nil || kernel.program.context.device.handle == device, or: CL_INVALID_DEVICE)
        let description = kernel.description
        let required = description.requiredWorkGroupSize
        let answer: InfoValue =
            switch cl_int(bitPattern: name) {
            case CL_KERNEL_WORK_GROUP_SIZE: .number(description.workGroupSize)
            case CL_KERNEL_COMPILE_WORK_GROUP_SIZE: .numbers([required.x, required.y, required.z])
            case CL_KERNEL_LOCAL_MEM_SIZE: .number(description.localMemory)
            case CL_KERNEL_PREFERRED_WORK_GROUP_SIZE_MULTIPLE: .number(description.preferredWorkGroupMultiple)
            case CL_KERNEL_PRIVATE_MEM_SIZE: .number(description.privateMemory)
            default: throw OpenCLError(CL_INVALID_VALUE)
            }
        try InfoDestination(size, value, sizeReturned).write(answer)
    }
}
