/// How an element of an image lies in memory: values of `cl_channel_order` and `cl_channel_type` (OpenCL 3.0, 5.3.1.1).
package struct ImageFormat: Hashable, Sendable {
    package var order: UInt32
    package var type: UInt32

    package init(order: UInt32, type: UInt32) {
        self.order = order
        self.type = type
    }

    /// Bytes of an element; nil for a format that is not known.
    package var elementSize: UInt64? {
        guard let channels else { return nil }
        return switch type {
        case 0x10D4, 0x10D5: 2
        case 0x10D6, 0x10E0: 4
        case 0x10D0, 0x10D2, 0x10D7, 0x10DA: channels
        case 0x10D1, 0x10D3, 0x10D8, 0x10DB, 0x10DD: channels * 2
        case 0x10D9, 0x10DC, 0x10DE: channels * 4
        case 0x10DF: 4
        default: nil
        }
    }

    private var channels: UInt64? {
        switch order {
        case 0x10B0, 0x10B1, 0x10B8, 0x10B9, 0x10BA, 0x10BD: 1
        case 0x10B2, 0x10B3, 0x10BB: 2
        case 0x10B4, 0x10BC, 0x10BF: 3
        case 0x10B5, 0x10B6, 0x10B7, 0x10C0, 0x10C1, 0x10C2, 0x10C3: 4
        default: nil
        }
    }
}

/// Kind, format and sides of an image.
package struct ImageDescription: Hashable, Sendable {
    /// Values of `cl_mem_object_type`.
    package enum Kind: UInt32, Hashable, Sendable {
        case plane = 0x10F1
        case volume = 0x10F2
        case planes = 0x10F3
        case line = 0x10F4
        case lines = 0x10F5
        case buffer = 0x10F6
    }

    package var kind: Kind
    package var format: ImageFormat
    package var width: UInt64
    package var height: UInt64
    package var depth: UInt64
    /// Images of an array.
    package var layers: UInt64
    /// Where the elements lie, of a ``Kind/buffer``.
    package var buffer: ObjectID

    package init(
        kind: Kind, format: ImageFormat, width: UInt64, height: UInt64, depth: UInt64, layers: UInt64,
        buffer: ObjectID = .none
    ) {
        self.kind = kind
        self.format = format
        self.width = width
        self.height = height
        self.depth = depth
        self.layers = layers
        self.buffer = buffer
    }

    /// Elements along each axis of an origin and a region.
    package var sides: SIMD3<UInt64> {
        switch kind {
        case .line, .buffer: SIMD3(width, 1, 1)
        case .lines: SIMD3(width, layers, 1)
        case .plane: SIMD3(width, height, 1)
        case .planes: SIMD3(width, height, layers)
        case .volume: SIMD3(width, height, depth)
        }
    }

    /// Bytes of all elements without gaps; nil for an unknown format, an empty image, or no 48-bit number.
    package var size: UInt64? {
        guard let element = format.elementSize, sides.x > 0, sides.y > 0, sides.z > 0 else { return nil }
        let greatest: UInt64 = 1 << 48
        var size = element
        for index in 0..<3 {
            let (product, overflows) = size.multipliedReportingOverflow(by: sides[index])
            guard !overflows, product < greatest else { return nil }
            size = product
        }
        return size
    }

    /// Whether the region is not empty and within the image.
    package func contains(_ origin: SIMD3<UInt64>, _ region: SIMD3<UInt64>) -> Bool {
        (0..<3).allSatisfy { axis in
            let (end, overflows) = origin[axis].addingReportingOverflow(region[axis])
            return region[axis] > 0 && !overflows && end <= sides[axis]
        }
    }
}

/// A command on a region of an image, in elements. Its data is the region's bytes without gaps.
package struct ImageCommand: Hashable, Sendable {
    package var queue: ObjectID
    package var image: ObjectID
    package var origin: SIMD3<UInt64>
    package var region: SIMD3<UInt64>
    package var order: CommandOrder

    package init(
        queue: ObjectID, image: ObjectID, origin: SIMD3<UInt64>, region: SIMD3<UInt64>,
        order: CommandOrder = CommandOrder()
    ) {
        self.queue = queue
        self.image = image
        self.origin = origin
        self.region = region
        self.order = order
    }
}

/// What is on the other side of a copy from or to an image.
package enum ImageCounterpart: Hashable, Sendable {
    case toImage(ObjectID, origin: SIMD3<UInt64>)
    case toBuffer(ObjectID, offset: UInt64)
    case fromBuffer(ObjectID, offset: UInt64)
}

/// How a kernel reads an image: values of `clCreateSampler`.
package struct SamplerDescription: Hashable, Sendable {
    package var isNormalized: Bool
    package var addressing: UInt32
    package var filter: UInt32

    package init(isNormalized: Bool, addressing: UInt32, filter: UInt32) {
        self.isNormalized = isNormalized
        self.addressing = addressing
        self.filter = filter
    }
}

extension ByteWriter {
    mutating func write(_ description: ImageDescription) {
        write(description.kind.rawValue)
        write(description.format.order)
        write(description.format.type)
        for side in [description.width, description.height, description.depth, description.layers] { write(side) }
        write(description.buffer)
    }

    mutating func write(_ command: ImageCommand) {
        write(command.queue)
        write(command.image)
        writeSides(command.origin)
        writeSides(command.region)
        write(command.order)
    }

    mutating func write(_ counterpart: ImageCounterpart) {
        switch counterpart {
        case .toImage(let image, let origin):
            write(UInt8(0))
            write(image)
            writeSides(origin)
        case .toBuffer(let buffer, let offset), .fromBuffer(let buffer, let offset):
            if case .toBuffer = counterpart { write(UInt8(1)) } else { write(UInt8(2)) }
            write(buffer)
            write(offset)
        }
    }
}

extension ByteReader {
    mutating func readImageDescription() throws(RemotingError) -> ImageDescription {
        let raw: UInt32 = try read()
        guard let kind = ImageDescription.Kind(rawValue: raw) else {
            throw RemotingError(.malformed, "an image of kind \(raw)")
        }
        let format = ImageFormat(order: try read(), type: try read())
        return ImageDescription(
            kind: kind, format: format, width: try read(), height: try read(), depth: try read(), layers: try read(),
            buffer: try readOptionalID())
    }

    mutating func readImageCommand() throws(RemotingError) -> ImageCommand {
        ImageCommand(
            queue: try readID(), image: try readID(), origin: try readSides(), region: try readSides(),
            order: try readOrder())
    }

    mutating func readCounterpart() throws(RemotingError) -> ImageCounterpart {
        switch try read(UInt8.self) {
        case 0: return .toImage(try readID(), origin: try readSides())
        case 1: return .toBuffer(try readID(), offset: try read())
        case 2: return .fromBuffer(try readID(), offset: try read())
        case let form: throw RemotingError(.malformed, "a copy of form \(form)")
        }
    }
}
