extension OpenCLRequest: WireMessage {
    package var kind: UInt16 {
        switch self {
        case .createContext: 1
        case .createQueue: 2
        case .createBuffer: Self.createBufferKind
        case .createProgram: 4
        case .appendSource: 5
        case .buildProgram: 6
        case .createKernel: 7
        case .setArgument: 8
        case .release: 9
        case .writeBuffer: 10
        case .readBuffer: 11
        case .copyBuffer: 12
        case .fillBuffer: 13
        case .launchKernel: 14
        case .marker: 15
        case .flush: 16
        case .finish: 17
        case .waitForEvents: 18
        case .queryEvent: 19
        case .queryObject: 20
        case .createSubBuffer: Self.createSubBufferKind
        case .writeRectangle: 22
        case .readRectangle: 23
        case .copyRectangle: 24
        case .createUserEvent: 25
        case .setUserEventStatus: 26
        case .watchEvent: 27
        case .compileProgram: 28
        case .linkProgram: 29
        case .appendBinary: 30
        case .loadBinary: 31
        case .readBinary: 32
        case .createImage: Self.createImageKind
        case .writeImage: 34
        case .readImage: 35
        case .copyImage: 36
        case .fillImage: 37
        case .createSampler: 38
        case .queryFormats: 39
        }
    }

    /// The ``kind`` of ``createBuffer(_:context:flags:size:)``, by which a client knows its deferred errors.
    package static let createBufferKind: UInt16 = 3
    /// The ``kind`` of ``createSubBuffer(_:parent:flags:origin:size:)``.
    package static let createSubBufferKind: UInt16 = 21
    /// The ``kind`` of ``createImage(_:context:flags:_:)``.
    package static let createImageKind: UInt16 = 33

    /// A write's message without its data, which follows it in the same frame: `command.size` bytes, at most 256 KiB.
    package static func writeBufferHead(_ command: BufferCommand) -> [UInt8] {
        precondition(command.size <= OpenCLInterface.chunk)
        return OpenCLRequest.writeBuffer(command, data: []).head(bulk: Int(command.size))
    }

    package func writeBody(to writer: inout ByteWriter) {
        switch self {
        case .createContext(let context):
            writer.write(context)
        case .createQueue(let queue, let context, let properties):
            writer.write(queue)
            writer.write(context)
            writer.write(properties)
        case .createBuffer(let buffer, let context, let flags, let size):
            writer.write(buffer)
            writer.write(context)
            writer.write(flags)
            writer.write(size)
        case .createProgram(let program, let context):
            writer.write(program)
            writer.write(context)
        case .appendSource(let program, let source):
            writer.write(program)
            writer.write(blob: source)
        case .buildProgram(let call, let program, let options):
            writer.write(call)
            writer.write(program)
            writer.write(blob: options)
        case .createKernel(let kernel, let program, let name):
            writer.write(kernel)
            writer.write(program)
            writer.write(text: name, maximum: OpenCLInterface.name)
        case .setArgument(let kernel, let index, let argument):
            writer.write(kernel)
            writer.write(index)
            writer.write(argument)
        case .release(let kind, let object):
            writer.write(kind.rawValue)
            writer.write(object)
        default:
            writeCommand(to: &writer)
        }
    }

    private func writeCommand(to writer: inout ByteWriter) {
        switch self {
        case .writeBuffer(let command, let data):
            writer.write(command)
            writer.write(blob: data)
        case .readBuffer(let call, let command):
            writer.write(call)
            writer.write(command)
        case .copyBuffer(let copy):
            writer.write(copy)
        case .fillBuffer(let command, let pattern):
            writer.write(command)
            writer.write(blob: pattern)
        case .launchKernel(let launch):
            writer.write(launch)
        case .marker(let queue, let order, let isBarrier):
            writer.write(queue)
            writer.write(UInt8(isBarrier ? 1 : 0))
            writer.write(order)
        case .flush(let queue):
            writer.write(queue)
        case .finish(let call, let queue):
            writer.write(call)
            writer.write(queue)
        case .waitForEvents(let call, let events):
            writer.write(call)
            writer.write(events)
        case .queryEvent(let call, let event):
            writer.write(call)
            writer.write(event)
        case .queryObject(let call, let kind, let object, let parameter):
            writer.write(call)
            writer.write(kind.rawValue)
            writer.write(object)
            writer.write(parameter)
        default:
            writeLater(to: &writer)
        }
    }

    package init(kind: UInt16, body: inout ByteReader) throws(RemotingError) {
        switch kind {
        case 1: self = .createContext(try body.readID())
        case 2:
            self = .createQueue(try body.readID(), context: try body.readID(), properties: try body.read())
        case 3:
            self = .createBuffer(
                try body.readID(), context: try body.readID(), flags: try body.read(), size: try body.read())
        case 4: self = .createProgram(try body.readID(), context: try body.readID())
        case 5:
            self = .appendSource(
                program: try body.readID(), try body.readBlob(maximum: OpenCLInterface.chunk))
        case 6:
            self = .buildProgram(
                try body.readCall(), program: try body.readID(),
                options: try body.readBlob(maximum: OpenCLInterface.buildOptions))
        case 7:
            self = .createKernel(
                try body.readID(), program: try body.readID(),
                name: try body.readText(maximum: OpenCLInterface.name))
        case 8:
            self = .setArgument(
                kernel: try body.readID(), index: try body.read(), try body.readArgument())
        case 9: self = .release(try body.readKind(), try body.readID())
        default: try self.init(commandKind: kind, body: &body)
        }
    }

    private init(commandKind: UInt16, body: inout ByteReader) throws(RemotingError) {
        switch commandKind {
        case 10:
            let command = try body.readBufferCommand()
            let data = try body.readBlob(maximum: OpenCLInterface.chunk)
            guard UInt64(data.count) == command.size else {
                throw RemotingError(.malformed, "a write of \(command.size) bytes with \(data.count)")
            }
            self = .writeBuffer(command, data: data)
        case 11: self = .readBuffer(try body.readCall(), try body.readBufferCommand())
        case 12: self = .copyBuffer(try body.readBufferCopy())
        case 13:
            let command = try body.readBufferCommand()
            let pattern = try body.readBlob(maximum: OpenCLInterface.fillPattern)
            guard pattern.count > 0, pattern.count & (pattern.count - 1) == 0 else {
                throw RemotingError(.malformed, "a fill pattern of \(pattern.count) bytes")
            }
            self = .fillBuffer(command, pattern: pattern)
        case 14: self = .launchKernel(try body.readLaunch())
        case 15:
            let queue = try body.readID()
            let isBarrier = try body.readFlag()
            self = .marker(queue: queue, try body.readOrder(), isBarrier: isBarrier)
        case 16: self = .flush(queue: try body.readID())
        case 17: self = .finish(try body.readCall(), queue: try body.readID())
        case 18: self = .waitForEvents(try body.readCall(), try body.readIDs())
        case 19: self = .queryEvent(try body.readCall(), try body.readID())
        case 20:
            self = .queryObject(
                try body.readCall(), try body.readKind(), try body.readID(), parameter: try body.read())
        default: try self.init(laterKind: commandKind, body: &body)
        }
    }
}

extension ByteWriter {
    mutating func write(_ command: BufferCommand) {
        write(command.queue)
        write(command.buffer)
        write(command.offset)
        write(command.size)
        write(command.order)
    }

    mutating func write(_ copy: BufferCopy) {
        write(copy.queue)
        write(copy.source)
        write(copy.destination)
        write(copy.sourceOffset)
        write(copy.destinationOffset)
        write(copy.size)
        write(copy.order)
    }

    mutating func write(_ argument: KernelArgument) {
        switch argument {
        case .value(let bytes):
            write(UInt8(0))
            write(blob: bytes)
        case .buffer(let buffer):
            write(UInt8(1))
            write(buffer)
        case .local(let size):
            write(UInt8(2))
            write(size)
        case .sampler(let sampler):
            write(UInt8(3))
            write(sampler)
        }
    }

    mutating func write(_ launch: KernelLaunch) {
        write(launch.queue)
        write(launch.kernel)
        write(launch.dimensions)
        for vector in [launch.globalOffset, launch.globalSize, launch.localSize] {
            for index in 0..<Int(launch.dimensions) { write(vector[index]) }
        }
        write(launch.order)
    }
}

extension ByteReader {
    mutating func readBufferCommand() throws(RemotingError) -> BufferCommand {
        BufferCommand(
            queue: try readID(), buffer: try readID(), offset: try read(), size: try read(), order: try readOrder())
    }

    mutating func readBufferCopy() throws(RemotingError) -> BufferCopy {
        BufferCopy(
            queue: try readID(), source: try readID(), destination: try readID(), sourceOffset: try read(),
            destinationOffset: try read(), size: try read(), order: try readOrder())
    }

    mutating func readArgument() throws(RemotingError) -> KernelArgument {
        switch try read(UInt8.self) {
        case 0: return .value(try readBlob(maximum: OpenCLInterface.argumentValue))
        case 1: return .buffer(try readOptionalID())
        case 2: return .local(size: try read())
        case 3: return .sampler(try readID())
        case let form: throw RemotingError(.malformed, "an argument of form \(form)")
        }
    }

    mutating func readLaunch() throws(RemotingError) -> KernelLaunch {
        let queue = try readID()
        let kernel = try readID()
        let dimensions: UInt8 = try read()
        guard (1...3).contains(dimensions) else {
            throw RemotingError(.malformed, "an index space of \(dimensions) dimensions")
        }
        let offset = try readVector(dimensions)
        let global = try readVector(dimensions)
        let local = try readVector(dimensions)
        return KernelLaunch(
            queue: queue, kernel: kernel, dimensions: dimensions, globalOffset: offset, globalSize: global,
            localSize: local, order: try readOrder())
    }

    mutating func readFlag() throws(RemotingError) -> Bool {
        switch try read(UInt8.self) {
        case 0: return false
        case 1: return true
        case let value: throw RemotingError(.malformed, "a flag of value \(value)")
        }
    }

    private mutating func readVector(_ dimensions: UInt8) throws(RemotingError) -> SIMD3<UInt64> {
        var vector = SIMD3<UInt64>.zero
        for index in 0..<Int(dimensions) { vector[index] = try read() }
        return vector
    }
}
