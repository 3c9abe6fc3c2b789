import FleetModel
import Foundation
import Glibc
import Observability

/// How a process ended.
enum ProcessEnd: Hashable, CustomStringConvertible {
    case exited(Int32)
    case signalled(Int32)

    var succeeded: Bool { self == .exited(0) }

    /// What a shell would report: the exit status, or 128 and the signal's number.
    var shellStatus: Int32 {
        switch self {
        case .exited(let status): status
        case .signalled(let signal): 128 + signal
        }
    }

    var description: String {
        switch self {
        case .exited(let status): "exit status \(status)"
        case .signalled(let signal): "signal \(signal)"
        }
    }
}

/// A program that this process started and will wait for.
///
/// Unlike Foundation's `Process` it can lead a process group of its own, so that it and all that it starts can be
/// ended together, and it starts with no signal ignored or blocked. Not thread safe: one owner waits for it.
final class ChildProcess {
    /// What a standard stream of the child is connected to.
    enum Stream {
        case inherited
        case null
        /// Appended to; created when missing.
        case file(String)
        /// Connected to this process: see ``input`` and ``output``.
        case pipe
    }

    /// What to start.
    struct Launch {
        /// A path, or a name that is looked up in `PATH`.
        var executable: String
        var arguments: [String]
        var environment: [String: String] = ProcessInfo.processInfo.environment
        var input: Stream = .null
        var output: Stream = .inherited
        var errors: Stream = .inherited
        var leadsGroup = false
    }

    let name: String
    let pid: pid_t
    /// Whether ``pid`` is also the number of a process group.
    let leadsGroup: Bool
    /// The writing end of the child's standard input, where that is a pipe.
    private(set) var input: FileHandle?
    /// The reading end of the child's standard output, where that is a pipe.
    private(set) var output: FileHandle?
    private(set) var end: ProcessEnd?

    init(_ launch: Launch) throws(CommandFailure) {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let standardInput = Self.connect(launch.input, to: STDIN_FILENO, reading: true, &actions)
        let standardOutput = Self.connect(launch.output, to: STDOUT_FILENO, reading: false, &actions)
        _ = Self.connect(launch.errors, to: STDERR_FILENO, reading: false, &actions)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        Self.resetSignals(&attributes, leadsGroup: launch.leadsGroup)

        let environment = launch.environment.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        var pid: pid_t = 0
        let status = Self.withCStrings([launch.executable] + launch.arguments) { arguments in
            Self.withCStrings(environment) { environment in
                posix_spawnp(&pid, launch.executable, &actions, &attributes, arguments, environment)
            }
        }
        standardInput?.childEnd.closeIgnoringErrors()
        standardOutput?.childEnd.closeIgnoringErrors()
        guard status == 0 else {
            throw CommandFailure(
                .software, "cannot start \(launch.executable): \(String(cString: strerror(status)))",
                advice: "check that the program exists and may be executed")
        }
        self.pid = pid
        name = launch.executable
        leadsGroup = launch.leadsGroup
        input = standardInput?.ownEnd
        output = standardOutput?.ownEnd
    }

    /// How the child ended, or nil while it runs. Does not block.
    func poll() -> ProcessEnd? { collect(WNOHANG) }

    /// Blocks until the child has ended.
    @discardableResult
    func wait() -> ProcessEnd { collect(0) ?? .exited(ExitStatus.software.rawValue) }

    /// Blocks until the child has ended or `deadline` has come.
    func wait(until deadline: MonotonicTime) -> ProcessEnd? {
        while MonotonicClock.now() < deadline {
            if let end = poll() { return end }
            MonotonicClock.sleep(until: MonotonicClock.now() + .milliseconds(5))
        }
        return poll()
    }

    /// Sends `signal` to the child, and to all of its group where it leads one. Nothing is sent once it has ended.
    func send(_ signal: Int32) {
        guard end == nil else { return }
        kill(leadsGroup ? -pid : pid, signal)
    }

    /// Closes the child's standard input, which tells a program that reads it that nobody will speak to it again.
    func closeInput() {
        input?.closeIgnoringErrors()
        input = nil
    }

    private func collect(_ options: Int32) -> ProcessEnd? {
        if let end { return end }
        var status: Int32 = 0
        var collected = waitpid(pid, &status, options)
        while collected < 0, errno == EINTR { collected = waitpid(pid, &status, options) }
        guard collected != 0 else { return nil }
        let signal = status & 0x7F
        end =
            collected < 0
            ? .exited(ExitStatus.software.rawValue) : signal == 0 ? .exited((status >> 8) & 0xFF) : .signalled(signal)
        return end
    }

    private static func connect(
        _ stream: Stream, to descriptor: Int32, reading: Bool, _ actions: inout posix_spawn_file_actions_t
    ) -> (childEnd: FileHandle, ownEnd: FileHandle)? {
        switch stream {
        case .inherited:
            return nil
        case .null:
            posix_spawn_file_actions_addopen(&actions, descriptor, "/dev/null", reading ? O_RDONLY : O_WRONLY, 0)
            return nil
        case .file(let path):
            let mode = reading ? O_RDONLY : O_WRONLY | O_CREAT | O_APPEND
            posix_spawn_file_actions_addopen(&actions, descriptor, path, mode, 0o644)
            return nil
        case .pipe:
            var ends: [Int32] = [0, 0]
            guard Glibc.pipe(&ends) == 0 else { return nil }
            // The copy that the child keeps is the one that `adddup2` makes.
            for descriptor in ends { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
            let (childEnd, ownEnd) = reading ? (ends[0], ends[1]) : (ends[1], ends[0])
            posix_spawn_file_actions_adddup2(&actions, childEnd, descriptor)
            return (FileHandle(fileDescriptor: childEnd), FileHandle(fileDescriptor: ownEnd, closeOnDealloc: true))
        }
    }

    private static func resetSignals(_ attributes: inout posix_spawnattr_t, leadsGroup: Bool) {
        var none = sigset_t()
        sigemptyset(&none)
        var handled = sigset_t()
        sigemptyset(&handled)
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE, SIGCHLD] {
            sigaddset(&handled, signal)
        }
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &handled)
        var flags = Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF)
        if leadsGroup {
            posix_spawnattr_setpgroup(&attributes, 0)
            flags |= Int32(POSIX_SPAWN_SETPGROUP)
        }
        posix_spawnattr_setflags(&attributes, Int16(flags))
    }

    /// Calls `body` with a null-terminated array of C strings that live as long as the call.
    private static func withCStrings<Result>(
        _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let copies = strings.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        return body(copies + [nil])
    }
}

extension FileHandle {
    /// Closes where a failure changes nothing: the descriptor is gone either way.
    func closeIgnoringErrors() { try? close() }
}
