import COpenCL
import FleetModel
import RemotingCore

// MARK: - Requests that enqueue commands

extension SessionInterpreter {
    mutating func enqueue(_ request: OpenCLRequest) {
        switch request {
        case .writeBuffer(let command, let data):
            enqueue(request, on: command.queue, command.order) { session throws(OpenCLFailure) in
                try session.write(data, command)
            }
        case .copyBuffer(let copy):
            enqueue(request, on: copy.queue, copy.order) { session throws(OpenCLFailure) in try session.copy(copy) }
        case .fillBuffer(let command, let pattern):
            enqueue(request, on: command.queue, command.order) { session throws(OpenCLFailure) in
                try session.fill(command, pattern)
            }
        case .writeRectangle(let command, let data):
            enqueue(request, on: command.queue, command.order) { session throws(OpenCLFailure) in
                try session.write(data, command)
            }
        case .copyRectangle(let copy):
            enqueue(request, on: copy.queue, copy.order) { session throws(OpenCLFailure) in try session.copy(copy) }
        case .writeImage(let command, let data):
            enqueue(request, on: command.queue, command.order) { session throws(OpenCLFailure) in
                try session.write(data, command)
            }
        case .copyImage(let command, let counterpart):
            enqueue(request, on: command.queue, command.order) { session throws(OpenCLFailure) in
                try session.copy(command, counterpart)
            }
        case .fillImage(let command, let color):
            enqueue(request, on: command.queue, command.order) { session throws(OpenCLFailure) in
                try session.device.fill(command, image: session.image(of: command).device, color: color)
            }
        case .launchKernel(let launch):
            enqueue(request, on: launch.queue, launch.order) { session throws(OpenCLFailure) in
                try session.launch(launch)
            }
        case .marker(let queue, let order, _):
            enqueue(request, on: queue, order) { session throws(OpenCLFailure) in try session.device.marker() }
        case .flush(let queue):
            if case .success? = queues[queue] {
                device.flush()
            } else {
                errors.add(queue: queue, exists: false, request: request.kind, OpenCLFailure(CL_INVALID_COMMAND_QUEUE))
            }
        default:
            preconditionFailure("carried out elsewhere")
        }
    }

    /// Checks queue and wait list, enqueues, and files the event or the failure.
    private mutating func enqueue(
        _ request: OpenCLRequest, on queue: ObjectID, _ order: CommandOrder,
        _ command: (inout Self) throws(OpenCLFailure) -> Device.Event
    ) {
        do {
            try check(queue, order)
            let event = try command(&self)
            file(running.add(event, queue: queue, request: request.kind, number: current))
            file(.success(.taken(event)), as: order.event)
        } catch {
            errors.add(queue: queue, exists: queues[queue] != nil, request: request.kind, error)
            file(.failure(error), as: order.event)
        }
    }

    /// Throws unless the queue and the events to wait for exist, and none of these has failed.
    func check(_ queue: ObjectID, _ order: CommandOrder) throws(OpenCLFailure) {
        _ = try find(queue, in: queues, orThrow: CL_INVALID_COMMAND_QUEUE)
        for id in order.waitFor {
            guard let event = events[id] else { throw OpenCLFailure(CL_INVALID_EVENT_WAIT_LIST) }
            guard case .success(let known) = event, known.status.status >= 0 else {
                throw OpenCLFailure(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST)
            }
        }
    }

    /// Gives an event the id that the client chose, if it chose one.
    mutating func file(_ event: Slot<SessionEvent<Device.Event>>, as id: ObjectID) {
        guard id != .none else { return }
        // A command that has waited has its event already.
        if case .success(.waiting)? = events[id] { return events.replace(id, with: event) }
        do {
            try events.insert(event, as: id)
        } catch {
            errors.add(object: id, request: 0, OpenCLFailure(CL_OUT_OF_RESOURCES))
        }
    }

    /// The buffer of a command whose region lies within it.
    private func buffer(of command: BufferCommand) throws(OpenCLFailure) -> HeldBuffer<Device> {
        let buffer = try find(command.buffer, in: buffers, orThrow: CL_INVALID_MEM_OBJECT)
        guard command.size > 0, buffer.contains(offset: command.offset, size: command.size) else {
            throw OpenCLFailure(CL_INVALID_VALUE)
        }
        return buffer
    }

    private func write(_ data: ArraySlice<UInt8>, _ command: BufferCommand) throws(OpenCLFailure) -> Device.Event {
        let buffer = try buffer(of: command)
        // With nothing before it a small write ends at once, and its bytes need not be kept. Of a large one the device takes
        // in what has arrived while more arrives.
        guard running.isEmpty, data.count < Self.overlappedWrite else {
            return try device.enqueueWrite(data, to: buffer.device, at: Int(command.offset))
        }
        let result = data.withUnsafeBytes { bytes in
            Slot { () throws(OpenCLFailure) in try device.write(bytes, to: buffer.device, at: Int(command.offset)) }
        }
        return try result.get()
    }

    private static var overlappedWrite: Int { 64 << 10 }

    private func copy(_ copy: BufferCopy) throws(OpenCLFailure) -> Device.Event {
        let source = try find(copy.source, in: buffers, orThrow: CL_INVALID_MEM_OBJECT)
        let destination = try find(copy.destination, in: buffers, orThrow: CL_INVALID_MEM_OBJECT)
        guard copy.size > 0, source.contains(offset: copy.sourceOffset, size: copy.size),
            destination.contains(offset: copy.destinationOffset, size: copy.size)
        else { throw OpenCLFailure(CL_INVALID_VALUE) }
        let region = CopyRegion(
            sourceOffset: Int(copy.sourceOffset), destinationOffset: Int(copy.destinationOffset), size: Int(copy.size))
        if source.owner === destination.owner,
            abs(source.origin + region.sourceOffset - destination.origin - region.destinationOffset) < region.size
        {
            throw OpenCLFailure(CL_MEM_COPY_OVERLAP)
        }
        return try device.copy(region, from: source.device, to: destination.device)
    }

    private func fill(_ command: BufferCommand, _ pattern: ArraySlice<UInt8>) throws(OpenCLFailure) -> Device.Event {
        let buffer = try buffer(of: command)
        let width = UInt64(pattern.count)
        guard command.offset.isMultiple(of: width), command.size.isMultiple(of: width) else {
            throw OpenCLFailure(CL_INVALID_VALUE)
        }
        return try device.fill(
            buffer.device, at: Int(command.offset), size: Int(command.size), pattern: pattern)
    }

    private func launch(_ launch: KernelLaunch) throws(OpenCLFailure) -> Device.Event {
        let kernel = try find(launch.kernel, in: kernels, orThrow: CL_INVALID_KERNEL)
        try Self.checkItems(launch)
        for argument in kernel.arguments.values {
            switch argument {
            case .set: break
            case .failed(let failure): throw failure
            case .sampler(let id):
                // A kernel does not keep its samplers either, and ids of samplers are looked at only here.
                guard case .success? = samplers[id] else { throw OpenCLFailure(CL_INVALID_KERNEL_ARGS) }
            case .buffer(let id, let serial):
                // A kernel does not keep its buffers: one that was released must not be reached through it.
                guard case .success(let buffer)? = buffers[id], buffer.serial == serial else {
                    throw OpenCLFailure(CL_INVALID_KERNEL_ARGS)
                }
            }
        }
        return try device.launch(kernel.device, launch)
    }
}

extension SessionInterpreter {
    /// Throws unless every number that a device derives from the launch's sizes is one of 63 bits: drivers multiply and
    /// add them without a look.
    fileprivate static func checkItems(_ launch: KernelLaunch) throws(OpenCLFailure) {
        let greatest = UInt64(Int.max)
        func product(_ sizes: SIMD3<UInt64>, orThrow code: Int32) throws(OpenCLFailure) {
            var product: UInt64 = 1
            for index in 0..<Int(launch.dimensions) {
                let (next, overflows) = product.multipliedReportingOverflow(by: sizes[index])
                guard !overflows, next <= greatest else { throw OpenCLFailure(code) }
                product = next
            }
        }
        try product(launch.globalSize, orThrow: CL_INVALID_GLOBAL_WORK_SIZE)
        try product(launch.localSize, orThrow: CL_INVALID_WORK_GROUP_SIZE)
        for index in 0..<Int(launch.dimensions) {
            let (end, overflows) = launch.globalOffset[index].addingReportingOverflow(launch.globalSize[index])
            guard !overflows, end <= greatest else { throw OpenCLFailure(CL_INVALID_GLOBAL_OFFSET) }
        }
    }
}

// MARK: - Requests that read, wait and ask

extension SessionInterpreter {
    /// Answers a read piece by piece, so that a read of any size takes little memory here.
    mutating func read(_ call: CallID, _ command: BufferCommand, _ send: Send) throws(SessionEnd) {
        let source = Slot { () throws(OpenCLFailure) in
            try check(command.queue, command.order)
            return try buffer(of: command)
        }
        let outcome: Slot<Device.Event>
        switch source {
        case .success(let buffer): outcome = try readPieces(call, command, of: buffer, send)
        case .failure(let failure): outcome = .failure(failure)
        }
        try complete(call, outcome, queue: command.queue, command.order, send)
    }

    /// Ends a read.
    mutating func complete(
        _ call: CallID, _ outcome: Slot<Device.Event>, queue: ObjectID, _ order: CommandOrder, _ send: Send
    ) throws(SessionEnd) {
        file(outcome.map { .taken($0) }, as: order.event)
        var completion = Completion()
        if case .failure(let failure) = outcome { completion.code = failure.code }
        file(running.drain())
        completion.deferred = errors.take(queue: queue)
        try sendOutput(send)
        try answer(.completed(call, completion), send)
    }

    /// Bytes that a read takes from the device at once, of a rectangle or an image.
    static var stagedRead: UInt64 { 4 << 20 }
    /// The same of a buffer, of which the next piece is under way while one is sent.
    private static var readPiece: Int { ReadMemory.pooledSize }

    /// Sends the region of `command`. Returns the last piece's event.
    private mutating func readPieces(
        _ call: CallID, _ command: BufferCommand, of buffer: HeldBuffer<Device>, _ send: Send
    ) throws(SessionEnd) -> Slot<Device.Event> {
        let size = Int(command.size)
        let pieceSize = min(size, Self.readPiece)
        let isLong = size > pieceSize
        var underWay: (event: Device.Event, piece: ReadMemory)?
        // The device writes into the memory until then.
        defer { _ = underWay?.event.wait() }
        var last = Slot<Device.Event>.failure(OpenCLFailure(CL_INVALID_VALUE))
        var (asked, sent) = (0, 0)
        while sent < size {
            let arriving = underWay
            underWay = nil
            if asked < size {
                let piece = ReadMemory(count: min(size - asked, pieceSize))
                last = Slot { () throws(OpenCLFailure) in
                    let offset = Int(command.offset) + asked
                    return isLong
                        ? try device.enqueueRead(piece.bytes, from: buffer.device, at: offset)
                        : try device.read(piece.bytes, from: buffer.device, at: offset)
                }
                guard case .success(let event) = last else {
                    _ = arriving?.event.wait()
                    break
                }
                file(
                    running.add(
                        event, queue: command.queue, request: OpenCLRequest.readBuffer(call, command).kind,
                        number: current))
                if isLong { device.flush() }
                underWay = (event, piece)
                asked += piece.bytes.count
            }
            guard let arriving else { continue }
            let code = arriving.event.wait()
            guard code == CL_SUCCESS else { return .failure(OpenCLFailure(code)) }
            try Self.send(arriving.piece, at: sent, for: call, send)
            sent += arriving.piece.bytes.count
        }
        return last
    }

    static func send(
        _ memory: ReadMemory, at start: Int, for call: CallID, _ send: Send
    ) throws(SessionEnd) {
        let bytes = UnsafeRawBufferPointer(memory.bytes)
        var offset = 0
        while offset < bytes.count {
            let size = min(bytes.count - offset, OpenCLInterface.chunk)
            let chunk = UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + size])
            try send(OpenCLResponse.readDataHead(call, offset: UInt64(start + offset), size: size), chunk, memory)
            offset += size
        }
    }

    /// Waits for everything that was enqueued: all queues are one.
    mutating func finish(_ queue: ObjectID) -> Completion {
        guard case .success? = queues[queue] else {
            return Completion(code: CL_INVALID_COMMAND_QUEUE, deferred: errors.take(queue: queue))
        }
        device.flush()
        file(running.drain())
        return Completion(deferred: errors.take(queue: queue))
    }

    mutating func wait(for ids: [ObjectID]) -> Completion {
        guard !ids.isEmpty else { return Completion(code: CL_INVALID_VALUE, deferred: errors.takeAll()) }
        var code: Int32 = 0
        for id in ids {
            switch events[id] {
            case nil: code = CL_INVALID_EVENT
            case .failure?: code = CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST
            case .success(let event)?:
                if event.wait() < 0 { code = CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST }
            }
        }
        file(running.reap())
        return Completion(code: code, deferred: errors.takeAll())
    }

    func status(of id: ObjectID) -> EventStatus {
        switch events[id] {
        case nil: EventStatus(code: CL_INVALID_EVENT, status: 0)
        case .failure(let failure)?: EventStatus(status: failure.code)
        case .success(let event)?: event.status
        }
    }
}
