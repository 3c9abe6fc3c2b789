import ArgumentParser
import FleetModel
import Testing

@testable import Commands

/// `presync gpu-server` and what stands below it.
@Suite struct GPUServerDrainCommandTests {
    @Test func withoutASubcommandItIsTheDaemon() throws {
        let command = try PresyncCommand.parseAsRoot(["gpu-server", "--id", "s1", "--check"])
        #expect((command as? GPUServerRunCommand)?.id == "s1")
        #expect(try PresyncCommand.parseAsRoot(["gpu-server"]) is GPUServerRunCommand)
    }

    @Test func aDrainSaysByWhenAndWhatThen() throws {
        let line = ["gpu-server", "drain", "gpu-2", "--deadline", "30m", "--then", "end", "--no-wait"]
        let command = try #require(try PresyncCommand.parseAsRoot(line) as? GPUServerDrainCommand)
        #expect(command.deadline?.duration == .seconds(1_800) && command.then == .end && !command.wait)
        #expect(throws: (any Error).self) {
            try PresyncCommand.parseAsRoot(["gpu-server", "drain", "gpu-2", "--then", "end"])
        }
        #expect(throws: (any Error).self) { try PresyncCommand.parseAsRoot(["gpu-server", "drain", "gpu 2"]) }
    }

    @Test func whatIsLeftIsSaid() {
        let server = GPUServerID(unchecked: "gpu-2")
        func sentence(_ phase: DrainProgress.Phase, attached: Int = 0, deadline: WallTime? = nil) -> String {
            DrainView(
                server,
                DrainProgress(
                    server: server, phase: phase, attached: attached, prepared: 1, deadline: deadline, atDeadline: .end)
            ).sentence
        }
        #expect(sentence(.empty) == "gpu-2 is empty: work on it may begin")
        #expect(
            sentence(.draining, attached: 2, deadline: WallTime(rawValue: 0))
                == "gpu-2 is emptied: 2 sessions in use, 1 prepared, what is left is ended at 1970-01-01T00:00:00Z")
        #expect(DrainView(server, nil).sentence == "gpu-2 is used")
    }
}
