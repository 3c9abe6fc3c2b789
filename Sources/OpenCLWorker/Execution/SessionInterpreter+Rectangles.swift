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
        if source.owner === destination.owner, copy.sourceLayout.hasPitches(of: copy.destinationLayout),
            copy.sourceLayout.overlaps(
                copy.destinationLayout, copy.region, ownShift: UInt64(source.origin), shift: UInt64(destination.origin))
        {
            throw OpenCLFailure(CL_MEM_COPY_OVERLAP)
        }
        return try device.copy(copy, from: source.device, to: destination.device)
    }

    mutating func read(_ call: CallID, _ command: RectangleCommand, _ send: Send) throws(SessionEnd) {
        let source = Slot { () throws(OpenCLFailure) in
            try check(command.queue, command.order)
            return try buffer(command.buffer, holding: command.region, command.layout)
        }
        let outcome: Slot<Device.Event>
        switch source {
        case .success(let buffer):
            outcome = try readParts(
                of: command.region, elementSize: 1, for: call, OpenCLRequest.readRectangle(call, command).kind,
                queue: command.queue, send
            ) { [device] memory, part throws(OpenCLFailure) in
                try device.read(memory, from: buffer.device, command.layout.moved(by: part.corner), part.region)
            }
        case .failure(let failure): outcome = .failure(failure)
        }
        try complete(call, outcome, queue: command.queue, command.order, send)
    }

    /// Reads a region that lies within its object in parts of at most ``stagedRead`` bytes, and sends each.
    ///
    /// - Parameter read: reads one part into memory of its size.
    /// - Returns: the last part's event, or why the first part that failed did.
    mutating func readParts(
        of region: SIMD3<UInt64>, elementSize: UInt64, for call: CallID, _ kind: UInt16, queue: ObjectID,
        _ send: Send,
        _ read: (UnsafeMutableRawBufferPointer, RectangleParts.Part) throws(OpenCLFailure) -> Device.Event
    ) throws(SessionEnd) -> Slot<Device.Event> {
        var last = Slot<Device.Event>.failure(OpenCLFailure(CL_INVALID_VALUE))
        var done = 0
        for part in RectangleParts(region, limit: Self.stagedRead / elementSize) {
            let bytes = Int(part.region.x * part.region.y * part.region.z * elementSize)
            let piece = ReadMemory(count: bytes)
            last = Slot { () throws(OpenCLFailure) in try read(piece.bytes, part) }
            guard case .success(let event) = last else { break }
            file(running.add(event, queue: queue, request: kind, number: current))
            try Self.send(piece, at: done, for: call, send)
            done += bytes
        }
        return last
    }
}
