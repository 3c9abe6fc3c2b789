import FleetModel
import Foundation
import Testing

extension LiveSystemTests {
    /// How the end of a real worker's process is told: by its exit status, all the way to the metrics.
    @Test func `a worker that is killed in use is told from those that end well`() async throws {
        try await LiveFleet.run { fleet in
            try await fleet.startProgram(on: "i1", tokens: 3).succeed()
            try await fleet.waitUntilFree()
            #expect(try await fleet.workersEnded(["worker": "closed", "in_use": "yes"]) == 1)
            #expect(try await fleet.workersEnded(["reason": "server-failed"]) == 0)

            let program = try fleet.startProgram(on: "i1", tokens: 200)
            try await fleet.overview(when: "the program has its session") { $0.attachedSessions == 1 }
            for worker in fleet.workers { kill(worker, SIGKILL) }
            let said = try await program.end().outcome
            #expect(said?.error != nil)
            #expect(said?.checksFailed == 0)
            try await eventually("the GPU server has told of it") {
                try await fleet.workersEnded(["reason": "server-failed", "worker": "killed", "in_use": "yes"]) == 1
                    ? () : nil
            }
            try await fleet.startProgram(on: "i1", tokens: 3).succeed()
        }
    }
}

extension LiveFleet {
    /// How many grants have ended at the GPU server without its manager's command, of those with these labels.
    func workersEnded(_ labels: [String: String]) async throws -> Double {
        try await metrics(of: .gpuServer).total("presync_gpu_server_grants_ended_total", labels) ?? 0
    }
}
