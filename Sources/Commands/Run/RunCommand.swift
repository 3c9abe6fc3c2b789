import ArgumentParser
import Dispatch
import FleetModel
import Foundation
import RemotingCore

/// `presync run`: a program on an instance, with its virtual GPU at hand.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run a program on an instance with its virtual GPU at hand.",
        discussion: """
            Tells the agent of this host that the program, with all that it starts, is a compute instance, and points \
            the program's OpenCL at Presync. The program needs no change. Signals are passed on, and the exit status \
            is the program's.

            presync run -- clinfo
            presync run --instance render-7 --class interactive -- ./render
            presync run --gpus 2 -- ./train
            """)

    @Option(
        help: ArgumentHelp("Name of the instance. Default: the host's name and this process's number.", valueName: "id")
    )
    var instance: String?

    @Option(help: ArgumentHelp("Who it belongs to.", valueName: "id"))
    var tenant = "default"

    @Option(
        help: ArgumentHelp(
            "What kind of program it is. Default: what the agent's rules make of it, else the program's name.",
            valueName: "type"))
    var application: String?

    @Option(name: .customLong("class"), help: ArgumentHelp("Its priority class.", valueName: "name"))
    var priorityClass = PriorityClass.standard.name.rawValue

    @Option(
        help: ArgumentHelp(
            "Who uses it, by a name that stays the same; told where the agent's user-identity permits it.",
            valueName: "id"))
    var user: String?

    @Option(
        help: ArgumentHelp(
            "How many virtual GPUs it has, 1 to \(InstanceDescription.maximumGPUs). Default: 1.",
            discussion: """
                The program sees as many OpenCL devices. They are on different devices of the GPU servers, and it gets all \
                of them at once or, while they are not all to be had, none. A context is on one of them.
                """, valueName: "n"))
    var gpus: Int?

    @Option(
        help: ArgumentHelp(
            "UNIX socket of the agent. Default: PRESYNC_AGENT_SOCKET, else \(AgentSocket.defaultPath).",
            valueName: "path"))
    var agentSocket: String?

    @Option(
        help: ArgumentHelp(
            "The client library. Default: PRESYNC_CLIENT_LIBRARY, else that of the agent's interface version.",
            valueName: "path"))
    var clientLibrary: String?

    @Flag(help: "Put the instance into a cgroup of its own, where that is permitted.")
    var ownCgroup = false

    @Argument(parsing: .postTerminator, help: ArgumentHelp("The program and its arguments.", valueName: "command"))
    var command: [String] = []

    func validate() throws {
        guard !command.isEmpty else {
            throw ValidationError("name a program after --, for example: presync run -- clinfo")
        }
        let most = InstanceDescription.maximumGPUs
        guard (1...most).contains(gpus ?? 1) else { throw ValidationError("--gpus must be between 1 and \(most)") }
    }

    func run() throws {
        var status: Int32 = 0
        try CommandRunner.run {
            var registration = try registration()
            let named = try namedClientLibrary()
            let cgroup = ownCgroup ? InstanceCgroup.enter(name: "presync-\(registration.instance)") : nil
            defer { cgroup?.leave() }
            if cgroup != nil { registration.scope = .cgroup }
            let socketPath = AgentSocket.path(option: agentSocket)
            var agent = try AgentSocket(path: socketPath)
            let offered: String?
            do {
                offered = try agent.register(registration)
            } catch {
                agent.close()
                throw error
            }
            let keeper = RegistrationKeeper(registration, over: agent, path: socketPath)
            defer {
                keeper.stop()
                if let reason = keeper.lastRefusal {
                    // OpenCL has no words for why there is no device, and programs that find none often end well.
                    complain("the agent has refused a virtual GPU; its last reason: \(reason)")
                }
            }
            // An agent that has no bundle yet names no library: then the one of this build is as good as any.
            let library = try named ?? offered ?? OwnExecutable.companion(RunCommand.clientLibraryName)
            status = try runProgram(library: library, socketPath: socketPath)
        }
        throw ExitCode(status)
    }

    private func runProgram(library: String, socketPath: String) throws -> Int32 {
        var environment = ProcessInfo.processInfo.environment
        // ocl-icd takes a library for the first; the loader of Khronos takes the first for a folder, which is none, and
        // the second for libraries.
        environment["OCL_ICD_VENDORS"] = library
        environment["OCL_ICD_FILENAMES"] = library
        environment["PRESYNC_AGENT_SOCKET"] = socketPath
        // What this process was told is about the instance that it is of itself.
        environment["PRESYNC_GPUS"] = gpus.map { String($0) }
        let child: ChildProcess
        do {
            child = try ChildProcess(
                ChildProcess.Launch(
                    executable: command[0], arguments: Array(command.dropFirst()), environment: environment,
                    input: .inherited))
        } catch {
            complain("\(error)")
            // As a shell says it: 127 where there is no such program, 126 where it cannot be run.
            return FileManager.default.fileExists(atPath: command[0]) ? 126 : 127
        }
        let forwarding = SignalForwarding(to: child.pid)
        defer { forwarding.stop() }
        return child.wait().shellStatus
    }

    private func complain(_ line: String) { FileHandle.standardError.write(Data("presync run: \(line)\n".utf8)) }

    private func registration() throws(CommandFailure) -> InstanceRegistration {
        let program = (command[0] as NSString).lastPathComponent
        let registration = InstanceRegistration(
            instance: instance ?? "\(ProcessInfo.processInfo.hostName)-\(getpid())", tenant: tenant,
            application: application ?? program, isApplicationDeclared: application != nil,
            priorityClass: priorityClass, user: user, gpus: UInt8(gpus ?? 1))
        let names =
            [
                ("--instance", registration.instance), ("--tenant", registration.tenant),
                ("--application", registration.application), ("--class", registration.priorityClass),
            ] + (user.map { [("--user", $0)] } ?? [])
        let wrong = names.filter { !IdentifierAlphabet.accepts($0.1) }
        guard wrong.isEmpty else {
            throw CommandFailure(
                .usage, wrong.map { "\($0.0) '\($0.1)' is not a name" }.joined(separator: "\n"),
                advice: "use 1 to 128 letters, digits and . _ : / @ -")
        }
        return registration
    }

    /// The library that the command line or the environment asks for; nil where neither does.
    private func namedClientLibrary() throws(CommandFailure) -> String? {
        let named = clientLibrary ?? ProcessInfo.processInfo.environment["PRESYNC_CLIENT_LIBRARY"]
        guard let named else { return nil }
        guard FileManager.default.isReadableFile(atPath: named) else {
            throw CommandFailure(.noInput, "\(named) cannot be read", advice: "name the path of a client library")
        }
        return named
    }

    static let clientLibraryName = "libPresyncOpenCL.so"
}

/// Passes the signals that ask a program to end or to do something on to a child.
///
/// Those that a terminal sends go to all of its foreground processes, the child among them: they are not sent twice.
private final class SignalForwarding {
    private var sources: [any DispatchSourceSignal] = []

    init(to pid: pid_t) {
        let fromTerminal = isatty(STDIN_FILENO) == 1 ? [SIGINT, SIGQUIT] : []
        for number in [SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2] {
            signal(number, SIG_IGN)
            guard !fromTerminal.contains(number) else { continue }
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { kill(pid, number) }
            source.resume()
            sources.append(source)
        }
    }

    func stop() {
        for source in sources { source.cancel() }
    }
}
