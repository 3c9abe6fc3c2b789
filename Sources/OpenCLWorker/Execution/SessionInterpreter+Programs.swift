import COpenCL
import RemotingCore

// MARK: - Builds and information

extension SessionInterpreter {
    mutating func build(_ id: ObjectID, options: [UInt8]) -> ProgramBuild {
        do throws(OpenCLFailure) {
            let program = try find(id, in: programs, orThrow: CL_INVALID_PROGRAM)
            guard !program.source.isEmpty || program.loaded != nil else { throw OpenCLFailure(CL_INVALID_BINARY) }
            guard let options = BuildOptions.confined(options) else { throw OpenCLFailure(CL_INVALID_BUILD_OPTIONS) }
            program.hasBeenBuilt = true
            let (built, outcome) =
                if let loaded = program.loaded { device.build(loaded, options: options) } else {
                    device.build(source: program.source, options: options)
                }
            if let built { program.built = built }
            return outcome.fitting(SessionLimits.framePayload)
        } catch {
            return ProgramBuild(code: error.code)
        }
    }

    mutating func compile(_ id: ObjectID, options: [UInt8], _ headers: [ProgramHeader]) -> ProgramBuild {
        do throws(OpenCLFailure) {
            let program = try find(id, in: programs, orThrow: CL_INVALID_PROGRAM)
            guard !program.source.isEmpty else { throw OpenCLFailure(CL_INVALID_OPERATION) }
            var sources: [(name: String, source: [UInt8])] = []
            for header in headers {
                // Drivers write headers to files of these names, below a folder of their own.
                guard Self.isBelow(header.name) else { throw OpenCLFailure(CL_INVALID_VALUE) }
                let program = try find(header.program, in: programs, orThrow: CL_INVALID_PROGRAM)
                sources.append((header.name, program.source))
            }
            guard let options = BuildOptions.confined(options) else {
                throw OpenCLFailure(CL_INVALID_COMPILER_OPTIONS)
            }
            program.hasBeenBuilt = true
            let (compiled, outcome) = device.compile(source: program.source, options: options, headers: sources)
            if let compiled { program.compiled = compiled }
            return outcome.fitting(SessionLimits.framePayload)
        } catch {
            return ProgramBuild(code: error.code)
        }
    }

    /// Whether a path leads to a place below where it begins.
    private static func isBelow(_ path: String) -> Bool {
        !path.isEmpty && !path.hasPrefix("/") && !path.utf8.contains(0)
            && !path.split(separator: "/").contains("..")
    }

    /// The linked program is made with the error where linking fails.
    mutating func link(_ id: ObjectID, _ context: ObjectID, options: [UInt8], _ inputs: [ObjectID]) -> ProgramBuild {
        guard programs[id] == nil, programs.count < programs.capacity else {
            return ProgramBuild(code: CL_OUT_OF_RESOURCES)
        }
        let program = HeldProgram<Device>()
        program.hasBeenBuilt = true
        do throws(OpenCLFailure) {
            try find(context, in: contexts, orThrow: CL_INVALID_CONTEXT)
            var compiled: [Device.Program] = []
            for input in inputs {
                let program = try find(input, in: programs, orThrow: CL_INVALID_PROGRAM)
                guard let object = program.compiled ?? program.loaded else { throw OpenCLFailure(CL_INVALID_OPERATION) }
                compiled.append(object)
            }
            guard let options = BuildOptions.confined(options) else { throw OpenCLFailure(CL_INVALID_LINKER_OPTIONS) }
            let (linked, outcome) = device.link(compiled, options: options)
            program.built = linked
            // A library is an input of later links.
            program.compiled = linked
            try? programs.insert(.success(program), as: id)
            return outcome.fitting(SessionLimits.framePayload)
        } catch {
            try? programs.insert(.failure(error), as: id)
            return ProgramBuild(code: error.code)
        }
    }

    /// Gives a binary that is whole to the device. Returns 0 or the error.
    mutating func load(_ id: ObjectID) -> Int32 {
        do throws(OpenCLFailure) {
            let program = try find(id, in: programs, orThrow: CL_INVALID_PROGRAM)
            guard !program.binary.isEmpty, program.loaded == nil else { throw OpenCLFailure(CL_INVALID_BINARY) }
            program.loaded = try device.load(binary: program.binary)
            return CL_SUCCESS
        } catch {
            return error.code
        }
    }

    mutating func readBinary(_ call: CallID, _ id: ObjectID, _ send: Send) throws(SessionEnd) {
        let binary = Slot { () throws(OpenCLFailure) in
            let program = try find(id, in: programs, orThrow: CL_INVALID_PROGRAM)
            guard let object = program.built ?? program.compiled ?? program.loaded else {
                throw OpenCLFailure(CL_INVALID_PROGRAM_EXECUTABLE)
            }
            return try device.binary(of: object)
        }
        var completion = Completion()
        switch binary {
        case .failure(let failure): completion.code = failure.code
        case .success(let bytes):
            var start = 0
            while start < bytes.count {
                let end = min(start + OpenCLInterface.chunk, bytes.count)
                let piece = OpenCLResponse.readData(call, offset: UInt64(start), data: bytes[start..<end])
                try answer(piece, send)
                start = end
            }
        }
        try answer(.completed(call, completion), send)
    }

    func query(_ call: CallID, _ kind: ObjectKind, _ id: ObjectID, _ parameter: UInt32) -> OpenCLResponse {
        do throws(OpenCLFailure) {
            let value = try value(kind, id, parameter)
            guard value.count <= OpenCLInterface.queriedValue else { throw OpenCLFailure(CL_OUT_OF_RESOURCES) }
            return .information(call, code: 0, value: value[...])
        } catch {
            return .information(call, code: error.code, value: [])
        }
    }

    private func value(_ kind: ObjectKind, _ id: ObjectID, _ parameter: UInt32) throws(OpenCLFailure) -> [UInt8] {
        switch kind {
        case .buffer:
            let buffer = try find(id, in: buffers, orThrow: CL_INVALID_MEM_OBJECT)
            return try device.query(.buffer(buffer.device), parameter: parameter)
        case .program:
            let program = try find(id, in: programs, orThrow: CL_INVALID_PROGRAM)
            guard let built = program.built ?? program.compiled ?? program.loaded else {
                throw OpenCLFailure(CL_INVALID_PROGRAM_EXECUTABLE)
            }
            return try device.query(.program(built), parameter: parameter)
        case .kernel:
            let kernel = try find(id, in: kernels, orThrow: CL_INVALID_KERNEL)
            return try device.query(.kernel(kernel.device), parameter: parameter)
        case .context, .queue, .event, .sampler:
            throw OpenCLFailure(CL_INVALID_VALUE)
        }
    }
}

extension ProgramBuild {
    /// The same without what makes its message longer than `bytes`: first the texts of arguments, then the log, then
    /// the kernels, without which the build has failed.
    fileprivate func fitting(_ bytes: Int) -> ProgramBuild {
        func fits(_ build: ProgramBuild) -> Bool {
            OpenCLResponse.programBuilt(CallID(rawValue: 0), build).encoded().count <= bytes
        }
        var build = self
        if fits(build) { return build }
        for kernel in build.kernels.indices {
            for argument in build.kernels[kernel].arguments.indices {
                build.kernels[kernel].arguments[argument].typeName = ""
                build.kernels[kernel].arguments[argument].name = ""
            }
        }
        if fits(build) { return build }
        build.log = []
        return fits(build) ? build : ProgramBuild(code: CL_OUT_OF_HOST_MEMORY)
    }
}
