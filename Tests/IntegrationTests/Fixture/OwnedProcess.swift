import FleetModel
import Foundation

/// A real process that a test started: it is ended and waited for by its id, and by nothing else.
///
/// Not Foundation's `Process`: that takes a daemon for running as long as a worker that it started has its descriptors.
/// Not thread safe: one test owns it.
final class OwnedProcess {
    enum End: Hashable {
        case exited(Int32)
        case signalled(Int32)
    }

    struct StartFailure: Error, CustomStringConvertible {
        let description: String
    }

    let pid: pid_t
    /// What the process wrote to its standard output and, where they are one file, to standard error.
    let outputPath: String
    private var end: End?
    /// The writing end of its standard input: a daemon that is told to ends when this does, so with the test.
    private var input: Int32

    /// Starts `executable` as the leader of a process group of its own. Both outputs are appended to files; they may be
    /// the same one.
    init(
        _ executable: String, _ arguments: [String], environment: [String: String] = [:], output: String,
        errors: String
    ) throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw StartFailure(description: "no pipe") }
        for descriptor in ends { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[0], STDIN_FILENO)
        let mode = O_WRONLY | O_CREAT | O_APPEND
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, mode, 0o600)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors, mode, 0o600)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))

        let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let texts = variables.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        var pid: pid_t = 0
        let status = withCStrings([executable] + arguments) { arguments in
            withCStrings(texts) { posix_spawn(&pid, executable, &actions, &attributes, arguments, $0) }
        }
        close(ends[0])
        guard status == 0 else {
            close(ends[1])
            throw StartFailure(description: "\(executable): \(String(cString: strerror(status)))")
        }
        self.pid = pid
        outputPath = output
        input = ends[1]
    }

    /// How it ended; nil while it runs. Does not block.
    func poll() -> End? {
        if end == nil { collect(WNOHANG) }
        return end
    }

    var output: String { (try? String(contentsOfFile: outputPath, encoding: .utf8)) ?? "" }

    /// Ends the process at once, as a crash would, and waits for that. What it started lives on.
    func crash() { endNow(pid) }

    /// Ends the process with all of its group.
    func endGroup() { endNow(-pid) }

    /// Ends the process's standard input.
    func endInput() {
        if input >= 0 { close(input) }
        input = -1
    }

    private func endNow(_ target: pid_t) {
        if poll() == nil {
            kill(target, SIGKILL)
            collect(0)
        }
        endInput()
    }

    private func collect(_ options: Int32) {
        var status: Int32 = 0
        var collected = waitpid(pid, &status, options)
        while collected < 0, errno == EINTR { collected = waitpid(pid, &status, options) }
        guard collected == pid else { return }
        let signal = status & 0x7F
        end = signal == 0 ? .exited((status >> 8) & 0xFF) : .signalled(signal)
    }
}

/// Calls `body` with a null-terminated array of C strings that live as long as the call.
private func withCStrings<Result>(
    _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
) -> Result {
    let copies = strings.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    return body(copies + [nil])
}
