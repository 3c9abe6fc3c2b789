import ControlProtocol
import FleetModel
import Foundation
import Testing

/// A whole fleet of real daemons on this machine, their state below one temporary folder.
///
/// Whatever a test does, all that it started is ended when ``run(_:)`` returns, the last started first, by process id.
final class LiveFleet {
    enum Role: String, CaseIterable {
        case manager
        case gpuServer = "gpu-server"
        case agent
    }

    static let period = Duration.milliseconds(250)
    /// What the GPU server may grant of each device.
    static let memoryPerDevice = Bytes.mebibytes(256)

    let folder: String
    let manager: ManagerAddress
    let payloadPort: UInt16
    private let httpPorts: [Role: UInt16]
    private let payloadServer: OwnedProcess
    private var daemons: [Role: OwnedProcess] = [:]
    private var programs: [Program] = []
    /// What has to be undone, in the order in which it was done.
    private var cleanUps: [() -> Void] = []

    /// What is done before the daemons start, and what further arguments they get for it.
    struct Preparation {
        static var none: Preparation { Preparation { _ in [:] } }

        let arguments: (LiveFleet) async throws -> [Role: [String]]
    }

    /// Starts a fleet, gives it to `test` when all of it is ready, and ends it. A failure comes with the ends of the
    /// daemons' logs.
    static func run(
        _ preparation: Preparation = .none, _ test: (LiveFleet) async throws -> Void
    ) async throws {
        let fleet = try await LiveFleet()
        defer { fleet.cleanUp() }
        do {
            let arguments = try await preparation.arguments(fleet)
            for role in Role.allCases { try fleet.start(role, also: arguments[role] ?? []) }
            try await fleet.waitUntilReady()
            try await test(fleet)
        } catch {
            Issue.record(error, "\(fleet.logs)")
        }
    }

    private init() async throws {
        let made = FileManager.default.temporaryDirectory.path + "/presync-\(UInt32.random(in: 1...(.max)))"
        folder = made
        for name in ["manager", "gpu-server", "agent", "logs"] {
            try FileManager.default.createDirectory(atPath: "\(made)/\(name)", withIntermediateDirectories: true)
        }
        let ports = try FreePorts.find(4)
        manager = ManagerAddress(host: "127.0.0.1", port: ports[0])
        httpPorts = [.manager: ports[1], .gpuServer: ports[2], .agent: ports[3]]
        let server = try OwnedProcess(
            Binaries.presync, ["sample", "payload-server"], output: "\(made)/payload-server.port",
            errors: "\(made)/logs/payload-server.log")
        payloadServer = server
        cleanUps = [{ try? FileManager.default.removeItem(atPath: made) }, { server.endGroup() }]
        do {
            payloadPort = try await eventually("the payload server says its port") {
                UInt16(server.output.trimmingCharacters(in: .whitespacesAndNewlines))
            }
        } catch {
            for undo in cleanUps.reversed() { undo() }
            throw error
        }
    }

    private func cleanUp() {
        for undo in cleanUps.reversed() { undo() }
        cleanUps.removeAll()
    }

    /// Starts a daemon, for the first time or again, with the same state and ports.
    /// - Parameter also: further arguments.
    func start(_ role: Role, also: [String] = []) throws {
        let state = "\(folder)/\(role.rawValue)"
        let http = "127.0.0.1:\(httpPorts[role] ?? 0)"
        let own: [String] =
            switch role {
            case .manager:
                [
                    "--listen", manager.description, "--http-listen", http, "--time-to-live", "3s", "--period",
                    "\(Self.period.inSeconds)s", "--snapshot-every", "1s",
                ]
            case .gpuServer:
                [
                    "--id", "server", "--manager", manager.description, "--status-listen", http, "--memory-limit",
                    String(Self.memoryPerDevice.rawValue), "--interface-review", "1s",
                ]
            case .agent:
                [
                    "--id", "agent", "--manager", manager.description, "--status-listen", http, "--socket", agentSocket,
                    "--interface-review", "1s",
                ]
            }
        let log = "\(folder)/logs/\(role.rawValue).log"
        let daemon = try OwnedProcess(
            Binaries.presync, [role.rawValue] + own + also + ["--state-directory", state, "--until-input-ends"],
            output: log, errors: log)
        if daemons.updateValue(daemon, forKey: role) == nil, role == .gpuServer {
            let folder = folder
            cleanUps.append { for worker in Binaries.workers(below: folder) { kill(worker, SIGKILL) } }
        }
        cleanUps.append { daemon.endGroup() }
    }

    /// Ends a daemon as kill -9 does. What it started lives on.
    func crash(_ role: Role) { daemons[role]?.crash() }

    /// Runs `presync` to its end.
    /// - Returns: what it wrote to both outputs.
    @discardableResult
    func presync(_ arguments: [String]) async throws -> String {
        let output = "\(folder)/presync-\(UInt32.random(in: 1...(.max))).log"
        let process = try OwnedProcess(
            Binaries.presync, arguments, environment: ["PRESYNC_MANAGER": manager.description], output: output,
            errors: output)
        defer { process.endGroup() }
        let end = try await eventually("presync \(arguments[0]) has ended") { process.poll() }
        #expect(end == .exited(0), "\(arguments): \(process.output)")
        return process.output
    }

    /// Starts `presync sample` on an instance: a program that begins bursts of real GPU work, each a process of its own, one
    /// after the other, and checks every result.
    func startSample(on instance: String, seed: Int, for time: Duration) throws -> OwnedProcess {
        let process = try OwnedProcess(
            Binaries.presync,
            ["run", "--instance", instance, "--", Binaries.presync, "sample", "--for", "\(time.inSeconds)s", "--seed"]
                + [
                    "\(seed)", "--mean-gap", "0.6", "--minimum-gap", "0.4", "--memory-cap", "4MiB", "--uplink",
                    "100000",
                ],
            environment: ["PRESYNC_AGENT_SOCKET": agentSocket],
            output: "\(folder)/\(instance)-sample.json", errors: "\(folder)/logs/\(instance)-sample.log")
        cleanUps.append { process.endGroup() }
        return process
    }

    /// Starts a program on an instance: real GPU work in `tokens` kernels, `pace` apart, each result checked. It begins
    /// at once, or with the end of its input; the instance is there meanwhile.
    func startProgram(
        on instance: String, tokens: Int, pace: Duration = .milliseconds(50), waitsForInput: Bool = false
    ) throws -> Program {
        let plan: [String: Any] = [
            "contextTokens": 0, "generatedTokens": tokens, "payloadBytes": 20_000, "payloadSeed": 7,
            "cacheBytes": 4 << 20, "secondsPerToken": pace.inSeconds,
        ]
        let text = String(decoding: try JSONSerialization.data(withJSONObject: plan), as: UTF8.self)
        let name = "\(instance)-\(programs.count)"
        let burst =
            [Binaries.presync, "sample", "burst", "--plan", text, "--payload-from", String(payloadPort)]
            + ["--pace", "80000000"]
        let process = try OwnedProcess(
            Binaries.presync,
            ["run", "--instance", instance, "--"]
                + (waitsForInput ? ["sh", "-c", "cat; exec \"$@\"", "sh"] : []) + burst,
            environment: ["PRESYNC_AGENT_SOCKET": agentSocket],
            output: "\(folder)/\(name).json", errors: "\(folder)/logs/\(name).log")
        cleanUps.append { process.endGroup() }
        let program = Program(process: process, tokens: tokens, logPath: "\(folder)/logs/\(name).log")
        programs.append(program)
        return program
    }

    /// The ids of this fleet's workers that are alive.
    var workers: [pid_t] { Binaries.workers(below: folder) }
    /// The ids of a daemon's children, those among them that have ended and are not reaped yet.
    func children(of role: Role) -> [pid_t] { daemons[role].map { Binaries.children(of: $0.pid) } ?? [] }
    func httpPort(of role: Role) -> UInt16 { httpPorts[role] ?? 0 }
    private var agentSocket: String { folder + "/agent.sock" }
    /// Where the agent has the client library of the interface version in force.
    var clientLibrary: String { folder + "/agent/interfaces/active/opencl/files/libPresyncOpenCL.so" }

    func log(of role: Role) -> String {
        (try? String(contentsOfFile: "\(folder)/logs/\(role.rawValue).log", encoding: .utf8)) ?? ""
    }

    private var logs: String {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/logs")) ?? []
        return names.sorted().map { name in
            let text = (try? String(contentsOfFile: "\(folder)/logs/\(name)", encoding: .utf8)) ?? ""
            return "\(name)\n" + text.split(separator: "\n").suffix(12).map { "  | \($0)\n" }.joined()
        }.joined()
    }
}
