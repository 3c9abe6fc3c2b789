import ControlLoop
import FleetModel
import Foundation
import InterfaceCore
import Testing

/// The protocol between manager, agent and GPU server, as text: `Scenarios/*.txt`.
///
/// A scenario is a list of blocks: commands, a line `----`, and what then is said and done, up to an empty line.
/// `PRESYNC_REWRITE_SCENARIOS=1` writes what happens into the files, for review as a diff.
@Suite struct ScenarioTests {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Scenarios")

    static let names: [String] = {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return files.filter { $0.hasSuffix(".txt") }.sorted()
    }()

    @Test func thereAreScenarios() { #expect(Self.names.count >= 8) }

    @Test(arguments: names)
    func happensAsWritten(name: String) throws {
        let file = Self.folder.appending(path: name)
        let written = try String(contentsOf: file, encoding: .utf8)
        let happened = try Self.run(written)
        if ProcessInfo.processInfo.environment["PRESYNC_REWRITE_SCENARIOS"] == "1" {
            try happened.write(to: file, atomically: true, encoding: .utf8)
        } else {
            #expect(happened == written)
        }
    }

    /// The scenario's text with the outcome of this run in place of the outcome written there.
    static func run(_ text: String) throws -> String {
        var world = ScenarioWorld()
        var output: [String] = []
        var inOutcome = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
            switch (line, inOutcome) {
            case ("----", _):
                output.append(line)
                output += world.transcript
                world.transcript = []
                inOutcome = true
            case ("", true):
                output.append("")
                inOutcome = false
            case (_, true):
                continue
            case (_, false):
                output.append(line)
                if !line.isEmpty, !line.hasPrefix("#") { try world.obey(line) }
            }
        }
        return output.joined(separator: "\n")
    }
}

struct UnknownCommand: Error {
    let line: String
}

extension ScenarioWorld {
    /// One command of a scenario. Names of grants and requests are their numbers: `g1`, `r1`.
    mutating func obey(_ line: String) throws {
        let words = line.split(separator: " ").map(String.init)
        guard let command = words.first else { return }
        let rest = Array(words.dropFirst())
        switch (command, rest.first) {
        case ("connect", "agent"): connectAgent()
        case ("connect", "server"): connectServer()
        case ("disconnect", "agent"): disconnectAgent()
        case ("disconnect", "server"): disconnectServer()
        case ("publish", _): happens(.interfacesPublished([InterfaceOffer(version)], source: "http://manager/"))
        case ("deliver", _): deliver()
        case ("appear", let id?): happens(.instanceAppeared(description(id, rest.dropFirst().first)))
        case ("vanish", let id?): happens(AgentEvent.instanceGone(InstanceID(unchecked: id)))
        case ("forecast", let id?): foresee(id, rest)
        case ("advance", let seconds?): try advance(seconds)
        case ("step", _): step()
        case ("ask", let id?): happens(.programAsked(try request(rest.last), InstanceID(unchecked: id)))
        case ("leave", _): happens(.programLeft(try request(rest.last)))
        case ("worker", let id?): try worker(try grant(id), rest)
        case ("session", let id?): try session(try grant(id), rest)
        case ("store", "hold"): storeIsHeld = true
        case ("store", "answer"): answerStore()
        case ("restart", "manager"): restartManager()
        default: throw UnknownCommand(line: line)
        }
    }

    private func grant(_ text: String?) throws -> GrantID {
        guard let number = text.flatMap({ UInt64($0.dropFirst()) }) else { throw UnknownCommand(line: text ?? "") }
        return GrantID(rawValue: number)
    }

    private func request(_ text: String?) throws -> RequestID {
        guard let number = text.flatMap({ UInt64($0.dropFirst()) }) else { throw UnknownCommand(line: text ?? "") }
        return RequestID(rawValue: number)
    }

    private func description(_ id: String, _ priority: String?) -> InstanceDescription {
        InstanceDescription(
            id: InstanceID(unchecked: id), tenant: TenantID(unchecked: "t"),
            application: ApplicationType(unchecked: "chat"),
            priorityClass: PriorityClassName(unchecked: priority ?? "standard"))
    }

    /// `forecast i1 0.9 300`: probability of demand, MiB if demanded.
    private func foresee(_ id: String, _ words: [String]) {
        if words.count > 1 { script.onset[InstanceID(unchecked: id)] = Double(words[1]) }
        if words.count > 2 { script.memory[InstanceID(unchecked: id)] = (Double(words[2]) ?? 0) * 0x1p20 }
    }

    /// Second by second: every daemon's period ends, messages are delivered, the manager steps.
    private mutating func advance(_ seconds: String) throws {
        guard let count = Int(seconds) else { throw UnknownCommand(line: seconds) }
        for _ in 0..<count {
            now = now + .seconds(1)
            let samples = agent.instances.keys.sorted().map {
                InstanceTelemetry(
                    instance: $0, incarnation: 1, source: .processTree, samples: [TelemetrySample(at: now, cpuMilli: 0)]
                )
            }
            happens(.samplesTaken(samples))
            happens(AgentEvent.periodEnded)
            happens(GPUServerEvent.periodEnded)
            deliver()
            happens(ManagerEvent.stepDue)
            deliver()
        }
    }

    /// A second passes and the manager steps; what it says stays under way.
    private mutating func step() {
        now = now + .seconds(1)
        happens(ManagerEvent.stepDue)
    }

    private mutating func worker(_ grant: GrantID, _ words: [String]) throws {
        switch words.dropFirst().first {
        case "starts": happens(.workerStarted(grant, SessionEndpoint(host: "s1", port: UInt16(grant.rawValue))))
        case "fails": happens(.workerFailed(grant, "no context"))
        case "limits":
            let memory = Bytes.mebibytes(words.last.flatMap { Int64($0) } ?? 0)
            happens(.limitApplied(grant, Slice(memory: memory, compute: memory == .zero ? .zero : MilliShare(250))))
        case "attaches":
            happens(
                .workerReported(
                    grant,
                    WorkerStatus(
                        attached: true, connected: true, peakMemory: .mebibytes(8), busy: .zero, traffic: true)))
        case "exits": happens(.workerExited(grant, words.last == "asked" ? .ordered : .closed))
        case "crashes": happens(.workerExited(grant, .killed(signal: 11)))
        case "overruns": happens(.workerExited(grant, .overran))
        default: throw UnknownCommand(line: words.joined(separator: " "))
        }
    }

    private mutating func session(_ grant: GrantID, _ words: [String]) throws {
        switch words.dropFirst().first {
        case "opens": happens(.sessionOpened(grant))
        case "fails": happens(.sessionFailed(grant, "connection refused"))
        case "is-lost": happens(.sessionLost(grant))
        default: throw UnknownCommand(line: words.joined(separator: " "))
        }
    }

    /// The manager's process is killed and started on what was durable.
    private mutating func restartManager() {
        heldCommit = nil
        storeIsHeld = false
        agentLink = nil
        serverLink = nil
        happens(AgentEvent.linkClosed)
        happens(GPUServerEvent.linkClosed)
        disconnectAgent()
        disconnectServer()
        stored.term += 1
        manager = Self.manager(recovering: stored, script, now)
        happens(.interfacesPublished([InterfaceOffer(version)], source: "http://manager/"))
    }
}
