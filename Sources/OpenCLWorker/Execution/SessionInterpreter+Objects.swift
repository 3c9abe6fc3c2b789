import COpenCL
import FleetModel
import RemotingCore

// MARK: - Requests that make and change objects

extension SessionInterpreter {
    mutating func change(_ request: OpenCLRequest) {
        switch request {
        case .createContext(let id):
            create(id, request, in: \.contexts) { _ throws(OpenCLFailure) in }
        case .createQueue(let id, let context, let properties):
            create(id, request, in: \.queues) { session throws(OpenCLFailure) in
                try session.find(context, in: session.contexts, orThrow: CL_INVALID_CONTEXT)
                return HeldQueue(isOutOfOrder: properties & UInt64(CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE) != 0)
            }
        case .createBuffer(let id, let context, let flags, let size):
            create(id, request, in: \.buffers) { session throws(OpenCLFailure) in
                try session.makeBuffer(context, flags: flags, size: size)
            }
        case .createSubBuffer(let id, let parent, let flags, let origin, let size):
            create(id, request, in: \.buffers) { session throws(OpenCLFailure) in
                try session.makeSubBuffer(of: parent, flags: flags, origin: origin, size: size)
            }
        case .createImage(let id, let context, let flags, let description):
            create(id, request, in: \.buffers) { session throws(OpenCLFailure) in
                try session.makeImage(context, flags: flags, description)
            }
        case .createSampler(let id, let context, let description):
            create(id, request, in: \.samplers) { session throws(OpenCLFailure) in
                try session.find(context, in: session.contexts, orThrow: CL_INVALID_CONTEXT)
                return try session.device.makeSampler(description)
            }
        case .createUserEvent(let id, let context):
            create(id, request, in: \.events) { session throws(OpenCLFailure) in
                try session.find(context, in: session.contexts, orThrow: CL_INVALID_CONTEXT)
                session.openUserEvents += 1
                return .user(status: CL_SUBMITTED)
            }
        case .appendBinary(let program, let binary):
            alter(program, request) { session throws(OpenCLFailure) in try session.append(binary: binary, to: program) }
        case .createProgram(let id, let context):
            create(id, request, in: \.programs) { session throws(OpenCLFailure) in
                try session.find(context, in: session.contexts, orThrow: CL_INVALID_CONTEXT)
                return HeldProgram()
            }
        case .createKernel(let id, let program, let name):
            create(id, request, in: \.kernels) { session throws(OpenCLFailure) in
                try session.makeKernel(program, name)
            }
        case .appendSource(let program, let source):
            alter(program, request) { session throws(OpenCLFailure) in try session.append(source, to: program) }
        case .setArgument(let kernel, let index, let argument):
            alter(kernel, request) { session throws(OpenCLFailure) in
                try session.set(index, of: kernel, to: argument)
            }
        case .release(let kind, let id):
            alter(id, request) { session throws(OpenCLFailure) in try session.release(kind, id) }
        default:
            preconditionFailure("carried out elsewhere")
        }
    }

    /// Puts what `make` makes into a table, or the failure that it throws. An id in use keeps what it has.
    private mutating func create<Value>(
        _ id: ObjectID, _ request: OpenCLRequest, in table: WritableKeyPath<Self, ObjectTable<Slot<Value>>>,
        _ make: (inout Self) throws(OpenCLFailure) -> Value
    ) {
        guard self[keyPath: table][id] == nil, self[keyPath: table].count < self[keyPath: table].capacity else {
            return errors.add(object: id, request: request.kind, OpenCLFailure(CL_OUT_OF_RESOURCES))
        }
        let slot = Slot { () throws(OpenCLFailure) in try make(&self) }
        if case .failure(let failure) = slot { errors.add(object: id, request: request.kind, failure) }
        // Room and absence were checked above.
        try? self[keyPath: table].insert(slot, as: id)
    }

    private mutating func alter(
        _ id: ObjectID, _ request: OpenCLRequest, _ change: (inout Self) throws(OpenCLFailure) -> Void
    ) {
        do {
            try change(&self)
        } catch {
            errors.add(object: id, request: request.kind, error)
        }
    }

    private mutating func makeBuffer(
        _ context: ObjectID, flags: UInt64, size: UInt64
    ) throws(OpenCLFailure) -> HeldBuffer<Device> {
        try find(context, in: contexts, orThrow: CL_INVALID_CONTEXT)
        guard size > 0, size <= device.greatestBuffer, let bytes = Int(exactly: size) else {
            throw OpenCLFailure(CL_INVALID_BUFFER_SIZE)
        }
        guard account.takeMemory(Int64(bytes)) else { throw OpenCLFailure(CL_MEM_OBJECT_ALLOCATION_FAILURE) }
        do {
            return HeldBuffer(
                try device.makeBuffer(flags: flags, size: bytes), flags: flags, size: bytes, serial: makeSerial())
        } catch {
            account.giveBackMemory(Int64(bytes))
            throw error
        }
    }

    private mutating func makeSubBuffer(
        of id: ObjectID, flags: UInt64, origin: UInt64, size: UInt64
    ) throws(OpenCLFailure) -> HeldBuffer<Device> {
        let parent = try find(id, in: buffers, orThrow: CL_INVALID_MEM_OBJECT)
        guard parent.parent == nil, parent.image == nil else { throw OpenCLFailure(CL_INVALID_MEM_OBJECT) }
        guard size > 0 else { throw OpenCLFailure(CL_INVALID_BUFFER_SIZE) }
        guard parent.contains(offset: origin, size: size) else { throw OpenCLFailure(CL_INVALID_VALUE) }
        let part = try device.makeSubBuffer(of: parent.device, flags: flags, origin: Int(origin), size: Int(size))
        parent.parts += 1
        return HeldBuffer(
            part, flags: flags, size: Int(size), serial: makeSerial(), parent: parent, origin: Int(origin))
    }

    private mutating func makeImage(
        _ context: ObjectID, flags: UInt64, _ description: ImageDescription
    ) throws(OpenCLFailure) -> HeldBuffer<Device> {
        try find(context, in: contexts, orThrow: CL_INVALID_CONTEXT)
        guard let size = description.size, let bytes = Int(exactly: size) else {
            throw OpenCLFailure(CL_INVALID_IMAGE_SIZE)
        }
        let held: HeldBuffer<Device>
        if description.kind == .buffer {
            let buffer = try find(description.buffer, in: buffers, orThrow: CL_INVALID_MEM_OBJECT)
            guard buffer.parent == nil, buffer.contains(offset: 0, size: size) else {
                throw OpenCLFailure(CL_INVALID_IMAGE_SIZE)
            }
            let image = try device.makeImage(flags: flags, description, in: buffer.device)
            buffer.parts += 1
            held = HeldBuffer(image, flags: flags, size: bytes, serial: makeSerial(), parent: buffer)
        } else {
            guard size <= device.greatestBuffer else { throw OpenCLFailure(CL_INVALID_IMAGE_SIZE) }
            guard account.takeMemory(Int64(bytes)) else { throw OpenCLFailure(CL_MEM_OBJECT_ALLOCATION_FAILURE) }
            do {
                let image = try device.makeImage(flags: flags, description, in: nil)
                held = HeldBuffer(image, flags: flags, size: bytes, serial: makeSerial())
            } catch {
                account.giveBackMemory(Int64(bytes))
                throw error
            }
        }
        held.image = description
        return held
    }

    private func makeKernel(_ program: ObjectID, _ name: String) throws(OpenCLFailure) -> HeldKernel<Device> {
        let program = try find(program, in: programs, orThrow: CL_INVALID_PROGRAM)
        guard let built = program.built else { throw OpenCLFailure(CL_INVALID_PROGRAM_EXECUTABLE) }
        return HeldKernel(try device.makeKernel(name, of: built))
    }

    private mutating func append(_ source: ArraySlice<UInt8>, to id: ObjectID) throws(OpenCLFailure) {
        let program = try find(id, in: programs, orThrow: CL_INVALID_PROGRAM)
        guard !program.hasBeenBuilt else { throw OpenCLFailure(CL_INVALID_OPERATION) }
        guard program.source.count + source.count <= OpenCLInterface.programSource,
            sourceBytes + source.count <= Self.greatestSources
        else { throw OpenCLFailure(CL_OUT_OF_HOST_MEMORY) }
        program.source += source
        sourceBytes += source.count
    }

    private mutating func append(binary: ArraySlice<UInt8>, to id: ObjectID) throws(OpenCLFailure) {
        let program = try find(id, in: programs, orThrow: CL_INVALID_PROGRAM)
        guard !program.hasBeenBuilt, program.source.isEmpty, program.loaded == nil else {
            throw OpenCLFailure(CL_INVALID_OPERATION)
        }
        guard program.binary.count + binary.count <= OpenCLInterface.programSource,
            sourceBytes + binary.count <= Self.greatestSources
        else { throw OpenCLFailure(CL_OUT_OF_HOST_MEMORY) }
        program.binary += binary
        sourceBytes += binary.count
    }

    /// Bytes of all programs' sources together.
    private static var greatestSources: Int { 4 * OpenCLInterface.programSource }

    func set(
        _ index: UInt32, of id: ObjectID, to argument: KernelArgument
    ) throws(OpenCLFailure) {
        let kernel = try find(id, in: kernels, orThrow: CL_INVALID_KERNEL)
        guard index < OpenCLInterface.argumentsPerKernel else { throw OpenCLFailure(CL_INVALID_ARG_INDEX) }
        do {
            kernel.arguments[index] = try set(index, of: kernel.device, to: argument)
            kernel.values[index] = argument.compact
        } catch {
            kernel.arguments[index] = .failed(error)
            // It fails again wherever it is set again, and takes no memory meanwhile.
            kernel.values[index] = .value([])
            throw error
        }
    }

    private func set(
        _ index: UInt32, of kernel: Device.Kernel, to argument: KernelArgument
    ) throws(OpenCLFailure) -> HeldKernel<Device>.Argument {
        switch argument {
        case .value(let bytes):
            guard !bytes.isEmpty else { throw OpenCLFailure(CL_INVALID_ARG_SIZE) }
            try device.setArgument(index, of: kernel, to: .value(bytes))
        case .buffer(.none):
            try device.setArgument(index, of: kernel, to: .buffer(nil))
        case .buffer(let id):
            let buffer = try find(id, in: buffers, orThrow: CL_INVALID_MEM_OBJECT)
            if let image = buffer.image {
                try device.setArgument(index, of: kernel, to: .image(buffer.device, image.kind))
            } else {
                try device.setArgument(index, of: kernel, to: .buffer(buffer.device))
            }
            return .buffer(id, serial: buffer.serial)
        case .sampler(let id):
            let sampler = try find(id, in: samplers, orThrow: CL_INVALID_SAMPLER)
            try device.setArgument(index, of: kernel, to: .sampler(sampler))
            return .sampler(id)
        case .local(let size):
            guard size > 0, size <= device.localMemory, let bytes = Int(exactly: size) else {
                throw OpenCLFailure(CL_INVALID_ARG_SIZE)
            }
            try device.setArgument(index, of: kernel, to: .local(size: bytes))
        }
        return .set
    }

    private mutating func release(_ kind: ObjectKind, _ id: ObjectID) throws(OpenCLFailure) {
        switch kind {
        case .context:
            guard contexts.remove(id) != nil else { throw OpenCLFailure(CL_INVALID_CONTEXT) }
        case .queue:
            guard queues.remove(id) != nil else { throw OpenCLFailure(CL_INVALID_COMMAND_QUEUE) }
            errors.forget(queue: id)
        case .buffer:
            guard let slot = buffers.remove(id) else { throw OpenCLFailure(CL_INVALID_MEM_OBJECT) }
            guard case .success(let buffer) = slot else { return }
            // Commands that still run may use the memory: it is not promised again before they have ended.
            file(running.drain())
            giveBack(buffer)
        case .program:
            guard let slot = programs.remove(id) else { throw OpenCLFailure(CL_INVALID_PROGRAM) }
            if case .success(let program) = slot { sourceBytes -= program.source.count + program.binary.count }
        case .kernel:
            guard kernels.remove(id) != nil else { throw OpenCLFailure(CL_INVALID_KERNEL) }
        case .sampler:
            guard samplers.remove(id) != nil else { throw OpenCLFailure(CL_INVALID_SAMPLER) }
        case .event:
            guard let slot = events.remove(id) else { throw OpenCLFailure(CL_INVALID_EVENT) }
            if case .success(.user(let status)) = slot, status > CL_COMPLETE { openUserEvents -= 1 }
        }
    }

    /// A buffer's memory is promised again when its last part is released too.
    private func giveBack(_ buffer: HeldBuffer<Device>) {
        buffer.isReleased = true
        if let parent = buffer.parent { parent.parts -= 1 }
        let owner = buffer.owner
        if owner.isReleased, owner.parts == 0 { account.giveBackMemory(Int64(owner.size)) }
    }
}

extension KernelArgument {
    /// The same, without the message that it came in.
    fileprivate var compact: KernelArgument {
        if case .value(let bytes) = self { .value(Array(bytes)[...]) } else { self }
    }
}
