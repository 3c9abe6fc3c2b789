import ControlProtocol
import FleetModel
import Foundation
import Testing

extension LiveSystemTests {
    @Suite struct ForecastTests {
        /// What this test looks at of a line of `presync forecast show --follow -o json`.
        private struct Line: Decodable {
            struct Past: Decodable { var secondsAgo: Int }
            struct Trust: Decodable { var telemetryAgeSeconds: Double }
            var instance: String
            var past: [Past]
            var trust: Trust
        }

        @Test func `a forecast is followed, beside what had been said`() async throws {
            try await LiveFleet.run { fleet in
                let i1 = InstanceID(unchecked: "i1")
                _ = try fleet.startProgram(on: "i1", tokens: 1, waitsForInput: true)
                try await fleet.overview(when: "the instance is there") { $0.measuredInstances == [i1] }
                let follower = try OwnedProcess(
                    Binaries.presync,
                    ["forecast", "show", "i1", "--follow", "-o", "json", "--manager", fleet.manager.description],
                    output: fleet.folder + "/forecast.out", errors: fleet.folder + "/forecast.err")
                defer { follower.endGroup() }
                let lines = try await eventually("what had been said is shown") {
                    let lines = follower.output.split(separator: "\n").compactMap {
                        try? JSONDecoder().decode(Line.self, from: Data($0.utf8))
                    }
                    return (lines.last?.past.count ?? 0) >= 2 ? lines : nil
                }
                #expect(lines.allSatisfy { $0.instance == "i1" && $0.trust.telemetryAgeSeconds < 10 })
                #expect(lines.first?.past.isEmpty == true)
                // The last is of the second 5 s after the newest that was observed.
                #expect(lines.last?.past.last?.secondsAgo == -5)
                kill(follower.pid, SIGINT)
                #expect(try await eventually("the follower has ended") { follower.poll() } == .exited(0))
            }
        }
    }
}
