import DeviceDrivers
import FleetModel
import Foundation
import InterfaceSelfTest
import WorkerControl

/// Starts a worker's process in a session of its own, so that it outlives the GPU server, with nothing inherited but
/// its control connection, its standard error and a short environment; other descriptors it closes itself.
///
/// The process is recorded before it gets the ticket, without which it opens nothing: whenever the GPU server is killed,
/// its next life finds the record of every worker that may hold a device.
struct WorkerSpawn {
    let process: WorkerProcessHandle
    let channel: ControlLinkBox
    let errorOutput: ErrorOutput

    init(
        executable: String, _ launch: WorkerLaunch, limits: WorkerLimits, ticket: SessionTicket,
        kernelCaches: String? = nil
    ) throws(SystemError) {
        let (own, child) = try ControlSocket.pair()
        var pipeEnds: [Int32] = [-1, -1]
        guard pipe(&pipeEnds) == 0 else { throw SystemError("pipe") }
        let (reading, writing) = (Descriptor(owning: pipeEnds[0]), Descriptor(owning: pipeEnds[1]))
        for end in [reading, writing] {
            _ = fcntl(end.number, F_SETFD, FD_CLOEXEC)
            // A worker must not wait for a GPU server that does not read its complaints.
            end.stopBlocking()
        }
        let pid = try Self.spawn(
            executable, launch.arguments, Self.environment(limits, kernelCaches), input: child, errors: writing)
        // Nil for a child that has ended already.
        let record = ProcessRecord(of: pid)
        do {
            if let record { try SmallFile.write(record.description, to: launch.recordPath) }
        } catch {
            kill(pid, SIGKILL)
            waitpid(pid, nil, 0)
            throw error
        }
        process = WorkerProcessHandle(pid: pid, record: record)
        channel = ControlLinkBox(own)
        errorOutput = ErrorOutput(reading)
        _ = channel.send(WorkerCommand.ticket(ticket).encoded)
    }

    private static func spawn(
        _ executable: String, _ arguments: [String], _ environment: [String], input: Descriptor, errors: Descriptor
    ) throws(SystemError) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input.number, STDIN_FILENO)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, errors.number, STDERR_FILENO)
        return try ProgramStart.start(
            executable, arguments, environment: environment, lead: ProgramStart.ownSession, &actions)
    }

    /// Of this process's environment what drivers and programs need, and what is told to workers by it.
    private static func environment(_ limits: WorkerLimits, _ kernelCaches: String?) -> [String] {
        var own = limits.environment
        own[KernelCacheFolder.environmentKey] = kernelCaches
        let inherited = WorkerEnvironment.current.filter { entry in
            !own.keys.contains { entry.hasPrefix($0 + "=") }
        }
        return inherited + own.map { "\($0)=\($1)" }.sorted()
    }
}
