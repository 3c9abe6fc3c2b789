import FleetModel
import Foundation
import Testing

/// The real programs over real sockets, with real OpenCL work. One fleet at a time: each needs the whole machine.
@Suite(.serialized) struct LiveSystemTests {
    @Test func `a program computes on its virtual GPU, which is given back after it`() async throws {
        try await LiveFleet.run { fleet in
            let outcome = try await fleet.startProgram(on: "i1", tokens: 5).succeed()
            let found = Readiness.allCases.first { $0.description == outcome.foundReadiness }
            #expect(try #require(found) >= .staged)
            #expect(outcome.grant != nil)
            #expect(outcome.gpuBytes > 0)
            try await fleet.waitUntilFree()
        }
    }

    @Test func `a GPU server leaves no dead worker behind`() async throws {
        try await LiveFleet.run { fleet in
            for _ in 1...3 {
                try await fleet.startProgram(on: "i1", tokens: 1).succeed()
                try await fleet.waitUntilFree()
            }
            try await eventually("all workers are reaped") {
                fleet.children(of: .gpuServer).isEmpty ? () : nil
            }
        }
    }

    @Test func `the metrics of every daemon are well formed and count what happened`() async throws {
        try await LiveFleet.run { fleet in
            try await fleet.startProgram(on: "i1", tokens: 2).succeed()
            try await fleet.waitUntilFree()
            let manager = try await fleet.metrics(of: .manager)
            #expect(manager.total("presync_requests_total") == 1)
            #expect(manager.total("presync_requests_total", ["found": "refused"]) == 0)
            #expect(try #require(manager.total("presync_grants_total")) >= 1)
            #expect(manager.total("presync_manager_term") == 1)
            #expect(manager.total("presync_safety_violations_total") == 0)
            #expect(manager.total("presync_device_available") == 1)
            #expect(
                manager.total("presync_device_memory_bytes", ["kind": "total"])
                    == Double(LiveFleet.memoryPerDevice.rawValue))
            #expect(manager.total("presync_device_memory_bytes", ["kind": "reserved"]) == 0)

            // What it holds is shown from its first period on.
            let server = try await eventually("the GPU server shows that it holds nothing") {
                let metrics = try await fleet.metrics(of: .gpuServer)
                return metrics.total("presync_gpu_server_sessions") == 0 ? metrics : nil
            }
            #expect(try #require(server.total("presync_gpu_server_commands_answered_total")) >= 1)
            #expect(server.total("presync_gpu_server_link_open") == 1)

            let agent = try await fleet.metrics(of: .agent)
            #expect(agent.total("presync_agent_hand_overs_total") == 1)
            #expect(agent.total("presync_agent_hand_over_seconds_count") == 1)
            #expect(agent.total("presync_agent_refusals_total") ?? 0 == 0)
            #expect(agent.total("presync_agent_link_open") == 1)
        }
    }
}
