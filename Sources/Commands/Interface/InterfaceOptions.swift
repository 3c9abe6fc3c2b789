import ArgumentParser
import FleetModel
import Foundation
import InterfaceCore
import InterfaceStore

/// Which repository a command works on, and the keys it signs with.
struct InterfaceRepositoryOptions: ParsableArguments {
    @Argument(help: "The repository's folder.") var repository: String

    @Option(help: "The folder of the private keys that sign. Default: REPOSITORY-keys.") var keys: String?

    /// The owner's side of it.
    func owner() -> TrustRepository {
        let directory = FilePath.full(repository)
        return TrustRepository(
            directory: directory, keys: KeyFolder(path: keys.map(FilePath.full) ?? directory + "-keys"))
    }
}

/// Paths as the commands name them.
enum FilePath {
    /// From the current folder, where the path does not start at the root; without a slash at its end.
    static func full(_ path: String) -> String {
        let path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
        return path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    }
}

/// One published interface version on the command line.
struct InterfaceVersionArguments: ParsableArguments {
    @Argument(help: "The interface's kind, such as opencl.") var kind: String

    @Argument(help: "Its version, such as 1.2.0.") var version: String

    @Option(help: "Only for this platform, such as \(BundlePlatform.current).") var platform: String?

    /// Those among `bundles` that are meant, at least one.
    func choose(from bundles: [PublishedBundle]) throws -> [PublishedBundle] {
        guard let number = SemanticVersion(version) else {
            throw CommandFailure(.usage, "\(version) is no version", advice: "write it as 1.2.0")
        }
        let chosen = bundles.filter {
            $0.version.kind == kind && $0.version.version == number && (platform == nil || $0.platform == platform)
        }
        guard !chosen.isEmpty else {
            throw CommandFailure(
                .noInput, "\(kind) \(version)\(platform.map { " for " + $0 } ?? "") is not published",
                advice: "presync interface list shows what is")
        }
        return chosen
    }
}

extension CommandRunner {
    /// As `run`; what a repository's owner is refused becomes a failure with the next step.
    static func runTrust(_ body: () async throws -> Void) async throws {
        try await run {
            do {
                try await body()
            } catch let error as TrustError {
                throw CommandFailure(error)
            } catch let error as StoreError {
                throw CommandFailure(.noInput, error.message)
            }
        }
    }
}

extension CommandFailure {
    init(_ error: TrustError) {
        let (status, advice): (ExitStatus, String) =
            switch error.code {
            case .notInitialised: (.noInput, "presync interface create REPOSITORY makes one")
            case .unsigned: (.failure, "put the missing private key's file into the folder that --keys names")
            case .expired: (.failure, "its owner runs presync interface refresh-metadata REPOSITORY")
            case .unreachable: (.unavailable, "")
            case .mismatch, .rollback, .wrongKind, .tooLarge: (.failure, "")
            case .malformed, .missing, .storage: (.noInput, "")
            }
        self.init(status, error.message, advice: advice)
    }
}
