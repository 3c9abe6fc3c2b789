import FleetModel
import Foundation
import Testing

extension LiveSystemTests {
    /// Interface versions in operation: served by the manager, believed by their signatures only.
    @Suite(.serialized) struct InterfaceTrustTests {
        @Test func `a revoked version ends for who comes, and not for who is there`() async throws {
            try await LiveFleet.run { fleet in
                let program = try fleet.startProgram(on: "i1", tokens: 320)
                try await fleet.overview(when: "the session is attached") { $0.attachedSessions == 1 }
                try await fleet.revokePublished()
                try await eventually("the manager offers it no longer") {
                    fleet.log(of: .manager).contains("versions=[]") ? () : nil
                }
                try await eventually("both ends have given it up") {
                    let logs = [fleet.log(of: .agent), fleet.log(of: .gpuServer)]
                    return logs.allSatisfy { $0.contains("may not be used any longer") } ? () : nil
                }
                #expect(!program.hasEnded)
                try await program.succeed()
                try await fleet.waitUntilFree()
                // After a restart too: each puts nothing in force that it may not.
                fleet.crash(.gpuServer)
                try fleet.start(.gpuServer)
                try await eventually("the GPU server has started anew") {
                    fleet.log(of: .gpuServer).contains("an installed bundle is left out") ? () : nil
                }
            }
        }

        @Test func `an agent that requires a root and has another installs nothing`() async throws {
            try await LiveFleet.run { fleet in
                let stranger = "\(fleet.folder)/stranger"
                try await fleet.interface(["create", stranger])
                fleet.crash(.agent)
                try FileManager.default.removeItem(atPath: "\(fleet.folder)/agent")
                try FileManager.default.createDirectory(
                    atPath: "\(fleet.folder)/agent", withIntermediateDirectories: true)
                try fleet.start(
                    .agent,
                    also: ["--interface-root", "\(stranger)/metadata/1.root.json", "--interface-require-root", "yes"])
                try await eventually("the agent says why") {
                    fleet.log(of: .agent).contains("cannot be used") ? () : nil
                }
                #expect(!FileManager.default.fileExists(atPath: fleet.clientLibrary))
            }
        }
    }
}

extension LiveFleet {
    /// Runs `presync interface` to its end.
    func interface(_ arguments: [String]) async throws { try await presync(["interface"] + arguments) }

    /// Revokes what the manager has published in its own repository.
    func revokePublished() async throws {
        let repository = "\(folder)/manager/repository"
        let targets = "\(repository)/targets/opencl"
        for version in try FileManager.default.contentsOfDirectory(atPath: targets) {
            try await interface([
                "revoke", repository, "opencl", version, "--keys", "\(folder)/manager/repository-keys", "--reason",
                "a test",
            ])
        }
    }
}
