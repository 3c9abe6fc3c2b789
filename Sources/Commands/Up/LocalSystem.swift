import ControlProtocol
import FleetModel
import Foundation
import ManagerRuntime
import Observability

/// The daemons of a whole system on this machine, each a process of its own, with their state below one folder.
final class LocalSystem {
    /// How the system is laid out.
    struct Layout {
        var folder: String
        var policy: Policy
        /// The whole pool, on one device: on several, more instances would fit than are meant to.
        var memory: Bytes
        var period: Duration
        var managerPort: UInt16
        var httpPort: UInt16

        init(folder: String, policy: Policy, memory: Bytes, period: Duration) throws(CommandFailure) {
            self.folder = folder
            self.policy = policy
            self.memory = memory
            self.period = period
            // Where commands look unless they are told otherwise.
            let standard = [ManagerAddress.standard.port, ManagerConfiguration().httpListen.port]
            let ports = try FreePort.find(preferring: standard)
            (managerPort, httpPort) = (ports[0], ports[1])
        }

        var managerAddress: String { "127.0.0.1:\(managerPort)" }
        /// The manager's default, or three periods where that is longer, which is the least that it takes.
        var timeToLive: Duration { max(ManagerConfiguration().timeToLive, period * 3) }
        /// What another terminal needs, a fragment each.
        var hints: [String] {
            let isStandard = managerAddress == ManagerAddress.standard.description
            return [
                "look: presync status" + (isStandard ? "" : " --manager \(managerAddress)"),
                "agent socket: \(agentSocket)",
            ]
        }
        var agentSocket: String { folder + "/agent.sock" }
        /// Where the agent has the client library of the interface version in force.
        var clientLibrary: String { "\(folder)/agent/interfaces/active/opencl/files/\(RunCommand.clientLibraryName)" }
        func log(_ name: String) -> String { "\(folder)/logs/\(name).log" }
    }

    let layout: Layout
    private var daemons: [(name: String, child: ChildProcess)] = []

    init(layout: Layout) throws(CommandFailure) {
        self.layout = layout
        for folder in ["logs"] + Self.daemonNames {
            do {
                try FileManager.default.createDirectory(
                    atPath: "\(layout.folder)/\(folder)", withIntermediateDirectories: true)
            } catch {
                throw CommandFailure(
                    .noInput, "cannot make \(layout.folder)/\(folder): \(error.localizedDescription)",
                    advice: "name a folder that you may write to with --state-dir")
            }
        }
    }

    private static let daemonNames = ["manager", "gpu-server", "agent"]

    /// Removes what daemons that have ended kept in the folder of a layout.
    static func removeState(below folder: String) {
        for name in daemonNames { try? FileManager.default.removeItem(atPath: "\(folder)/\(name)") }
    }

    func startManager() throws(CommandFailure) {
        try start(
            "manager",
            [
                "--listen", layout.managerAddress, "--http-listen", "127.0.0.1:\(layout.httpPort)",
                "--policy", layout.policy.rawValue, "--period", "\(layout.period.inSeconds)s",
                "--time-to-live", "\(layout.timeToLive.inSeconds)s",
            ])
    }

    func startGPUServer() throws(CommandFailure) {
        try start(
            "gpu-server",
            [
                "--manager", layout.managerAddress, "--id", "local",
                "--memory-limit", String(layout.memory.rawValue), "--maximum-devices", "1",
                "--status-listen", "127.0.0.1:\(try FreePort.find())",
            ] + Self.kernelCaches)
    }

    /// Compiled kernels outlive the system: the user's cache keeps them for the next run.
    private static var kernelCaches: [String] {
        let environment = ProcessInfo.processInfo.environment
        guard let base = environment["XDG_CACHE_HOME"] ?? environment["HOME"].map({ $0 + "/.cache" }),
            base.hasPrefix("/")
        else { return [] }
        return ["--kernel-cache-directory", base + "/presync/kernel-caches"]
    }

    /// `watchesUsers` allows programs to report what their users do.
    func startAgent(watchesUsers: Bool) throws(CommandFailure) {
        try start(
            "agent",
            [
                "--manager", layout.managerAddress, "--id", "local", "--socket", layout.agentSocket,
                "--status-listen", "127.0.0.1:\(try FreePort.find())", "--user-activity", watchesUsers ? "yes" : "no",
            ])
    }

    /// Throws, with the end of its log, when a daemon is no longer there.
    func checkAlive() throws(CommandFailure) {
        for (name, child) in daemons {
            guard let end = child.poll() else { continue }
            throw CommandFailure(
                .software, "presync \(name) ended with \(end)\n" + LogTail.read(layout.log(name)),
                advice: "read \(layout.log(name))")
        }
    }

    /// Ends the daemons, the last started first: each is asked, and after 5 seconds made to.
    func stop() {
        for (_, child) in daemons.reversed() { child.end(within: .seconds(5)) }
        daemons.removeAll()
    }

    private func start(_ name: String, _ arguments: [String]) throws(CommandFailure) {
        let common = ["--state-directory", "\(layout.folder)/\(name)", "--until-input-ends"]
        let child = try ChildProcess(
            ChildProcess.Launch(
                executable: OwnExecutable.path, arguments: [name] + arguments + common, input: .pipe,
                output: .file(layout.log(name)), errors: .file(layout.log(name)), leadsGroup: true))
        daemons.append((name, child))
    }
}

extension ChildProcess {
    /// Asks the child, and the group that it leads, to end, and makes it after `patience`.
    func end(within patience: Duration) {
        closeInput()
        send(SIGTERM)
        if wait(until: MonotonicClock.now() + patience) == nil {
            send(SIGKILL)
            wait()
        }
    }
}

/// The end of a log file, for a message that says why a daemon ended.
enum LogTail {
    static func read(_ path: String, lines: Int = 8) -> String {
        guard let file = FileHandle(forReadingAtPath: path) else { return "(no log)" }
        defer { file.closeIgnoringErrors() }
        let size = (try? file.seekToEnd()) ?? 0
        try? file.seek(toOffset: size > 8_192 ? size - 8_192 : 0)
        let text = String(decoding: (try? file.readToEnd()) ?? Data(), as: UTF8.self)
        return text.split(separator: "\n").suffix(lines).map { "  | " + $0 }.joined(separator: "\n")
    }
}
