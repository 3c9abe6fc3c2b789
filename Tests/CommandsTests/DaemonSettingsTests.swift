import ArgumentParser
import ControlProtocol
import FleetModel
import Foundation
import GPUServerRuntime
import ManagerRuntime
import Testing

@testable import AgentRuntime
@testable import Commands

@Suite struct DaemonSettingsTests {
    private static let roles = [
        (ManagerSettings.role, ManagerSettings.known), (AgentSettings.role, AgentSettings.known),
        (GPUServerSettings.role, GPUServerSettings.known),
    ]

    @Test(arguments: roles)
    func `every documented setting is a flag, and every flag is documented`(role: String, known: [Setting]) throws {
        for setting in known {
            #expect(throws: Never.self) { try PresyncCommand.parseAsRoot([role, "--\(setting.name)", "x"]) }
        }
        let help = PresyncCommand.helpMessage(for: try #require(Self.command(role)), columns: 200)
        for setting in known {
            #expect(help.contains("--\(setting.name)\n"))
            #expect(help.contains(setting.variable(role: role)))
        }
    }

    @Test func `a manager's settings reach its configuration`() {
        var settings = Settings(
            role: ManagerSettings.role, known: ManagerSettings.known,
            flags: [
                "listen": "0.0.0.0:7500", "policy": "reactive", "period": "500ms", "snapshot-every": "5m",
                "horizons": "3, 10,20",
            ],
            environment: ["PRESYNC_MANAGER_STATE_DIRECTORY": "/srv/presync"], file: nil)
        let configuration = ManagerSettings.configuration(&settings)
        #expect(settings.problems.isEmpty)
        #expect(configuration.listen.port == 7_500)
        #expect(configuration.policy == .reactive)
        #expect(configuration.period == .milliseconds(500))
        #expect(configuration.stateDirectory == "/srv/presync")
        #expect(configuration.snapshotPeriod == .seconds(300))
        #expect(configuration.horizons.all == [3, 10, 20])
    }

    @Test(arguments: ["5,15", "5,15,31", "0,15,30", "15,5,30", "5,5,30", "5,15,30,45", "5;15;30", ""])
    func `horizons that cannot be are refused with what could be`(text: String) throws {
        var settings = Settings(
            role: ManagerSettings.role, known: ManagerSettings.known, flags: ["horizons": text], environment: [:],
            file: nil)
        #expect(ManagerSettings.configuration(&settings).horizons == .standard)
        let problem = try #require(settings.problems.first)
        #expect(problem.origin == "--horizons")
        #expect(problem.description.contains("three whole seconds from 1 to 30"))
    }

    @Test func `a manager that is to keep no snapshots keeps none`() {
        var settings = Settings(
            role: ManagerSettings.role, known: ManagerSettings.known, flags: ["snapshot-every": "0"], environment: [:],
            file: nil)
        #expect(ManagerSettings.configuration(&settings).snapshotPeriod == nil)
        #expect(settings.problems.isEmpty)
    }

    @Test func `an agent's wrong settings are all reported, those of its own check as well`() {
        var settings = Settings(
            role: AgentSettings.role, known: AgentSettings.known,
            flags: ["manager": "nowhere", "socket": "relative.sock", "registration": "some"], environment: [:],
            file: nil)
        _ = AgentSettings.configuration(&settings)
        #expect(settings.problems.map(\.origin) == ["--manager", "--registration", "agent"])
    }

    private func agentSettings(yaml: String) throws -> Settings {
        let file = NSTemporaryDirectory() + "/presync-agent-\(UUID().uuidString).yaml"
        try yaml.write(toFile: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: file) }
        return Settings(
            role: AgentSettings.role, known: AgentSettings.known, lists: AgentSettings.lists, flags: [:],
            environment: [:], file: file)
    }

    @Test func `a file's instances are containers, process trees and the host`() throws {
        var settings = try agentSettings(
            yaml: """
                agent:
                  instances:
                    - {id: web, tenant: acme, application: chat, class: interactive, user: ann, cgroup: /system.slice/web.service}
                    - {id: trainer, pid: 4711}
                    - id: rest
                      host: true
                """)
        let configuration = AgentSettings.configuration(&settings)
        #expect(settings.problems.isEmpty)
        #expect(
            configuration.instances.map(\.selector) == [
                .cgroup(path: "/system.slice/web.service"), .processTree(root: 4711), .host,
            ])
        #expect(
            configuration.instances.first?.description
                == InstanceDescription(
                    id: InstanceID(unchecked: "web"), tenant: TenantID(unchecked: "acme"),
                    application: ApplicationType(unchecked: "chat"),
                    priorityClass: PriorityClassName(unchecked: "interactive"), user: UserID(unchecked: "ann")))
        #expect(configuration.instances.dropFirst().allSatisfy { $0.description.user == nil })
        #expect(configuration.instances.last?.description.application.rawValue == "rest")
        #expect(configuration.instances.map(\.isApplicationDeclared) == [true, false, false])
    }

    @Test func `an instance of a file has as many virtual GPUs as it says, and one by itself`() throws {
        var settings = try agentSettings(
            yaml: "agent:\n  instances:\n    - {id: a, gpus: 16, pid: 1}\n    - {id: b, pid: 2}\n")
        #expect(AgentSettings.configuration(&settings).instances.map(\.gpus) == [16, 1])
        #expect(settings.problems.isEmpty)
        for text in ["0", "17", "-1", "two", "1.5"] {
            var wrong = try agentSettings(yaml: "agent:\n  instances:\n    - {id: a, gpus: \(text), pid: 1}\n")
            #expect(AgentSettings.configuration(&wrong).instances.isEmpty)
            let problem = try #require(wrong.problems.first)
            #expect(wrong.problems.count == 1 && problem.origin.hasPrefix("agent.instances[0] in"))
            #expect(problem.cause == "gpus '\(text)' is not a number from 1 to 16")
        }
    }

    @Test func `instances that would share a name are refused`() throws {
        var settings = try agentSettings(
            yaml: "agent:\n  instances:\n    - {id: a, gpus: 2, pid: 1}\n    - {id: a/gpu1, pid: 2}\n")
        _ = AgentSettings.configuration(&settings)
        #expect(settings.problems.first?.cause.contains("both need the name a/gpu1") == true)
    }

    @Test func `who uses an instance is told only where that is permitted`() throws {
        var settings = try agentSettings(yaml: "agent:\n  user-identity: yes\n")
        #expect(AgentSettings.configuration(&settings).tellsUsers)
        var silent = try agentSettings(yaml: "agent:\n  user-activity: yes\n")
        #expect(!AgentSettings.configuration(&silent).tellsUsers)
        var wrong = try agentSettings(yaml: "agent:\n  instances:\n    - {id: web, user: a b, pid: 1}\n")
        #expect(AgentSettings.configuration(&wrong).instances.isEmpty)
        #expect(wrong.problems.map(\.description).contains { $0.contains("user 'a b' is not a name") })
    }

    @Test func `a file's rules for applications keep their order`() throws {
        var settings = try agentSettings(
            yaml: """
                agent:
                  applications:
                    - {program: "python*", application: training}
                    - {program: python3, application: never}
                """)
        let configuration = AgentSettings.configuration(&settings)
        #expect(settings.problems.isEmpty)
        #expect(configuration.applicationRules.rules.map(\.application.rawValue) == ["training", "never"])
        #expect(configuration.applicationRules.rules.first?.program == ProgramPattern("python*"))
    }

    @Test func `everything that is wrong with a file's rules is said at once, with what to write`() throws {
        var settings = try agentSettings(
            yaml: """
                agent:
                  applications:
                    - {program: /usr/bin/python, application: training}
                    - {program: python train.py, application: "no name"}
                    - {application: chat, arguments: "--serve"}
                    - python
                """)
        _ = AgentSettings.configuration(&settings)
        let said = settings.problems.map(\.description).joined(separator: "\n")
        for expected in [
            "agent.applications[0] in", "program '/usr/bin/python' is not the name of one", "no path and no arguments",
            "program 'python train.py'", "application 'no name' is not a name", "applications[2].arguments",
            "known are program, application", "has no program", "applications[3]", "is not a mapping",
        ] {
            #expect(said.contains(expected), "\(said)")
        }
        #expect(settings.problems.count == 6)
    }

    @Test func `everything that is wrong with a file's instances is said at once`() throws {
        var settings = try agentSettings(
            yaml: """
                agent:
                  instances:
                    - {id: a, cgroup: /x, pid: 3}
                    - {tenant: "no name", host: true}
                    - {id: b, colour: red, pid: many}
                    - {id: c, cgroup: relative}
                    - d
                """)
        _ = AgentSettings.configuration(&settings)
        let said = settings.problems.map(\.description).joined(separator: "\n")
        for expected in [
            "instances[2].colour", "instances[4]", "is not a mapping", "instances[0]", "exactly one of cgroup",
            "instances[1]", "has no id", "tenant 'no name' is not a name", "instances[2] in", "must begin with /",
        ] {
            #expect(said.contains(expected), "\(said)")
        }
        #expect(settings.problems.count == 7)
    }

    @Test func `a GPU server's settings reach its configuration`() {
        var settings = Settings(
            role: GPUServerSettings.role, known: GPUServerSettings.known,
            flags: ["worker": "/opt/presync-worker", "memory-limit": "2GiB", "worker-ports": "9000-9010"],
            environment: [:], file: nil)
        let configuration = GPUServerSettings.configuration(&settings)
        #expect(settings.problems.isEmpty)
        #expect(configuration.memoryLimit == .gibibytes(2))
        #expect(configuration.workerPorts == 9_000...9_010)
    }

    @Test(arguments: ["foo", "localhost", "300.1.1.1", "10.0.0.7:80", ""])
    func `workers listen on no name, which they would not resolve`(host: String) throws {
        var settings = Settings(
            role: GPUServerSettings.role, known: GPUServerSettings.known, flags: ["listen-host": host],
            environment: [:], file: nil)
        _ = GPUServerSettings.configuration(&settings)
        let problem = try #require(settings.problems.first)
        #expect(settings.problems.count == 1 && problem.origin == "--listen-host")
        #expect(problem.cause == "'\(host)' is not a numeric address")
    }

    @Test(arguments: ["0.0.0.0", "10.0.0.7", "::", "::1"])
    func `workers listen on numeric addresses of both families`(host: String) {
        var settings = Settings(
            role: GPUServerSettings.role, known: GPUServerSettings.known, flags: ["listen-host": host],
            environment: [:], file: nil)
        #expect(GPUServerSettings.configuration(&settings).listenHost == host)
        #expect(settings.problems.isEmpty)
    }

    @Test(arguments: [false, true])
    func `an interface root that is not there is refused, and mirrors are looked for by a check`(isCheck: Bool) {
        let missing = NSTemporaryDirectory() + "/presync-missing-\(UUID().uuidString)"
        var settings = Settings(
            role: AgentSettings.role, known: AgentSettings.known,
            flags: [
                "interface-root": missing,
                "interface-mirrors": "https://mirror.example/presync,\(missing),\(NSTemporaryDirectory())",
            ],
            environment: [:], file: nil, isOnlyChecked: isCheck)
        _ = AgentSettings.configuration(&settings)
        #expect(settings.problems.map(\.origin) == ["--interface-root"] + (isCheck ? ["--interface-mirrors"] : []))
        #expect(settings.problems.allSatisfy { $0.cause.hasPrefix(missing + " is no") })
    }

    @Test(arguments: [false, true])
    func `a repository that is not there is reported by a check`(isCheck: Bool) {
        var settings = Settings(
            role: ManagerSettings.role, known: ManagerSettings.known,
            flags: ["interface-repository": "/nowhere/presync"], environment: [:], file: nil, isOnlyChecked: isCheck)
        _ = ManagerSettings.configuration(&settings)
        #expect(settings.problems.map(\.cause) == (isCheck ? ["/nowhere/presync is no folder"] : []))
    }

    @Test(arguments: roles)
    func `every setting says what is in force without it`(role: String, known: [Setting]) {
        for setting in known { #expect(setting.standard?.isEmpty == false, "\(setting.name) of \(role)") }
    }

    @Test func `a folder that cannot be made is a configuration that cannot work`() {
        let failure = #expect(throws: CommandFailure.self) { try Daemon.takeStateDirectory("/proc/presync/manager") }
        #expect(failure?.status == .configuration)
        #expect(failure?.cause == "the state directory /proc/presync/manager cannot be used: No such file or directory")
        #expect(failure?.advice.contains("--state-directory") == true)
    }

    @Test(arguments: ["", "-", "9010-9000", "0-9", "1-70000", "1-2-3", "a-b"])
    func `what is not a range of ports is refused`(text: String) {
        #expect(PortRange(text) == nil)
    }

    private static func command(_ role: String) -> (any ParsableCommand.Type)? {
        PresyncCommand.configuration.subcommands.first { $0._commandName == role }
    }
}
