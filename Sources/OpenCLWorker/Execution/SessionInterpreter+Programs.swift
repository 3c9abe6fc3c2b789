import COpenCL
import RemotingCore

// MARK: - Builds and information

extension SessionInterpreter {
    mutating func build(_ id: ObjectID, options: [UInt8]) -> ProgramBuild {
        do throws(OpenCLFailure) {
            let program = try find(id, in: programs, orThrow: CL_INVALID_PROGRAM)
            guard !program.source.isEmpty else { throw OpenCLFailure(CL_INVALID_VALUE) }
            program.hasBeenBuilt = true
            let (built, outcome) = device.build(source: program.source, options: options)
            if let built { program.built = built }
            return outcome.fitting(SessionLimits.framePayload)
        } catch {
            return ProgramBuild(code: error.code)
        }
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
            guard let built = program.built else { throw OpenCLFailure(CL_INVALID_PROGRAM_EXECUTABLE) }
            return try device.query(.program(built), parameter: parameter)
        case .kernel:
            let kernel = try find(id, in: kernels, orThrow: CL_INVALID_KERNEL)
            return try device.query(.kernel(kernel.device), parameter: parameter)
        case .context, .queue, .event:
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
