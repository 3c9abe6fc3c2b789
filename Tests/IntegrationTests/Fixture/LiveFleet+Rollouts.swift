import ControlProtocol
import FleetModel
import Foundation
import Testing

extension LiveFleet.Preparation {
    /// A repository in which the basic edition is published, and a manager that brings what is newer by rollouts only.
    static var rollouts: LiveFleet.Preparation {
        LiveFleet.Preparation { fleet in
            try await fleet.interface(["build", fleet.store, "--edition", "basic"])
            try await fleet.interface(["create", fleet.repository, "--keys", fleet.keys])
            try await fleet.publish()
            return [.manager: ["--interface-repository", fleet.repository, "--interface-updates", "rollout"]]
        }
    }
}

extension LiveFleet {
    var store: String { "\(folder)/store" }
    var repository: String { "\(folder)/repository" }
    var keys: String { "\(folder)/keys" }

    /// Publishes what is in the store.
    func publish() async throws {
        try await interface(["publish", repository, "--store", store, "--keys", keys])
    }

    /// Publishes the current edition, whose worker serves clients of the basic one.
    /// - Parameter worker: a shell script that takes the worker's place; `WORKER` in it is the path of the worker of this
    ///   build. Nil for that worker itself.
    func publishCurrent(worker: String? = nil) async throws {
        let basic = try JSONDecoder().decode(
            Bundles.self,
            from: Data(try await presync(["interface", "build", store, "--edition", "basic", "-o", "json"]).utf8))
        let from = "\(folder)/build"
        let build = URL(fileURLWithPath: Binaries.presync).deletingLastPathComponent().path
        try FileManager.default.createDirectory(atPath: from, withIntermediateDirectories: true)
        try FileManager.default.copyItem(
            atPath: "\(build)/libPresyncOpenCL.so", toPath: "\(from)/libPresyncOpenCL.so")
        if let worker {
            let script = worker.replacingOccurrences(of: "WORKER", with: "\(build)/presync-worker")
            try script.write(toFile: "\(from)/presync-worker", atomically: true, encoding: .utf8)
        } else {
            try FileManager.default.copyItem(atPath: "\(build)/presync-worker", toPath: "\(from)/presync-worker")
        }
        try await interface(
            ["build", store, "--edition", "current", "--from", from]
                + basic.bundles.flatMap { ["--serves", $0.digest] })
        try await publish()
        try await eventually("the manager offers it") {
            log(of: .manager).contains("opencl 0.1.0") ? () : nil
        }
    }

    private struct Bundles: Decodable {
        struct Bundle: Decodable { var digest: String }
        var bundles: [Bundle]
    }

    /// Waits for the end of the newest rollout.
    func rolloutHasEnded(within patience: Duration = .seconds(120)) async throws -> RolloutOverview {
        var last: RolloutOverview?
        do {
            return try await eventually("the rollout has ended", within: patience) {
                last = try await newestRollout()
                return last.flatMap { $0.phase.isTerminal ? $0 : nil }
            }
        } catch let error as NotInTime {
            throw NotInTime(description: "\(error); last seen: \(last.map { "\($0)" } ?? "none")")
        }
    }

    func newestRollout() async throws -> RolloutOverview? {
        try await AdminClient.withConnection(to: manager) { try await $0.rollouts() }.last
    }
}
