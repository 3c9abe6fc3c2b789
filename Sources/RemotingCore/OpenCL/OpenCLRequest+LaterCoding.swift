// Requests of kinds 21 and above.

extension OpenCLRequest {
    /// A rectangle's write without its data, which follows it in the same frame: `size` bytes, at most 256 KiB.
    package static func writeRectangleHead(_ command: RectangleCommand, size: Int) -> [UInt8] {
        precondition(size <= OpenCLInterface.chunk)
        return OpenCLRequest.writeRectangle(command, data: []).head(bulk: size)
    }

    func writeLater(to writer: inout ByteWriter) {
        switch self {
        case .createSubBuffer(let buffer, let parent, let flags, let origin, let size):
            writer.write(buffer)
            writer.write(parent)
            for number in [flags, origin, size] { writer.write(number) }
        case .writeRectangle(let command, let data):
            writer.write(command)
            writer.write(blob: data)
        case .readRectangle(let call, let command):
            writer.write(call)
            writer.write(command)
        case .copyRectangle(let copy):
            writer.write(copy)
        case .createUserEvent(let event, let context):
            writer.write(event)
            writer.write(context)
        case .setUserEventStatus(let event, let status):
            writer.write(event)
            writer.write(status)
        case .watchEvent(let call, let event):
            writer.write(call)
            writer.write(event)
        case .compileProgram(let call, let program, let options, let headers):
            writer.write(call)
            writer.write(program)
            writer.write(blob: options)
            writer.write(UInt32(headers.count))
            for header in headers {
                writer.write(text: header.name, maximum: OpenCLInterface.name)
                writer.write(header.program)
            }
        case .linkProgram(let call, let program, let context, let options, let inputs):
            writer.write(call)
            writer.write(program)
            writer.write(context)
            writer.write(blob: options)
            writer.write(inputs)
        case .appendBinary(let program, let binary):
            writer.write(program)
            writer.write(blob: binary)
        case .loadBinary(let call, let program), .readBinary(let call, let program):
            writer.write(call)
            writer.write(program)
        default:
            writeImage(to: &writer)
        }
    }

    /// An image's write without its data, which follows it in the same frame: `size` bytes, at most 256 KiB.
    package static func writeImageHead(_ command: ImageCommand, size: Int) -> [UInt8] {
        precondition(size <= OpenCLInterface.chunk)
        return OpenCLRequest.writeImage(command, data: []).head(bulk: size)
    }

    private func writeImage(to writer: inout ByteWriter) {
        switch self {
        case .createImage(let image, let context, let flags, let description):
            writer.write(image)
            writer.write(context)
            writer.write(flags)
            writer.write(description)
        case .writeImage(let command, let data):
            writer.write(command)
            writer.write(blob: data)
        case .readImage(let call, let command):
            writer.write(call)
            writer.write(command)
        case .copyImage(let command, let counterpart):
            writer.write(command)
            writer.write(counterpart)
        case .fillImage(let command, let color):
            writer.write(command)
            writer.write(blob: color)
        case .createSampler(let sampler, let context, let description):
            writer.write(sampler)
            writer.write(context)
            writer.write(UInt8(description.isNormalized ? 1 : 0))
            writer.write(description.addressing)
            writer.write(description.filter)
        case .queryFormats(let call, let flags, let kind):
            writer.write(call)
            writer.write(flags)
            writer.write(kind)
        default:
            preconditionFailure("written by writeBody")
        }
    }

    private init(imageKind kind: UInt16, body: inout ByteReader) throws(RemotingError) {
        switch kind {
        case Self.createImageKind:
            self = .createImage(
                try body.readID(), context: try body.readID(), flags: try body.read(),
                try body.readImageDescription())
        case 34:
            self = .writeImage(try body.readImageCommand(), data: try body.readBlob(maximum: OpenCLInterface.chunk))
        case 35: self = .readImage(try body.readCall(), try body.readImageCommand())
        case 36: self = .copyImage(try body.readImageCommand(), try body.readCounterpart())
        case 37:
            let command = try body.readImageCommand()
            let color = try body.readBlob(maximum: OpenCLInterface.imageColor)
            guard color.count == OpenCLInterface.imageColor else {
                throw RemotingError(.malformed, "a color of \(color.count) bytes")
            }
            self = .fillImage(command, color: color)
        case 38:
            let (sampler, context) = (try body.readID(), try body.readID())
            let isNormalized = try body.readFlag()
            self = .createSampler(
                sampler, context: context,
                SamplerDescription(isNormalized: isNormalized, addressing: try body.read(), filter: try body.read()))
        case 39: self = .queryFormats(try body.readCall(), flags: try body.read(), kind: try body.read())
        default: throw RemotingError(.unexpected, "a request of unknown kind \(kind)")
        }
    }

    init(laterKind kind: UInt16, body: inout ByteReader) throws(RemotingError) {
        switch kind {
        case Self.createSubBufferKind:
            self = .createSubBuffer(
                try body.readID(), parent: try body.readID(), flags: try body.read(), origin: try body.read(),
                size: try body.read())
        case 22:
            let command = try body.readRectangleCommand()
            let data = try body.readBlob(maximum: OpenCLInterface.chunk)
            guard UInt64(data.count) == command.size else {
                throw RemotingError(.malformed, "a rectangle of another size than its \(data.count) bytes")
            }
            self = .writeRectangle(command, data: data)
        case 23: self = .readRectangle(try body.readCall(), try body.readRectangleCommand())
        case 24: self = .copyRectangle(try body.readRectangleCopy())
        case 25: self = .createUserEvent(try body.readID(), context: try body.readID())
        case 26: self = .setUserEventStatus(try body.readID(), status: try body.read())
        case 27: self = .watchEvent(try body.readCall(), try body.readID())
        case 28:
            self = .compileProgram(
                try body.readCall(), program: try body.readID(),
                options: try body.readBlob(maximum: OpenCLInterface.buildOptions), headers: try body.readHeaders())
        case 29:
            self = .linkProgram(
                try body.readCall(), try body.readID(), context: try body.readID(),
                options: try body.readBlob(maximum: OpenCLInterface.buildOptions), inputs: try body.readIDs())
        case 30:
            self = .appendBinary(program: try body.readID(), try body.readBlob(maximum: OpenCLInterface.chunk))
        case 31: self = .loadBinary(try body.readCall(), program: try body.readID())
        case 32: self = .readBinary(try body.readCall(), program: try body.readID())
        default: try self.init(imageKind: kind, body: &body)
        }
    }
}

extension ByteReader {
    fileprivate mutating func readHeaders() throws(RemotingError) -> [ProgramHeader] {
        var headers: [ProgramHeader] = []
        for _ in 0..<(try readCount(maximum: OpenCLInterface.programHeaders)) {
            headers.append(
                ProgramHeader(name: try readText(maximum: OpenCLInterface.name), program: try readID()))
        }
        return headers
    }
}
