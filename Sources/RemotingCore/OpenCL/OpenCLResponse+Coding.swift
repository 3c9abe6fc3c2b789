extension OpenCLResponse: WireMessage {
    package var kind: UInt16 {
        switch self {
        case .completed: 1
        case .readData: 2
        case .programBuilt: 3
        case .eventStatus: 4
        case .information: 5
        case .output: 6
        }
    }

    /// The call that is answered; 0 where it is none.
    package var call: CallID {
        switch self {
        case .completed(let call, _), .readData(let call, _, _), .programBuilt(let call, _),
            .eventStatus(let call, _), .information(let call, _, _):
            call
        case .output:
            CallID(rawValue: 0)
        }
    }

    /// A read's message without its data, which follows it in the same frame: `size` bytes, at most 256 KiB.
    package static func readDataHead(_ call: CallID, offset: UInt64, size: Int) -> [UInt8] {
        precondition(size <= OpenCLInterface.chunk)
        return OpenCLResponse.readData(call, offset: offset, data: []).head(bulk: size)
    }

    /// What a payload of one read's answer begins with, where it is that: the call, and from where in its region
    /// `count` bytes of data come, which are all the rest of the payload.
    package static func readDataPlace(head: [UInt8], count: Int) -> (call: CallID, offset: UInt64)? {
        var reader = ByteReader(head)
        guard let length: UInt32 = try? reader.read(), Int(length) == head.count - WireMessageHeader.length + count,
            let kind: UInt16 = try? reader.read(), kind == 2, let reserved: UInt16 = try? reader.read(), reserved == 0,
            let call = try? reader.readCall(), let offset: UInt64 = try? reader.read(),
            let size: UInt32 = try? reader.read(), Int(size) == count, count <= OpenCLInterface.chunk,
            reader.remaining == 0
        else { return nil }
        return (call, offset)
    }

    package func writeBody(to writer: inout ByteWriter) {
        if case .output(let bytes) = self { return writer.write(blob: bytes.prefix(OpenCLInterface.chunk)) }
        writer.write(call)
        switch self {
        case .completed(_, let completion):
            writer.write(completion.code)
            let errors = completion.deferred.prefix(OpenCLInterface.deferredErrors)
            writer.write(UInt32(errors.count))
            for error in errors {
                writer.write(error.request)
                writer.write(error.object)
                writer.write(error.code)
            }
        case .readData(_, let offset, let data):
            writer.write(offset)
            writer.write(blob: data)
        case .programBuilt(_, let build):
            writer.write(build.code)
            writer.write(blob: build.log.prefix(OpenCLInterface.buildLog))
            let kernels = build.kernels.prefix(OpenCLInterface.kernelsPerProgram)
            writer.write(UInt32(kernels.count))
            for kernel in kernels { writer.write(kernel) }
        case .eventStatus(_, let event):
            writer.write(event.code)
            writer.write(event.status)
            for time in [event.queued, event.submitted, event.started, event.ended] { writer.write(time) }
        case .information(_, let code, let value):
            writer.write(code)
            writer.write(blob: value.prefix(OpenCLInterface.queriedValue))
        case .output:
            break
        }
    }

    package init(kind: UInt16, body: inout ByteReader) throws(RemotingError) {
        if kind == 6 {
            self = .output(try body.readBlob(maximum: OpenCLInterface.chunk))
            return
        }
        let call = try body.readCall()
        switch kind {
        case 1:
            var completion = Completion(code: try body.read())
            for _ in 0..<(try body.readCount(maximum: OpenCLInterface.deferredErrors)) {
                completion.deferred.append(
                    DeferredError(
                        request: try body.read(), object: try body.readOptionalID(), code: try body.read()))
            }
            self = .completed(call, completion)
        case 2:
            self = .readData(
                call, offset: try body.read(), data: try body.readBlob(maximum: OpenCLInterface.chunk))
        case 3:
            var build = ProgramBuild(
                code: try body.read(), log: try body.readBlob(maximum: OpenCLInterface.buildLog))
            for _ in 0..<(try body.readCount(maximum: OpenCLInterface.kernelsPerProgram)) {
                build.kernels.append(try body.readKernel())
            }
            self = .programBuilt(call, build)
        case 4:
            self = .eventStatus(
                call,
                EventStatus(
                    code: try body.read(), status: try body.read(), queued: try body.read(),
                    submitted: try body.read(), started: try body.read(), ended: try body.read()))
        case 5:
            self = .information(
                call, code: try body.read(), value: try body.readBlob(maximum: OpenCLInterface.queriedValue))
        default: throw RemotingError(.unexpected, "a response of unknown kind \(kind)")
        }
    }
}

extension ByteWriter {
    fileprivate mutating func write(_ kernel: KernelDescription) {
        write(text: kernel.name, maximum: OpenCLInterface.name)
        write(kernel.workGroupSize)
        write(kernel.preferredWorkGroupMultiple)
        for index in 0..<3 { write(kernel.requiredWorkGroupSize[index]) }
        write(kernel.localMemory)
        write(kernel.privateMemory)
        let arguments = kernel.arguments.prefix(OpenCLInterface.argumentsPerKernel)
        write(UInt32(arguments.count))
        for argument in arguments {
            write(argument.addressQualifier)
            write(argument.accessQualifier)
            write(argument.typeQualifier)
            write(text: argument.typeName, maximum: OpenCLInterface.name)
            write(text: argument.name, maximum: OpenCLInterface.name)
        }
    }
}

extension ByteReader {
    fileprivate mutating func readKernel() throws(RemotingError) -> KernelDescription {
        var kernel = KernelDescription(
            name: try readText(maximum: OpenCLInterface.name), arguments: [], workGroupSize: try read(),
            preferredWorkGroupMultiple: try read(),
            requiredWorkGroupSize: SIMD3(try read(), try read(), try read()), localMemory: try read(),
            privateMemory: try read())
        for _ in 0..<(try readCount(maximum: OpenCLInterface.argumentsPerKernel)) {
            kernel.arguments.append(
                KernelArgumentDescription(
                    addressQualifier: try read(), accessQualifier: try read(), typeQualifier: try read(),
                    typeName: try readText(maximum: OpenCLInterface.name),
                    name: try readText(maximum: OpenCLInterface.name)))
        }
        return kernel
    }
}
