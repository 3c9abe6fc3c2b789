import Foundation
import Testing
import TraceFiles

@testable import Simulation

@Suite struct PlacementReplayTests {
    private static let nodes = (0..<12).map {
        PlacementTrace.Node(name: "n\($0)", cpuMilli: 64_000, memory: 262_144, devices: 4, model: $0 < 9 ? "A" : "B")
    }
    private static let requests =
        [810, 470, 320, 650].map { PlacementTrace.Request(cpuMilli: 8_000, memory: 1_000, devices: 1, share: $0) }
        + [1, 1, 1, 2, 4].map {
            PlacementTrace.Request(cpuMilli: 12_000 * $0, memory: 1_000, devices: $0, share: 1_000)
        } + [PlacementTrace.Request(cpuMilli: 16_000, memory: 9_000, devices: 0, share: 0)]

    private func replay(load: Int = 130) throws -> PlacementReplay {
        PlacementReplay(
            trace: try #require(PlacementTrace(nodes: Self.nodes, requests: Self.requests)), load: load)
    }

    @Test(arguments: ReplayedPlacement.allCases)
    func `equal seeds give equal runs, and others others`(placement: ReplayedPlacement) throws {
        let replay = try replay()
        let run = replay.run(placement, seed: 7)
        #expect(run == replay.run(placement, seed: 7))
        #expect(run != replay.run(placement, seed: 8))
        for mark in run.marks {
            #expect((0...100).contains(mark.allocated))
            // What is fragmented is free.
            #expect(mark.fragmented >= 0 && mark.fragmented + mark.allocated <= 100.001)
        }
    }

    @Test func `moving others gains something where placing was poor, and loses nothing`() throws {
        let replay = try replay(load: 100)
        let runs = (1...12).map { replay.run(.random, seed: $0) }
        #expect(runs.contains { $0.moves > 0 })
        for run in runs { #expect(run.allocatedByMoving + 0.5 >= run.marks.last?.allocated ?? 100) }
    }

    @Test func `results are taken at loads that are reached`() throws {
        #expect(try replay(load: 130).marks == [95, 100, 130])
        #expect(try replay(load: 100).marks == [95, 100])
        #expect(try replay(load: 40).marks == [40])
    }

    @Test func `a trace without devices is none`() {
        let bare = PlacementTrace.Node(name: "n", cpuMilli: 1, memory: 1, devices: 0, model: "")
        #expect(PlacementTrace(nodes: [bare], requests: Self.requests) == nil)
        #expect(PlacementTrace(nodes: Self.nodes, requests: Array(Self.requests.suffix(1))) == nil)
    }
}

/// The openb traces of `PRESYNC_DATA` against what was published for them.
@Suite struct PublishedPlacementTests {
    /// Means over the published seeds at 95, 100 and 130 % requested (docs/placement.md names the source); a few seeds
    /// of ours are within 0.5 of them.
    @Test(
        .enabled(if: recordedClusters != nil, "PRESYNC_DATA is not set: no cluster trace to place"),
        arguments: [
            (ReplayedPlacement.bestFit, [92.82, 92.86, 93.08]), (.gradientDescent, [94.91, 95.23, 95.39]),
        ])
    func `published means are reproduced on the default trace`(placement: ReplayedPlacement, means: [Double]) throws {
        let marks = try summary(placement, "default").marks
        for (mark, mean) in zip(marks, means) { #expect(abs(mark.allocated.mean - mean) <= 0.5, "at \(mark.load) %") }
    }

    @Test(
        .enabled(if: recordedClusters != nil, "PRESYNC_DATA is not set: no cluster trace to place"),
        arguments: ["default", "gpuspec10"])
    func `presync allocates more than gradient descent`(variant: String) throws {
        let (ours, theirs) = (try summary(.presync, variant), try summary(.gradientDescent, variant))
        for (mine, other) in zip(ours.marks, theirs.marks) where mine.load >= 100 {
            #expect(mine.allocated.mean > other.allocated.mean + 0.3, "at \(mine.load) %")
        }
        if variant == "default" { #expect(ours.marks[1].allocated.mean >= 95.8) }
    }

    private func summary(_ placement: ReplayedPlacement, _ variant: String) throws -> PlacementSummary {
        let folder = try #require(recordedClusters)
        let nodes = try ClusterTrace.nodes(path: "\(folder)/openb_node_list_gpu_node.csv.gz").map {
            PlacementTrace.Node(
                name: $0.name, cpuMilli: $0.cpuMilli, memory: $0.memory, devices: $0.devices, model: $0.model)
        }
        let pods = try ClusterTrace.pods(path: "\(folder)/openb_pod_list_\(variant).csv.gz").map {
            PlacementTrace.Request(
                cpuMilli: $0.cpuMilli, memory: $0.memory, devices: $0.devices, share: $0.share, models: $0.models)
        }
        let replay = PlacementReplay(trace: try #require(PlacementTrace(nodes: nodes, requests: pods)), load: 130)
        return PlacementSummary(placement, (42...44).map { replay.run(placement, seed: $0) })
    }
}

private let recordedClusters: String? = {
    guard let folder = ProcessInfo.processInfo.environment["PRESYNC_DATA"] else { return nil }
    let data = folder + "/data"
    return FileManager.default.fileExists(atPath: data + "/openb_node_list_gpu_node.csv.gz") ? data : nil
}()
