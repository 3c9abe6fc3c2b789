import COpenCL
import Glibc
import RemotingCore

typealias ProgramCallback = @convention(c) (cl_program?, UnsafeMutableRawPointer?) -> Void

/// A program, of source, of a binary or of compiled programs. Guarded by the library's lock.
final class ClientProgram: ClientObject {
    let context: ClientContext
    /// Nil where the program was made of something else.
    let source: [UInt8]?
    /// Whether it was made by linking others: such a program is not built.
    let isLinked: Bool
    /// Whether the worker has the source. It gets it when it is first needed: only a build says where headers are.
    private var hasSentSource = false
    /// The last compilation, link or build and its options; nil before the first.
    private(set) var build: ProgramBuild?
    private(set) var options: [UInt8] = []
    private(set) var binaryType = cl_program_binary_type(CL_PROGRAM_BINARY_TYPE_NONE)
    /// Whether the worker has a binary of it.
    private(set) var hasBinary = false
    /// Kernels that the program holds of it: while there are any, it is not built again.
    var kernels = 0
    var releaseCallbacks: [(ProgramCallback, UnsafeMutableRawPointer?)] = []

    init(context: ClientContext, source: [UInt8]) throws(OpenCLError) {
        self.context = context
        self.source = source
        isLinked = false
        super.init(.program, id: context.session.newID(), session: context.session)
        try session.send(.createProgram(id, context: context.id))
    }

    /// Sends the source unless that is done, with the headers of this host that `options` leads to. Throws
    /// `CL_OUT_OF_HOST_MEMORY` where they are more than a source may be.
    func sendSource(options: [UInt8] = []) throws(OpenCLError) {
        guard !hasSentSource, let source else { return }
        var headers = IncludedHeaders(options: options, read: Self.readFile)
        guard let text = headers.expand(source) else { throw OpenCLError(CL_OUT_OF_HOST_MEMORY) }
        hasSentSource = true
        // A source that is empty is one: a program of no kernels.
        for piece in Self.pieces(of: text.isEmpty ? [0x20] : text) {
            try session.send(.appendSource(program: id, piece))
        }
    }

    /// The content of an ordinary file of at most what a source may be; nil where there is none at `path`.
    private static func readFile(_ path: String) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size >= 0,
            status.st_size <= OpenCLInterface.programSource
        else { return nil }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var filled = 0
        while filled < bytes.count {
            let count = bytes.withUnsafeMutableBytes {
                read(file, $0.baseAddress?.advanced(by: filled), $0.count - filled)
            }
            guard count > 0 else { break }
            filled += count
        }
        return filled == bytes.count ? bytes : nil
    }

    /// Throws `CL_INVALID_BINARY` where the device does not take the binary.
    init(context: ClientContext, binary: [UInt8]) throws(OpenCLError) {
        self.context = context
        source = nil
        isLinked = false
        super.init(.program, id: context.session.newID(), session: context.session)
        try session.send(.createProgram(id, context: context.id))
        for piece in Self.pieces(of: binary) { try session.send(.appendBinary(program: id, piece)) }
        guard case .completed(_, let completion) = try session.call({ .loadBinary($0, program: id) }) else {
            throw OpenCLError(CL_OUT_OF_RESOURCES)
        }
        try require(completion.code == CL_SUCCESS, or: completion.code)
        hasBinary = true
        binaryType = cl_program_binary_type(CL_PROGRAM_BINARY_TYPE_EXECUTABLE)
    }

    /// Links programs of the context, and waits; throws the link's error.
    init(context: ClientContext, linking inputs: [ClientProgram], options: [UInt8]) throws(OpenCLError) {
        self.context = context
        source = nil
        isLinked = true
        super.init(.program, id: context.session.newID(), session: context.session)
        let answer = try session.call {
            .linkProgram($0, id, context: context.id, options: options[...], inputs: inputs.map(\.id))
        }
        let isLibrary = String(decoding: options, as: UTF8.self).contains("-create-library")
        try take(
            answer, options,
            cl_program_binary_type(
                isLibrary ? CL_PROGRAM_BINARY_TYPE_LIBRARY : CL_PROGRAM_BINARY_TYPE_EXECUTABLE))
    }

    deinit {
        for (callback, userData) in releaseCallbacks.reversed() {
            let handle = handle
            Library.shared.callbacks.post { callback(handle, userData) }
        }
    }

    /// Builds, waits, and throws the build's error.
    func build(options: [UInt8]) throws(OpenCLError) {
        try sendSource(options: options)
        let answer = try session.call { .buildProgram($0, program: id, options: options[...]) }
        try take(answer, options, cl_program_binary_type(CL_PROGRAM_BINARY_TYPE_EXECUTABLE))
    }

    /// Compiles, waits, and throws the compilation's error.
    func compile(options: [UInt8], headers: [ProgramHeader]) throws(OpenCLError) {
        try sendSource(options: options)
        let answer = try session.call {
            .compileProgram($0, program: id, options: options[...], headers: headers)
        }
        try take(answer, options, cl_program_binary_type(CL_PROGRAM_BINARY_TYPE_COMPILED_OBJECT))
    }

    private func take(
        _ answer: OpenCLResponse, _ options: [UInt8], _ type: cl_program_binary_type
    ) throws(OpenCLError) {
        guard case .programBuilt(_, let build) = answer else { throw OpenCLError(CL_OUT_OF_RESOURCES) }
        self.build = build
        self.options = options
        hasBinary = hasBinary || build.code == CL_SUCCESS
        binaryType = build.code == CL_SUCCESS ? type : cl_program_binary_type(CL_PROGRAM_BINARY_TYPE_NONE)
        try require(build.code == CL_SUCCESS, or: build.code)
    }

    /// The bytes of the device's binary; 0 where there is none.
    func binarySize() throws(OpenCLError) -> Int {
        guard hasBinary else { return 0 }
        let answer = try session.call {
            .queryObject($0, .program, id, parameter: cl_uint(CL_PROGRAM_BINARY_SIZES))
        }
        guard case .information(_, CL_SUCCESS, let value) = answer, value.count >= 8 else {
            throw OpenCLError(CL_OUT_OF_RESOURCES)
        }
        return value.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    /// Fills `destination`, which is as long as the binary.
    func readBinary(_ destination: UnsafeMutableRawBufferPointer) throws(OpenCLError) {
        let call = try session.begin(destination: destination) { .readBinary($0, program: id) }
        try session.wait(for: call)
        try require(call.code == CL_SUCCESS, or: call.code)
    }

    private static func pieces(of bytes: [UInt8]) -> [ArraySlice<UInt8>] {
        stride(from: 0, to: bytes.count, by: OpenCLInterface.chunk).map {
            bytes[$0..<min($0 + OpenCLInterface.chunk, bytes.count)]
        }
    }
}
