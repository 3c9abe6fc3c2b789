import CLinux
import DeviceDrivers
import FleetModel
import Glibc
import RemotingCore
import WorkerControl

/// What the compiler's process of a worker does: builds what it is sent, so that the driver's cache has it, and says what
/// came of it.
///
/// It is the worker's own program, started by it, and inherits its cage: the files of one instance's cache, no network.
/// It opens a context of its own, and holds nothing of the session's but the sources that it is sent. Whatever a source
/// does to the compiler, the session goes on.
enum CompilerService {
    /// The variable that makes a worker's program this: the selector of its device. Not an argument, which a Swift program
    /// reads in `/proc/self`: of that the cage shows the worker's alone.
    static let environmentKey = "PRESYNC_COMPILER_FOR"

    /// Serves until the worker closes the connection, which is the standard input. The process ends with the thread that
    /// started it, too (prctl(2), `PR_SET_PDEATHSIG`): so the worker, which may send no signals, ends a build.
    static func run(for device: String, over connection: Descriptor) -> Never {
        presync_end_with_parent()
        guard case .openCL(let platform, let index)? = DeviceSelector(device),
            // How long a build may take is the worker's to watch.
            let device = try? OpenCLComputeDevice(platform: platform, device: index, longestBuild: .seconds(1 << 30))
        else { _exit(1) }
        connection.stopBlocking()
        let memory = BuildMemory()
        let patience = Duration.seconds(60)
        guard CompilerWire.send([], over: connection, until: ContinuousClock.now + patience) else { _exit(1) }
        while case .message(let bytes) = CompilerWire.receive(
            from: connection, atMost: SourceBuild.greatestEncoding, until: nil)
        {
            guard let build = try? SourceBuild(encoded: bytes) else { break }
            let (_, outcome) = memory.during { device.carryOut(build) }
            let deadline = ContinuousClock.now + patience
            guard CompilerWire.send(CompilerWire.answer(outcome), over: connection, until: deadline) else { break }
        }
        // Past the driver's exit handlers, which may wait for its threads.
        _exit(0)
    }
}
