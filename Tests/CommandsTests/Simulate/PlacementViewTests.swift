import Foundation
import Simulation
import Testing

@testable import Commands

@Suite struct PlacementViewTests {
    private func view() throws -> PlacementView {
        let nodes = [PlacementTrace.Node(name: "n", cpuMilli: 8_000, memory: 1_000, devices: 2, model: "A")]
        let requests = [PlacementTrace.Request(cpuMilli: 2_000, memory: 10, devices: 1, share: 1_000)]
        let replay = PlacementReplay(trace: try #require(PlacementTrace(nodes: nodes, requests: requests)), load: 100)
        let runs = [UInt64(1), 2].map { replay.run(.presync, seed: $0) }
        return PlacementView(
            load: 100, seeds: SeedRange(first: 1, last: 2), summaries: [PlacementSummary(.presync, runs)])
    }

    @Test func `JSON has a policy's figures by load`() throws {
        let text = try JSONText.encode(try view())
        let full = #"{"max":100,"mean":100,"min":100}"#
        #expect(text.contains(#""name":"presync""#))
        #expect(text.contains(#""allocated":{"100":\#(full),"95":"#))
        #expect(text.contains(#""allocatedByMoving":\#(full)"#))
        #expect(text.contains(#""firstSeed":1"#) && text.contains(#""lastSeed":2"#) && text.contains(#""load":100"#))
    }

    @Test func `the table has a row for each policy`() throws {
        let text = try view().table().rendered(header: true, style: .plain)
        #expect(text.contains("ALLOCATED AT 100 %"))
        #expect(text.contains("presync"))
        #expect(text.contains("100.00 [100.00, 100.00]"))
    }

    @Test func `policies are named once each, in the order given`() {
        #expect(PlacementList(argument: "presync,fgd")?.placements == [.presync, .gradientDescent])
        #expect(PlacementList(argument: "presync,") == nil)
        #expect(PlacementList(argument: "tetris") == nil)
        #expect(SeedRange(argument: "42..51").map(\.all.count) == 10)
        #expect(SeedRange(argument: "0..1000") == nil)
    }
}
