import COpenCL
import RemotingCore

/// A device that does not exist, for tests: it keeps the bytes of buffers, accepts kernels, and runs none. It says so
/// in its name and in every build log.
final class SyntheticComputeDevice: ComputeDevice {
    static let disclaimer = "synthetic device: kernels are accepted and not run"

    final class Buffer {
        private let memory: Memory
        private let range: Range<Int>
        let flags: UInt64

        init(size: Int, flags: UInt64) {
            memory = Memory(bytes: [UInt8](repeating: 0, count: size))
            range = 0..<size
            self.flags = flags
        }

        init(part range: Range<Int>, of parent: Buffer, flags: UInt64) {
            memory = parent.memory
            self.range = range
            self.flags = flags
        }

        var count: Int { range.count }

        /// `part` counts from the buffer's start.
        subscript(part: Range<Int>) -> [UInt8] {
            get { Array(memory.bytes[moved(part)]) }
            set { memory.bytes.replaceSubrange(moved(part), with: newValue) }
        }

        private func moved(_ part: Range<Int>) -> Range<Int> {
            range.lowerBound + part.lowerBound..<range.lowerBound + part.upperBound
        }
    }
    private final class Memory {
        var bytes: [UInt8]
        init(bytes: [UInt8]) { self.bytes = bytes }
    }
    final class Program {
        let source: [UInt8]
        let kernels: [KernelDescription]
        init(source: [UInt8]) {
            self.source = source
            kernels = KernelScanner(source: source).kernels
        }
    }
    final class Kernel {
        let description: KernelDescription
        init(_ description: KernelDescription) { self.description = description }
    }
    /// There are no images, and so there is none of these.
    final class Sampler {}
    /// Commands end as they are enqueued, in no time.
    final class Event: DeviceEvent {
        func wait() -> Int32 { 0 }
        func status() -> EventStatus { EventStatus(status: CL_COMPLETE) }
        func ending() -> CommandEnding? { CommandEnding(code: CL_SUCCESS, busyNanoseconds: 0) }
    }

    let greatestBuffer: UInt64 = 1 << 40
    let localMemory: UInt64 = 32 << 10
    let output: KernelOutput? = nil

    var information: DeviceInformation {
        var information = DeviceInformation()
        let name = Array("Presync synthetic device\0".utf8)
        information.platform[UInt32(CL_PLATFORM_NAME)] = name
        information.device[UInt32(CL_DEVICE_NAME)] = name
        information.device[UInt32(CL_DEVICE_VENDOR)] = Array("Presync\0".utf8)
        information.device[UInt32(CL_DEVICE_VERSION)] = Array("OpenCL 1.2 \(Self.disclaimer)\0".utf8)
        information.device[UInt32(CL_DEVICE_TYPE)] = Self.encoded(UInt64(CL_DEVICE_TYPE_CUSTOM))
        information.device[UInt32(CL_DEVICE_MAX_COMPUTE_UNITS)] = Self.encoded(UInt32(1))
        information.device[UInt32(CL_DEVICE_MAX_MEM_ALLOC_SIZE)] = Self.encoded(greatestBuffer)
        information.device[UInt32(CL_DEVICE_LOCAL_MEM_SIZE)] = Self.encoded(localMemory)
        return information
    }

    func makeBuffer(flags: UInt64, size: Int) -> Buffer { Buffer(size: size, flags: flags) }

    func makeSubBuffer(of parent: Buffer, flags: UInt64, origin: Int, size: Int) -> Buffer {
        Buffer(part: origin..<origin + size, of: parent, flags: flags)
    }

    func write(_ bytes: UnsafeRawBufferPointer, to buffer: Buffer, at offset: Int) -> Event {
        buffer[offset..<offset + bytes.count] = Array(bytes)
        return Event()
    }

    func enqueueWrite(_ bytes: ArraySlice<UInt8>, to buffer: Buffer, at offset: Int) -> Event {
        bytes.withUnsafeBytes { write($0, to: buffer, at: offset) }
    }

    func enqueueRead(_ bytes: UnsafeMutableRawBufferPointer, from buffer: Buffer, at offset: Int) -> Event {
        read(bytes, from: buffer, at: offset)
    }

    func read(_ bytes: UnsafeMutableRawBufferPointer, from buffer: Buffer, at offset: Int) -> Event {
        bytes.copyBytes(from: buffer[offset..<offset + bytes.count])
        return Event()
    }

    func copy(_ region: CopyRegion, from source: Buffer, to destination: Buffer) -> Event {
        let start = region.destinationOffset
        destination[start..<start + region.size] = source[region.sourceOffset..<region.sourceOffset + region.size]
        return Event()
    }

    func fill(_ buffer: Buffer, at offset: Int, size: Int, pattern: ArraySlice<UInt8>) -> Event {
        buffer[offset..<offset + size] = (0..<size).map { pattern[pattern.startIndex + $0 % pattern.count] }
        return Event()
    }

    func build(source: [UInt8], options: [UInt8]) -> (Program?, ProgramBuild) {
        build(Program(source: source), options: options)
    }

    func build(_ program: Program, options: [UInt8]) -> (Program?, ProgramBuild) {
        let log = Array(Self.disclaimer.utf8)[...]
        return (program, ProgramBuild(code: CL_SUCCESS, log: log, kernels: program.kernels))
    }

    func compile(
        source: [UInt8], options: [UInt8], headers: [(name: String, source: [UInt8])]
    ) -> (Program?, ProgramBuild) {
        (Program(source: source), ProgramBuild(code: CL_SUCCESS, log: Array(Self.disclaimer.utf8)[...]))
    }

    func link(_ programs: [Program], options: [UInt8]) -> (Program?, ProgramBuild) {
        build(Program(source: programs.flatMap { $0.source + [0x0A] }), options: options)
    }

    /// A binary is the source.
    func load(binary: [UInt8]) -> Program { Program(source: binary) }
    func binary(of program: Program) -> [UInt8] { program.source }

    func makeKernel(_ name: String, of program: Program) throws(OpenCLFailure) -> Kernel {
        guard let description = program.kernels.first(where: { $0.name == name }) else {
            throw OpenCLFailure(CL_INVALID_KERNEL_NAME)
        }
        return Kernel(description)
    }

    func setArgument(_ index: UInt32, of kernel: Kernel, to value: DeviceArgument<Buffer, Sampler>)
        throws(OpenCLFailure)
    {
        guard Int(index) < kernel.description.arguments.count else { throw OpenCLFailure(CL_INVALID_ARG_INDEX) }
    }

    func launch(_ kernel: Kernel, _ launch: KernelLaunch) -> Event { Event() }
    func marker() -> Event { Event() }
    func flush() {}

    func query(_ object: QueriedObject<Buffer, Program, Kernel>, parameter: UInt32) throws(OpenCLFailure) -> [UInt8] {
        switch (object, Int32(bitPattern: parameter)) {
        case (.buffer(let buffer), CL_MEM_SIZE): Self.encoded(UInt64(buffer.count))
        case (.buffer(let buffer), CL_MEM_FLAGS): Self.encoded(buffer.flags)
        default: throw OpenCLFailure(CL_INVALID_VALUE)
        }
    }

    func makeImage(
        flags: UInt64, _ description: ImageDescription, in buffer: Buffer?
    ) throws(OpenCLFailure) -> Buffer { throw Self.noImages }
    func makeSampler(_ description: SamplerDescription) throws(OpenCLFailure) -> Sampler { throw Self.noImages }
    func formats(flags: UInt64, kind: UInt32) throws(OpenCLFailure) -> [ImageFormat] { throw Self.noImages }
    func enqueueWrite(
        _ bytes: UnsafeRawBufferPointer, toImage image: Buffer, _ origin: SIMD3<UInt64>, _ region: SIMD3<UInt64>
    ) throws(OpenCLFailure) -> Event { throw Self.noImages }
    func read(
        _ bytes: UnsafeMutableRawBufferPointer, fromImage image: Buffer, _ origin: SIMD3<UInt64>,
        _ region: SIMD3<UInt64>
    ) throws(OpenCLFailure) -> Event { throw Self.noImages }
    func copy(
        _ command: ImageCommand, _ counterpart: ImageCounterpart, image: Buffer, other: Buffer
    ) throws(OpenCLFailure) -> Event { throw Self.noImages }
    func fill(_ command: ImageCommand, image: Buffer, color: ArraySlice<UInt8>) throws(OpenCLFailure) -> Event {
        throw Self.noImages
    }

    private static let noImages = OpenCLFailure(CL_INVALID_OPERATION)

    private static func encoded(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
}

/// Finds what looks like a kernel in OpenCL C: `kernel void NAME(...)`. It knows neither comments nor macros.
private struct KernelScanner {
    private let words: [String]

    init(source: [UInt8]) {
        var words: [String] = []
        var word = ""
        for byte in source {
            let character = Character(UnicodeScalar(byte))
            if character.isLetter || character.isNumber || character == "_" {
                word.append(character)
                continue
            }
            if !word.isEmpty { words.append(word) }
            word = ""
            if "(),{".contains(character) { words.append(String(character)) }
        }
        self.words = words
    }

    var kernels: [KernelDescription] {
        words.indices.compactMap { index in
            guard ["kernel", "__kernel"].contains(words[index]), index + 3 < words.count, words[index + 1] == "void",
                words[index + 3] == "("
            else { return nil }
            let parameters = words[(index + 4)...].prefix { $0 != "{" && $0 != ")" }
            let count = parameters.isEmpty ? 0 : 1 + parameters.count { $0 == "," }
            guard count <= OpenCLInterface.argumentsPerKernel else { return nil }
            return KernelDescription(
                name: words[index + 2],
                arguments: [KernelArgumentDescription](repeating: KernelArgumentDescription(), count: count))
        }
    }
}
