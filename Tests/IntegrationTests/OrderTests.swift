import FleetModel
import Foundation
import Testing

extension LiveSystemTests {
    /// `presync order`, `presync plan` and `presync apply`, as an operator gives them, on real daemons.
    @Suite struct OrderTests {
        /// What an ended command said, and how it ended.
        private struct Answer {
            var end: OwnedProcess.End
            var output: String
            /// Standard error.
            var errors: String

            /// The answer of `--output json`.
            func json() throws -> [String: Any] {
                try #require(try JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: Any])
            }
        }

        private func presync(_ line: String, _ fleet: LiveFleet) async throws -> Answer {
            try await presync(line, asking: "\(fleet.manager)", folder: fleet.folder)
        }

        private func presync(_ line: String, asking manager: String, folder: String) async throws -> Answer {
            let base = "\(folder)/command-\(UInt32.random(in: 1...(.max)))"
            let process = try OwnedProcess(
                Binaries.presync, line.split(separator: " ").map(String.init) + ["--manager", manager],
                output: base + ".out", errors: base + ".err")
            defer { process.endGroup() }
            let end = try await eventually("presync \(line) has ended") { process.poll() }
            let errors = try String(contentsOfFile: base + ".err", encoding: .utf8)
            return Answer(end: end, output: process.output, errors: errors)
        }

        /// A fleet with the instance `i1`, whose program does nothing yet.
        private func withInstance(_ test: (LiveFleet) async throws -> Void) async throws {
            try await LiveFleet.run { fleet in
                _ = try fleet.startProgram(on: "i1", tokens: 1, waitsForInput: true)
                try await fleet.overview(when: "i1 is known") { !$0.instances.isEmpty }
                try await test(fleet)
            }
        }

        @Test func `orders are kept, shown and carried out, and taken back`() async throws {
            try await withInstance { fleet in
                let pin = try await presync("order pin i1 server#0", fleet)
                #expect(pin.end == .exited(0) && pin.errors.isEmpty, "\(pin.errors)")
                #expect(pin.output.contains("pin    i1    server#0"), "\(pin.output)")
                let reserve = try await presync("order reserve i1 --memory 64MiB -o json", fleet)
                #expect(reserve.end == .exited(0))
                let reservations = try #require(try reserve.json()["reservations"] as? [[String: Any]])
                #expect(reservations.first?["instance"] as? String == "i1")
                #expect(reservations.first?["memoryBytes"] as? Int == 64 << 20)
                try await fleet.overview(when: "it is reserved") { fleet in
                    fleet.instances.first?.readiness == .reserved && fleet.reservedMemory == .mebibytes(64)
                }

                let release = try await presync("order release i1", fleet)
                #expect(release.end == .exited(0) && !release.output.contains("reservation"))
                let again = try await presync("order release i1", fleet)
                #expect(again.end == .exited(1) && again.errors.contains("nothing is reserved by order for i1"))

                let mode = try await presync("order mode forecast-only", fleet)
                #expect(mode.end == .exited(0) && mode.output.contains("forecast-only"))
                let fleetThen = try await fleet.overview(when: "it only records") { $0.mode == .forecastOnly }
                #expect(fleetThen.mode == .forecastOnly)
                let list = try await presync("order list -o json", fleet)
                #expect(try list.json()["mode"] as? String == "forecast-only")
                #expect((try list.json()["pins"] as? [[String: Any]])?.first?["place"] as? String == "server#0")
            }
        }

        @Test func `a name that nobody knows is taken, and said`() async throws {
            try await withInstance { fleet in
                let pin = try await presync("order pin i9 elsewhere -o json", fleet)
                #expect(pin.end == .exited(0))
                #expect((try pin.json()["pins"] as? [Any])?.count == 1)
                #expect(pin.errors.contains("note: no instance i9 is known"), "\(pin.errors)")
                #expect(pin.errors.contains("note: no GPU server elsewhere is known"), "\(pin.errors)")
            }
        }

        @Test func `a plan is shown, refused once it is stale, and applied as it was shown`() async throws {
            try await withInstance { fleet in
                _ = try await presync("order reserve i1 --memory 64MiB", fleet)
                try await fleet.overview(when: "it is reserved") { $0.instances.first?.readiness == .reserved }
                let (changes, kept) = ("\(fleet.folder)/changes.txt", "\(fleet.folder)/night.plan")
                try "# tonight\npresync order maintenance server\n".write(
                    toFile: changes, atomically: true, encoding: .utf8)

                let plan = try await presync("plan \(changes) --to \(kept) -o json", fleet)
                #expect(plan.end == .exited(0), "\(plan.errors)")
                let said = try #require(try plan.json()["changes"] as? [String])
                #expect(said.first?.hasPrefix("server is worked on from") == true)
                let steps = try #require(try plan.json()["steps"] as? [[String: Any]])
                let short = try #require(steps.first { $0["action"] as? String == "short" })
                #expect(short["heldLevel"] as? String == "reserved" && short["heldDevice"] as? String == "server#0")
                let unchanged = try await fleet.overview(when: "the fleet is seen") { _ in true }
                #expect(unchanged.recovery.drains.isEmpty, "a plan changes nothing")

                #expect(try await presync("order pin i1 server", fleet).end == .exited(0))
                let stale = try await presync("apply \(kept)", fleet)
                #expect(stale.end == .exited(1) && stale.output.isEmpty)
                #expect(stale.errors.contains("the plan is stale: it was made on revision"), "\(stale.errors)")
                #expect(stale.errors.contains("plan anew"), "\(stale.errors)")

                #expect(try await presync("plan \(changes) --to \(kept)", fleet).end == .exited(0))
                let applied = try await presync("apply \(kept)", fleet)
                #expect(applied.end == .exited(0), "\(applied.errors)")
                #expect(applied.output.contains("change: server is worked on"), "\(applied.output)")
                try await fleet.overview(when: "the server is drained") { $0.recovery.drains.count == 1 }
            }
        }

        @Test func `a file that is no plan, and one that has no changes, are refused by name`() async throws {
            let folder = FileManager.default.temporaryDirectory.path + "/presync-\(UInt32.random(in: 1...(.max)))"
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let nobody = "127.0.0.1:1"
            let missing = try await presync("apply \(folder)/missing.plan", asking: nobody, folder: folder)
            #expect(missing.end == .exited(66) && missing.errors.contains("missing.plan cannot be read"))
            let file = "\(folder)/changes.txt"
            try "status\n".write(toFile: file, atomically: true, encoding: .utf8)
            let wrong = try await presync("plan \(file)", asking: nobody, folder: folder)
            #expect(wrong.end == .exited(66) && wrong.errors.contains("line 1: 'status' changes nothing"))
            let plan = try await presync("apply \(file)", asking: nobody, folder: folder)
            #expect(plan.end == .exited(66) && plan.errors.contains("changes.txt is no plan"), "\(plan.errors)")
        }
    }
}
