import COpenCL
import RemotingCore

// MARK: - Images

extension SessionInterpreter {
    /// The image of a command whose region lies within it.
    func image(of command: ImageCommand) throws(OpenCLFailure) -> HeldBuffer<Device> {
        try image(command.image, holding: command.origin, command.region)
    }

    private func image(
        _ id: ObjectID, holding origin: SIMD3<UInt64>, _ region: SIMD3<UInt64>
    ) throws(OpenCLFailure) -> HeldBuffer<Device> {
        let image = try find(id, in: buffers, orThrow: CL_INVALID_MEM_OBJECT)
        guard let description = image.image else { throw OpenCLFailure(CL_INVALID_MEM_OBJECT) }
        guard description.contains(origin, region) else { throw OpenCLFailure(CL_INVALID_VALUE) }
        return image
    }

    /// Bytes of a region that lies within the image.
    private func size(_ region: SIMD3<UInt64>, of image: HeldBuffer<Device>) -> UInt64 {
        region.x * region.y * region.z * (image.image?.format.elementSize ?? 0)
    }

    func write(_ data: ArraySlice<UInt8>, _ command: ImageCommand) throws(OpenCLFailure) -> Device.Event {
        let image = try image(of: command)
        guard UInt64(data.count) == size(command.region, of: image) else { throw OpenCLFailure(CL_INVALID_VALUE) }
        let result = data.withUnsafeBytes { bytes in
            Slot { () throws(OpenCLFailure) in
                try device.enqueueWrite(bytes, toImage: image.device, command.origin, command.region)
            }
        }
        return try result.get()
    }

    func copy(_ command: ImageCommand, _ counterpart: ImageCounterpart) throws(OpenCLFailure) -> Device.Event {
        let image = try image(of: command)
        let other: HeldBuffer<Device>
        switch counterpart {
        case .toImage(let id, let origin):
            other = try self.image(id, holding: origin, command.region)
            guard other.image?.format == image.image?.format else { throw OpenCLFailure(CL_IMAGE_FORMAT_MISMATCH) }
        case .toBuffer(let id, let offset), .fromBuffer(let id, let offset):
            other = try find(id, in: buffers, orThrow: CL_INVALID_MEM_OBJECT)
            guard other.contains(offset: offset, size: size(command.region, of: image)) else {
                throw OpenCLFailure(CL_INVALID_VALUE)
            }
        }
        return try device.copy(command, counterpart, image: image.device, other: other.device)
    }

    func formats(_ call: CallID, flags: UInt64, kind: UInt32) -> OpenCLResponse {
        do throws(OpenCLFailure) {
            var value: [UInt8] = []
            for format in try device.formats(flags: flags, kind: kind).prefix(4_096) {
                for word in [format.order, format.type] {
                    withUnsafeBytes(of: word.littleEndian) { value.append(contentsOf: $0) }
                }
            }
            return .information(call, code: CL_SUCCESS, value: value[...])
        } catch {
            return .information(call, code: error.code, value: [])
        }
    }

    mutating func read(_ call: CallID, _ command: ImageCommand, _ send: Send) throws(SessionEnd) {
        let source = Slot { () throws(OpenCLFailure) in
            try check(command.queue, command.order)
            return try image(of: command)
        }
        let outcome: Slot<Device.Event>
        switch source {
        case .success(let image):
            outcome = try readParts(
                of: command.region, elementSize: image.image?.format.elementSize ?? 1, for: call,
                OpenCLRequest.readImage(call, command).kind, queue: command.queue, send
            ) { [device] memory, part throws(OpenCLFailure) in
                try device.read(memory, fromImage: image.device, command.origin &+ part.corner, part.region)
            }
        case .failure(let failure): outcome = .failure(failure)
        }
        try complete(call, outcome, queue: command.queue, command.order, send)
    }
}
