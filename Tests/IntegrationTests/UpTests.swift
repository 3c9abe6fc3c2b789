import ControlProtocol
import Foundation
import Testing

extension LiveSystemTests {
    /// `presync up`, which starts all of a system by itself.
    @Suite struct UpTests {
        @Test func `a run that is killed leaves no process behind`() async throws {
            // Gaps so short that a burst is nearly always under way.
            let run = try UpRun(["--for", "600s", "--warm-up", "0", "--mean-gap", "0.2", "--minimum-gap", "0"])
            let results = run.folder + "/presync/i1.results.jsonl"
            try await eventually("a burst has begun", within: .seconds(60)) {
                (try? String(contentsOfFile: results, encoding: .utf8))?.isEmpty == false ? () : nil
            }
            #expect(run.processes.count >= 5)
            run.process.crash()
            try await eventually("everything has ended with it") { run.processes.isEmpty ? () : nil }
        }

        @Test func `a start that failed is counted, and the status says so`() async throws {
            let run = try UpRun([
                "--for", "5s", "--warm-up", "0", "--mean-gap", "0.2", "--minimum-gap", "0", "--json",
            ])
            // One may end between the look and the signal: then the next is killed.
            try await eventually("a burst is killed", within: .seconds(60)) {
                let burst = run.processes.first { Binaries.arguments(of: $0).contains("burst") }
                return burst.map { kill($0, SIGKILL) == 0 } == true ? () : nil
            }
            let end = try await eventually("the run has ended", within: .seconds(120)) { run.process.poll() }
            #expect(end == .exited(1), "\(run.messages)")
            #expect(run.process.output.contains(#""errors":1,"#))
        }

        @Test func `what a run recorded can be simulated`() async throws {
            let trace = FileManager.default.temporaryDirectory.path + "/presync-\(UInt32.random(in: 1...(.max))).csv.gz"
            defer { try? FileManager.default.removeItem(atPath: trace) }
            let run = try UpRun([
                "--for", "6s", "--warm-up", "0", "--mean-gap", "1", "--minimum-gap", "0", "--json", "--record", trace,
            ])
            let end = try await eventually("the run has ended", within: .seconds(120)) { run.process.poll() }
            #expect(end == .exited(0), "\(run.messages)")
            #expect(run.process.output.hasPrefix(#"{"policies":[{"#))
            #expect(run.messages.contains("look: presync status"))
            #expect(run.messages.contains("Recorded to \(trace): "))
            #expect(run.processes.isEmpty)
            try await expectSimulated(trace, in: run.folder)
        }

        @Test func `a fleet is recorded from outside, and its events are followed`() async throws {
            try await LiveFleet.run { fleet in
                let trace = fleet.folder + "/trace.csv"
                let recorder = try OwnedProcess(
                    Binaries.presync, ["record", "--manager", fleet.manager.description, "--for", "600s", trace],
                    output: fleet.folder + "/record.out", errors: fleet.folder + "/record.out")
                defer { recorder.endGroup() }
                let follower = try OwnedProcess(
                    Binaries.presync,
                    ["events", "--follow", "-o", "json", "--manager", fleet.manager.description],
                    output: fleet.folder + "/events.out", errors: fleet.folder + "/events.err")
                defer { follower.endGroup() }
                try await eventually("the recording has begun") {
                    FileManager.default.fileExists(atPath: trace) ? () : nil
                }
                try await fleet.startProgram(on: "i1", tokens: 40).succeed()
                try await eventually("the follower tells of it") {
                    follower.output.contains(#""instance":"i1""#) ? () : nil
                }
                kill(recorder.pid, SIGINT)
                let end = try await eventually("the recorder has ended") { recorder.poll() }
                #expect(end == .exited(0), "\(recorder.output)")
                let rows = try String(contentsOfFile: trace, encoding: .utf8).split(separator: "\n")
                #expect(rows.contains { $0.contains(",i1,") })
                try await expectSimulated(trace, in: fleet.folder)
                fleet.crash(.manager)
                #expect(try await eventually("the follower has ended") { follower.poll() } == .exited(69))
            }
        }

        private func expectSimulated(_ trace: String, in folder: String) async throws {
            let simulation = try OwnedProcess(
                Binaries.presync, ["simulate", "--trace", trace], output: folder + "/simulation.out",
                errors: folder + "/simulation.out")
            defer { simulation.endGroup() }
            let end = try await eventually("the simulation has ended") { simulation.poll() }
            #expect(end == .exited(0), "\(simulation.output)")
            #expect(simulation.output.contains("STARTS"))
        }
    }
}
