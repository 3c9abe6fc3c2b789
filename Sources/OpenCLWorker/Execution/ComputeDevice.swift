import COpenCL
import RemotingCore

/// An error code of the OpenCL API, on its way to the client.
struct OpenCLFailure: Error, Hashable {
    let code: Int32
    init(_ code: Int32) { self.code = code }
}

/// What carries out a session's commands: the port between ``SessionInterpreter``, which checks all that a client may
/// get wrong, and a device.
///
/// One thread calls it. Commands go to one queue and run in the order of the calls; a command's call returns before it
/// has run, except for reads and for writes from the caller's memory. Sizes, offsets and object lifetimes are checked
/// by the caller; an object is released by letting go of it.
protocol ComputeDevice: AnyObject {
    associatedtype Buffer: AnyObject
    associatedtype Program: AnyObject
    associatedtype Kernel: AnyObject
    associatedtype Event: DeviceEvent
    associatedtype Sampler: AnyObject

    /// What the client is told of the device.
    var information: DeviceInformation { get }
    /// The greatest buffer, in bytes.
    var greatestBuffer: UInt64 { get }
    /// Local memory of one work group, in bytes.
    var localMemory: UInt64 { get }

    func makeBuffer(flags: UInt64, size: Int) throws(OpenCLFailure) -> Buffer
    /// `size` bytes of `parent` from `origin`, which is kept as long as the part.
    func makeSubBuffer(of parent: Buffer, flags: UInt64, origin: Int, size: Int) throws(OpenCLFailure) -> Buffer
    /// Returns when `bytes` are no longer needed, after everything before it has run.
    func write(_ bytes: UnsafeRawBufferPointer, to buffer: Buffer, at offset: Int) throws(OpenCLFailure) -> Event
    /// Keeps a copy of `bytes`, or the message that they came in, until it has run, and returns at once.
    func enqueueWrite(_ bytes: ArraySlice<UInt8>, to buffer: Buffer, at offset: Int) throws(OpenCLFailure) -> Event
    /// Returns when `bytes` are filled.
    func read(_ bytes: UnsafeMutableRawBufferPointer, from buffer: Buffer, at offset: Int) throws(OpenCLFailure)
        -> Event
    /// Returns at once; `bytes` are filled when the event has ended, and not the caller's before.
    func enqueueRead(_ bytes: UnsafeMutableRawBufferPointer, from buffer: Buffer, at offset: Int)
        throws(OpenCLFailure) -> Event
    func copy(_ region: CopyRegion, from source: Buffer, to destination: Buffer) throws(OpenCLFailure) -> Event
    func fill(_ buffer: Buffer, at offset: Int, size: Int, pattern: ArraySlice<UInt8>) throws(OpenCLFailure) -> Event
    /// Keeps a copy of `bytes`, which are the rectangle's without gaps, until it has run, and returns at once.
    func enqueueWrite(
        _ bytes: UnsafeRawBufferPointer, to buffer: Buffer, _ layout: RectangleLayout, _ region: SIMD3<UInt64>
    ) throws(OpenCLFailure) -> Event
    /// Returns when `bytes` are filled with the rectangle's, without gaps.
    func read(
        _ bytes: UnsafeMutableRawBufferPointer, from buffer: Buffer, _ layout: RectangleLayout,
        _ region: SIMD3<UInt64>
    ) throws(OpenCLFailure) -> Event
    func copy(_ rectangles: RectangleCopy, from source: Buffer, to destination: Buffer) throws(OpenCLFailure) -> Event
    /// An image, which is a buffer of its own kind: only these calls and an argument take it. `buffer` is where it lies,
    /// for an image of a buffer.
    func makeImage(flags: UInt64, _ description: ImageDescription, in buffer: Buffer?) throws(OpenCLFailure) -> Buffer
    func makeSampler(_ description: SamplerDescription) throws(OpenCLFailure) -> Sampler
    func formats(flags: UInt64, kind: UInt32) throws(OpenCLFailure) -> [ImageFormat]
    /// Keeps a copy of `bytes`, which are the region's without gaps, until it has run, and returns at once.
    func enqueueWrite(
        _ bytes: UnsafeRawBufferPointer, toImage image: Buffer, _ origin: SIMD3<UInt64>, _ region: SIMD3<UInt64>
    ) throws(OpenCLFailure) -> Event
    /// Returns when `bytes` are filled with the region's, without gaps.
    func read(
        _ bytes: UnsafeMutableRawBufferPointer, fromImage image: Buffer, _ origin: SIMD3<UInt64>,
        _ region: SIMD3<UInt64>
    ) throws(OpenCLFailure) -> Event
    /// `other` is the image or the buffer that `counterpart` names.
    func copy(
        _ command: ImageCommand, _ counterpart: ImageCounterpart, image: Buffer, other: Buffer
    ) throws(OpenCLFailure) -> Event
    func fill(_ command: ImageCommand, image: Buffer, color: ArraySlice<UInt8>) throws(OpenCLFailure) -> Event
    /// Compiles and links; the program is nil when it failed.
    func build(source: [UInt8], options: [UInt8]) -> (Program?, ProgramBuild)
    /// Builds what ``load(binary:)`` returned.
    func build(_ program: Program, options: [UInt8]) -> (Program?, ProgramBuild)
    /// Compiles without linking.
    func compile(
        source: [UInt8], options: [UInt8], headers: [(name: String, source: [UInt8])]
    ) -> (Program?, ProgramBuild)
    /// Links what was compiled, or libraries that were linked.
    func link(_ programs: [Program], options: [UInt8]) -> (Program?, ProgramBuild)
    /// A program of this device's own format.
    func load(binary: [UInt8]) throws(OpenCLFailure) -> Program
    func binary(of program: Program) throws(OpenCLFailure) -> [UInt8]
    func makeKernel(_ name: String, of program: Program) throws(OpenCLFailure) -> Kernel
    func setArgument(_ index: UInt32, of kernel: Kernel, to value: DeviceArgument<Buffer, Sampler>)
        throws(OpenCLFailure)
    func launch(_ kernel: Kernel, _ launch: KernelLaunch) throws(OpenCLFailure) -> Event
    /// An event that is complete when everything before it has run.
    func marker() throws(OpenCLFailure) -> Event
    /// What kernels print, where this is captured.
    var output: KernelOutput? { get }
    /// Lets what was enqueued begin.
    func flush()
    /// The value of an information call that does not return handles.
    func query(_ object: QueriedObject<Buffer, Program, Kernel>, parameter: UInt32) throws(OpenCLFailure) -> [UInt8]
}

/// A command that a device has taken.
protocol DeviceEvent: AnyObject, Sendable {
    /// Waits for the end. Returns 0, or the command's negative error.
    func wait() -> Int32
    /// How far the command has come, and when.
    func status() -> EventStatus
    /// How the command ended; nil before. Called for every command, so it is to be cheap.
    func ending() -> CommandEnding?
}

/// What is accounted for when a command has ended.
struct CommandEnding: Hashable {
    /// 0, or the command's negative error.
    var code: Int32
    /// Nanoseconds of the device.
    var busyNanoseconds: UInt64
}

struct CopyRegion {
    var sourceOffset: Int
    var destinationOffset: Int
    var size: Int
}

enum DeviceArgument<Buffer, Sampler> {
    case value(ArraySlice<UInt8>)
    case buffer(Buffer?)
    case local(size: Int)
    case image(Buffer, ImageDescription.Kind)
    case sampler(Sampler)
}

enum QueriedObject<Buffer, Program, Kernel> {
    case buffer(Buffer)
    case program(Program)
    case kernel(Kernel)
}
