import ControlProtocol
import FleetModel
import Foundation
import Testing

extension LiveSystemTests {
    /// A program with two virtual GPUs, on two GPU servers with the same real device.
    @Suite struct SeveralGPUsTests {
        /// Long enough to be seen at work: 5 seconds.
        private static let tokens = 100

        /// What the sample says of the devices that it found, beside what every program's end is checked for.
        private struct Found: Decodable {
            var devices: Int?
        }

        @Test func `a program waits with no virtual GPU until it gets both, and computes right on each`() async throws {
            // A program on two devices waits for as long as the second GPU server takes to start.
            let patience = LiveFleet.Preparation { _ in [.agent: ["--request-patience", "2m"]] }
            try await LiveFleet.run(patience) { fleet in
                let program = try Self.startProgram(on: fleet)
                defer { program.process.endGroup() }
                let alone = try await fleet.overview(when: "both requests wait") { now in
                    guard !program.hasEnded else { throw NotInTime(description: "the program ended without a GPU") }
                    return now.waiting.count == 2
                }
                #expect(alone.waiting.map(\.instance.rawValue).sorted() == ["i1", "i1/gpu1"])
                #expect(alone.waiting.allSatisfy { !$0.reason.isEmpty })
                #expect(alone.attachedSessions == 0)
                #expect(try await fleet.metrics(of: .agent).total("presync_agent_hand_overs_total") ?? 0 == 0)

                let second = try Self.startSecondServer(of: fleet)
                defer { second.endGroup() }
                let together = try await fleet.overview(when: "the program has a session on each device") { now in
                    guard !program.hasEnded else { throw NotInTime(description: "the program ended unseen") }
                    return now.devices.count == 2 && now.devices.allSatisfy { $0.attachedSessions == 1 }
                }
                #expect(together.waiting.isEmpty)
                try await program.succeed()
                let said = try JSONDecoder().decode(Found.self, from: Data(program.process.output.utf8))
                #expect(said.devices == 2)
                #expect(try await fleet.metrics(of: .agent).total("presync_agent_hand_overs_total") == 2)
                #expect(try await fleet.metrics(of: .manager).total("presync_safety_violations_total") == 0)
                try await fleet.waitUntilFree()
            }
        }

        /// A burst of the sample on an instance with two virtual GPUs, each with half of its work.
        private static func startProgram(on fleet: LiveFleet) throws -> Program {
            let plan: [String: Any] = [
                "contextTokens": 0, "generatedTokens": tokens, "payloadBytes": 20_000, "payloadSeed": 7,
                "cacheBytes": 8 << 20, "secondsPerToken": 0.05,
            ]
            let text = String(decoding: try JSONSerialization.data(withJSONObject: plan), as: UTF8.self)
            let log = "\(fleet.folder)/logs/two-gpus.log"
            let process = try OwnedProcess(
                Binaries.presync,
                [
                    "run", "--instance", "i1", "--gpus", "2", "--", Binaries.presync, "sample", "burst", "--plan", text,
                    "--payload-from", String(fleet.payloadPort), "--pace", "80000000",
                ],
                environment: ["PRESYNC_AGENT_SOCKET": "\(fleet.folder)/agent.sock", "PRESYNC_DEBUG": "1"],
                output: "\(fleet.folder)/two-gpus.json", errors: log)
            return Program(process: process, tokens: tokens, logPath: log)
        }

        /// Its workers end with the fleet's: its state lies in the same folder.
        private static func startSecondServer(of fleet: LiveFleet) throws -> OwnedProcess {
            let port = try FreePorts.find(1)[0]
            let state = "\(fleet.folder)/second-server"
            try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
            let log = "\(fleet.folder)/logs/second-server.log"
            return try OwnedProcess(
                Binaries.presync,
                [
                    "gpu-server", "--id", "second", "--manager", fleet.manager.description, "--status-listen",
                    "127.0.0.1:\(port)", "--memory-limit", String(LiveFleet.memoryPerDevice.rawValue),
                    "--interface-review", "1s", "--state-directory", state, "--until-input-ends",
                ],
                output: log, errors: log)
        }
    }
}
