package import Glibc

/// Starting programs as children of this one.
package enum ProgramStart {
    /// `POSIX_SPAWN_SETSID` (posix_spawn(3)), which Swift's Glibc module does not show: the child leads a session.
    package static let ownSession: Int16 = 0x80
    /// The child leads a process group, which can be ended as a whole.
    package static let ownGroup = Int16(POSIX_SPAWN_SETPGROUP)

    /// Starts a program in which no signal is blocked or ignored, whatever is here.
    /// - Parameters:
    ///   - environment: `NAME=VALUE` each.
    ///   - lead: ``ownSession`` or ``ownGroup``.
    ///   - actions: what becomes of its descriptors.
    /// - Throws: ``SystemError`` where it cannot be started.
    package static func start(
        _ program: String, _ arguments: [String], environment: [String], lead: Int16,
        _ actions: inout posix_spawn_file_actions_t
    ) throws(SystemError) -> pid_t {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF) | lead)
        var pid: pid_t = 0
        let status = withCStrings([program] + arguments) { arguments in
            withCStrings(environment) { posix_spawn(&pid, program, &actions, &attributes, arguments, $0) }
        }
        guard status == 0 else { throw SystemError("start \(program)", code: status) }
        return pid
    }

    /// Calls `body` with a null-terminated array of C strings that live as long as the call.
    package static func withCStrings<Result>(
        _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let copies = texts.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        return body(copies + [nil])
    }
}
