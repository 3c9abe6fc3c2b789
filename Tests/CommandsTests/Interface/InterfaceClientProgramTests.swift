import ArgumentParser
import Foundation
import InterfaceCore
import InterfaceStore
import Testing

@testable import Commands

/// The command line of the conformance tests: options anywhere, and no exit status but 0 and 1.
@Suite struct InterfaceClientProgramTests {
    /// A repository, a client's folder and a folder for targets, in one temporary folder.
    private final class Place: Sendable {
        let folder: String

        init() throws {
            folder = FileManager.default.temporaryDirectory.appending(path: "presync-client-\(UUID())").path
            _ = try TrustRepository(directory: folder + "/repository", keys: KeyFolder(path: folder + "/keys"))
                .create(rootKeys: [])
        }

        deinit { try? FileManager.default.removeItem(atPath: folder) }

        /// `@` stands for the folder.
        func run(_ line: String) async -> Int32 {
            let arguments = line.split(separator: " ").map { String($0).replacing("@", with: folder) }
            return await InterfaceClientProgram.run(arguments) { _ in }
        }
    }

    @Test(arguments: [
        (
            "--metadata-dir @/m init @/repository/metadata/1.root.json",
            "--metadata-url @/repository/metadata --metadata-dir @/m refresh"
        ),
        (
            "init @/repository/metadata/1.root.json --metadata-dir @/m",
            "refresh --metadata-dir=@/m --metadata-url=@/repository/metadata/"
        ),
        (
            "init --metadata-dir @/m @/repository/metadata/1.root.json",
            "--metadata-dir @/m refresh --metadata-url @/repository/metadata"
        ),
    ])
    func optionsStandAnywhere(first: String, second: String) async throws {
        let place = try Place()
        #expect(await place.run(first) == 0)
        #expect(await place.run(second) == 0)
        for role in ["root", "timestamp", "snapshot", "targets"] {
            #expect(FileManager.default.fileExists(atPath: "\(place.folder)/m/\(role).json"))
        }
    }

    @Test(arguments: [
        "", "refresh", "init", "init a b", "nonsense", "--nonsense", "--help", "-h", "--version", "--metadata-dir",
        "refresh --metadata-dir @/m", "refresh --metadata-dir @/m --metadata-url", "refresh refresh",
        "--metadata-dir @/m init @/nothing", "--metadata-dir @/m init @/keys/root.pem",
        "--metadata-dir @/none --metadata-url @/repository/metadata refresh",
        "--metadata-dir @/m --metadata-url http://127.0.0.1:1/ refresh", "download --metadata-dir @/m",
    ])
    func whateverIsWrongTheStatusIsOne(line: String) async throws {
        let place = try Place()
        #expect(await place.run(line) == 1)
    }

    @Test func aTargetThatIsNotThereIsAFailureAfterARefresh() async throws {
        let place = try Place()
        #expect(await place.run("--metadata-dir @/m init @/repository/metadata/1.root.json") == 0)
        let download = """
            download --metadata-dir @/m --metadata-url @/repository/metadata --target-name a --target-base-url \
            @/repository/targets --target-dir @/t
            """
        #expect(await place.run(download) == 1)
        #expect(FileManager.default.fileExists(atPath: "\(place.folder)/m/targets.json"))
    }

    @Test func theCommandLeavesItsArgumentsAlone() throws {
        let line = ["interface", "client", "--metadata-dir", "d", "--help", "init", "--version", "x"]
        let command = try #require(try PresyncCommand.parseAsRoot(line) as? InterfaceClientCommand)
        #expect(command.arguments == Array(line.dropFirst(2)))
    }
}
