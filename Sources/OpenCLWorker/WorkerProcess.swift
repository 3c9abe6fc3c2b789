import CLinux
import DeviceDrivers
import Glibc
package import RemotingCore
import WorkerControl

/// What `presync-worker` does: one worker, for as long as the process lives, or a worker's compiler.
package enum WorkerProcess {
    /// `arguments` are those after the program's name, `edition` what the program was linked as. Never returns: the process ends with 0 after an ordinary end, 1
    /// when the worker failed, and 64 (`EX_USAGE`) when its command line is wrong.
    package static func run(_ arguments: [String], edition: InterfaceEdition = .current) -> Never {
        signal(SIGPIPE, SIG_IGN)
        closeInherited()
        if let selector = getenv(CompilerService.environmentKey) {
            CompilerService.run(for: String(cString: selector), over: takeStandardInput())
        }
        let launch: WorkerLaunch
        do {
            launch = try WorkerLaunch(arguments: arguments)
        } catch {
            complain("\(error)")
            _exit(64)
        }
        let limits = WorkerLimits { name in getenv(name).map { String(cString: $0) } }
        let worker = Worker(
            launch, limits: limits, starter: takeStandardInput(), ownsProcess: true, edition: edition)
        let ending = worker.run()
        if case .failed(let reason) = ending { complain(reason) }
        // At once, and past the exit handlers of a driver whose threads may be at work: the kernel frees everything.
        _exit(ending.exitCode)
    }

    /// Closes everything but the three standard descriptors: what the GPU server had open is not for a worker.
    private static func closeInherited() {
        // Kernels before 5.9 do not know it.
        if presync_close_from(UInt32(STDERR_FILENO) + 1) == 0 { return }
        guard let directory = opendir("/proc/self/fd") else { return }
        var inherited: [Int32] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if let number = Int32(name), number > STDERR_FILENO, number != dirfd(directory) { inherited.append(number) }
        }
        closedir(directory)
        for number in inherited { close(number) }
    }

    /// Moves the connection on standard input to where no child of a driver inherits it.
    private static func takeStandardInput() -> Descriptor {
        let moved = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
        let nothing = open("/dev/null", O_RDONLY)
        dup2(nothing, STDIN_FILENO)
        if nothing > STDERR_FILENO { close(nothing) }
        return Descriptor(owning: moved)
    }

    private static func complain(_ message: String) {
        let line = Array("presync-worker: \(message)\n".utf8)
        _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
