import COpenCL
import RemotingCore

// MARK: - Rectangles of buffers

extension SessionInterpreter {
    /// The buffer of a command whose rectangle lies within it.
    private func buffer(
        _ id: ObjectID, holding region: SIMD3<UInt64>, _ layout: RectangleLayout
    ) throws(OpenCLFailure) -> HeldBuffer<Device> {
        let buffer = try find(id, in: buffers, orThrow: CL_INVALID_MEM_OBJECT)
        guard buffer.image == nil, let extent = layout.extent(of: region), extent.upperBound <= UInt64(buffer.size)
        else {
            throw OpenCLFailure(CL_INVALID_VALUE)
        }
        return buffer
    }

    func write(_ data: ArraySlice<UInt8>, _ command: RectangleCommand) throws(OpenCLFailure) -> Device.Event {
        let buffer = try buffer(command.buffer, holding: command.region, command.layout)
        guard UInt64(data.count) == command.size else { throw OpenCLFailure(CL_INVALID_VALUE) }
        let result = data.withUnsafeBytes { bytes in
            Slot { () throws(OpenCLFailure) in
                try device.enqueueWrite(bytes, to: buffer.device, command.layout, command.region)
            }
        }
        return try result.get()
    }

    func copy(_ copy: RectangleCopy) throws(OpenCLFailure) -> Device.Event {
        let source = try buffer(copy.source, holding: copy.region, copy.sourceLayout)
        let destination = try buffer(copy.destination, holding: copy.region, copy.destinationLayout)
        return try device.copy(copy, from: source.device, to: destination.device)
    }

    mutating func read(_ call: CallID, _ command: RectangleCommand, _ send: Send) throws(SessionEnd) {
        let source = Slot { () throws(OpenCLFailure) in
            try check(command.queue, command.order)
            return try buffer(command.buffer, holding: command.region, command.layout)
        }
        let outcome: Slot<Device.Event>
        switch source {
        case .success(let buffer): outcome = try readParts(call, command, of: buffer, send)
        case .failure(let failure): outcome = .failure(failure)
        }
        try complete(call, outcome, queue: command.queue, command.order, send)
    }

    private mutating func readParts(
        _ call: CallID, _ command: RectangleCommand, of buffer: HeldBuffer<Device>, _ send: Send
    ) throws(SessionEnd) -> Slot<Device.Event> {
        let size = command.size ?? 0
        let staging = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Int(min(size, Self.stagedRead)), alignment: 64)
        defer { staging.deallocate() }
        var last = Slot<Device.Event>.failure(OpenCLFailure(CL_INVALID_VALUE))
        var done = 0
        for part in RectangleParts(command.region, limit: Self.stagedRead) {
            let bytes = Int(part.region.x * part.region.y * part.region.z)
            let piece = UnsafeMutableRawBufferPointer(rebasing: staging[..<bytes])
            last = Slot { () throws(OpenCLFailure) in
                try device.read(piece, from: buffer.device, command.layout.moved(by: part.corner), part.region)
            }
            guard case .success(let event) = last else { break }
            let kind = OpenCLRequest.readRectangle(call, command).kind
            errors.add(running.add(event, queue: command.queue, request: kind))
            try Self.send(UnsafeRawBufferPointer(piece), at: done, for: call, send)
            done += bytes
        }
        return last
    }
}
