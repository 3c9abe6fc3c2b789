import COpenCL
import DeviceDrivers
import Glibc
import RemotingCore

// MARK: - Builds, compilations and links

extension OpenCLComputeDevice {
    /// Runs the driver's compiler within what it may take of the host's memory.
    func bounded<Outcome>(_ compilation: () -> Outcome) -> Outcome {
        buildMemory?.during(compilation) ?? compilation()
    }

    /// Builds so that kernels say what their arguments are, which compilers do only when told to; without it where what was
    /// compiled so is refused by the compiler's own assembler: NVIDIA's (580.159) does so of a kernel without arguments.
    private func keepingArgumentInformation(
        of program: Program, _ options: [UInt8], _ build: ([CChar]) -> cl_int
    ) -> cl_int {
        let code = build(Self.text(options + Array(" -cl-kernel-arg-info".utf8)))
        let isRefused = code == CL_BUILD_PROGRAM_FAILURE || code == CL_COMPILE_PROGRAM_FAILURE
        guard isRefused, BuildLog.tellsOfBackend(log(of: program)) else { return code }
        return build(Self.text(options))
    }

    /// Waits for a build no longer than it may take.
    private func limited(_ build: @escaping () -> (Program?, ProgramBuild)) -> (Program?, ProgramBuild) {
        switch builds.run({ [self] in bounded(build) }) {
        case .ended(let result): return result
        case .tookTooLong:
            return (nil, ProgramBuild(code: CL_BUILD_PROGRAM_FAILURE, log: BuildLog.givenUp))
        case .refused:
            let log = Array("A build that was given up is not over yet.\n".utf8)
            return (nil, ProgramBuild(code: CL_OUT_OF_RESOURCES, log: log[...]))
        }
    }

    /// The longest that a build may take.
    private var longestBuild: Duration { builds.limit }

    func build(source: [UInt8], options: [UInt8]) -> (Program?, ProgramBuild) {
        let build = SourceBuild(step: .build, options: options, source: source)
        let digest = history?.digest(of: build)
        if let digest, let made = ahead?.take(digest, within: longestBuild) {
            history?.note(build, digest)
            return made
        }
        return compiledApart(build, digest)
    }

    /// Has the source compiled in the compiler's process first, where there is one and the source is new to it: the build
    /// here then finds it in the driver's cache, and what the source does to a compiler it has done elsewhere.
    private func compiledApart(_ build: SourceBuild, _ digest: ProgramDigest?) -> (Program?, ProgramBuild) {
        var words: ArraySlice<UInt8> = []
        if let compiler, !(digest.map { history?.knows($0) ?? false } ?? false) {
            let failure = build.step == .build ? CL_BUILD_PROGRAM_FAILURE : CL_COMPILE_PROGRAM_FAILURE
            switch compiler.compile(build) {
            case .compiled(let outcome) where outcome.code == CL_SUCCESS: words = outcome.log
            case .compiled(let outcome): return (nil, outcome)
            case .died(let how): return (nil, ProgramBuild(code: failure, log: BuildLog.ofCompiler(ended: how)))
            case .tookTooLong: return (nil, ProgramBuild(code: failure, log: BuildLog.givenUp))
            case .unavailable: break
            }
        }
        var (program, outcome) = limited { [self] in carryOut(build) }
        // A build from the cache has no words of its own.
        if outcome.log.isEmpty { outcome.log = words }
        if program != nil, let digest { history?.note(build, digest) }
        return (program, outcome)
    }

    /// Builds or compiles as long as it takes. May be called on any thread, beside commands.
    func carryOut(_ build: SourceBuild) -> (Program?, ProgramBuild) {
        switch build.step {
        case .compile:
            return compileUnlimited(source: build.source, options: build.options, headers: build.headers)
        case .build:
            do { return buildUnlimited(try makeProgram(build.source), options: build.options) } catch {
                return (nil, ProgramBuild(code: error.code))
            }
        }
    }

    func build(_ program: Program, options: [UInt8]) -> (Program?, ProgramBuild) {
        limited { [self] in buildUnlimited(program, options: options) }
    }

    private func buildUnlimited(_ program: Program, options: [UInt8]) -> (Program?, ProgramBuild) {
        var devices: [cl_device_id?] = [handle]
        let code = keepingArgumentInformation(of: program, options) { text in
            functions.buildProgram(program.handle, 1, &devices, text, nil, nil)
        }
        return outcome(program, code, hasKernels: true)
    }

    func compile(
        source: [UInt8], options: [UInt8], headers: [(name: String, source: [UInt8])]
    ) -> (Program?, ProgramBuild) {
        let build = SourceBuild(step: .compile, options: options, source: source, headers: headers)
        return compiledApart(build, history?.digest(of: build))
    }

    private func compileUnlimited(
        source: [UInt8], options: [UInt8], headers: [(name: String, source: [UInt8])]
    ) -> (Program?, ProgramBuild) {
        let program: CompiledProgram
        var included: [Program] = []
        do {
            program = try makeProgram(source)
            // A header that is empty is no program: it is left as one blank.
            for header in headers { included.append(try makeProgram(header.source.isEmpty ? [0x20] : header.source)) }
        } catch {
            return (nil, ProgramBuild(code: error.code))
        }
        let code = keepingArgumentInformation(of: program, options) { [self] text in
            compile(program, text, headers.map(\.name), included)
        }
        program.compileWithoutInformation = { [self, unowned program] in
            compile(program, Self.text(options), headers.map(\.name), included)
        }
        return outcome(program, code, hasKernels: false)
    }

    private func compile(
        _ program: Program, _ options: [CChar], _ names: [String], _ included: [Program]
    ) -> cl_int {
        var devices: [cl_device_id?] = [handle]
        var handles: [cl_program?] = included.map(\.handle)
        let names = names.map { strdup($0) }
        defer { for name in names { free(name) } }
        var pointers = names.map { UnsafePointer<CChar>($0) }
        let count = cl_uint(included.count)
        return included.isEmpty
            ? functions.compileProgram(program.handle, 1, &devices, options, 0, nil, nil, nil, nil)
            : functions.compileProgram(program.handle, 1, &devices, options, count, &handles, &pointers, nil, nil)
    }

    func link(_ programs: [Program], options: [UInt8]) -> (Program?, ProgramBuild) {
        limited { [self] in linkUnlimited(programs, options: options) }
    }

    /// Links; once more, of programs compiled again without argument information, where the driver refuses without a word:
    /// NVIDIA's does so of what ``keepingArgumentInformation(of:_:_:)`` says, which it compiles without complaint.
    private func linkUnlimited(_ programs: [Program], options: [UInt8]) -> (Program?, ProgramBuild) {
        let (program, outcome) = linkOnce(programs, options: options)
        let compilations = programs.compactMap { ($0 as? CompiledProgram)?.compileWithoutInformation }
        guard outcome.code == CL_LINK_PROGRAM_FAILURE, outcome.log.isEmpty, !compilations.isEmpty,
            compilations.allSatisfy({ $0() == CL_SUCCESS })
        else { return (program, outcome) }
        return linkOnce(programs, options: options)
    }

    private func linkOnce(_ programs: [Program], options: [UInt8]) -> (Program?, ProgramBuild) {
        var devices: [cl_device_id?] = [handle]
        var handles: [cl_program?] = programs.map(\.handle)
        var status: cl_int = CL_SUCCESS
        let made = functions.linkProgram(
            context, 1, &devices, Self.text(options), cl_uint(programs.count), &handles, nil, nil, &status)
        guard let made else {
            return (nil, ProgramBuild(code: status == CL_SUCCESS ? CL_LINK_PROGRAM_FAILURE : status))
        }
        return outcome(Program(made, releasedBy: functions.releaseProgram), status, hasKernels: true)
    }

    private static func text(_ options: [UInt8]) -> [CChar] {
        (options.filter { $0 != 0 } + [0]).map { CChar(bitPattern: $0) }
    }

    private func makeProgram(_ source: [UInt8]) throws(OpenCLFailure) -> CompiledProgram {
        var status: cl_int = CL_SUCCESS
        let made = source.withUnsafeBytes { bytes in
            var text = bytes.bindMemory(to: CChar.self).baseAddress
            var length = bytes.count
            return functions.createProgramWithSource(context, 1, &text, &length, &status)
        }
        guard let made else { throw OpenCLFailure(status) }
        return CompiledProgram(made, releasedBy: functions.releaseProgram)
    }

    private func log(of program: Program) -> ArraySlice<UInt8> {
        let log = readOpenCLValue {
            functions.getProgramBuildInfo(program.handle, handle, cl_uint(CL_PROGRAM_BUILD_LOG), $0, $1, $2)
        }
        return (log ?? []).prefix { $0 != 0 }.prefix(OpenCLInterface.buildLog)
    }

    private func outcome(_ program: Program, _ code: cl_int, hasKernels: Bool) -> (Program?, ProgramBuild) {
        let words = log(of: program)
        guard code == CL_SUCCESS else { return (nil, ProgramBuild(code: code, log: words)) }
        return (
            program, ProgramBuild(code: CL_SUCCESS, log: words, kernels: hasKernels ? describeKernels(of: program) : [])
        )
    }
}

/// A program made of source.
private final class CompiledProgram: OpenCLObject<cl_program> {
    /// Compiles it as its client said, without what makes kernels say what their arguments are; nil where it was built.
    var compileWithoutInformation: (() -> cl_int)?
}
