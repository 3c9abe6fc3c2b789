import Foundation
import InterfaceCore
import InterfaceStore

/// `presync interface client`: a client of The Update Framework and nothing else, driven by a program's arguments.
///
/// Its command line is that of the framework's conformance tests: options stand anywhere, and the exit status is 0 or 1
/// whatever happens, also for a command line that is not understood.
struct InterfaceClientProgram {
    private enum Verb: String {
        case initialise = "init"
        case refresh
        case download
    }

    private static let options: Set<String> = [
        "--metadata-dir", "--metadata-url", "--target-name", "--target-base-url", "--target-dir",
    ]

    static let usage = """
        usage: presync interface client [--metadata-dir D] [--metadata-url U] [--target-name N] [--target-base-url B]
                                        [--target-dir T] init ROOT | refresh | download
        """

    private var values: [String: String] = [:]
    private var words: [String] = []

    /// Runs the command, and gives the exit status.
    static func run(_ arguments: [String], report: @Sendable (String) -> Void) async -> Int32 {
        do {
            try await InterfaceClientProgram(arguments).run()
            return 0
        } catch let failure as InvalidCommandLine {
            report("\(failure.reason)\n\(usage)")
        } catch {
            report("error: \(error)")
        }
        return 1
    }

    private struct InvalidCommandLine: Error {
        let reason: String
    }

    private init(_ arguments: [String]) throws {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == "--" {
                words += rest
                return
            }
            guard argument.hasPrefix("--") else {
                words.append(argument)
                continue
            }
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard let name = parts.first, Self.options.contains(name) else {
                throw InvalidCommandLine(reason: "unknown option \(argument)")
            }
            guard let value = parts.count == 2 ? parts[1] : rest.popFirst() else {
                throw InvalidCommandLine(reason: "\(name) needs a value")
            }
            values[name] = value
        }
    }

    private func value(_ option: String) throws -> String {
        guard let value = values[option], !value.isEmpty else {
            throw InvalidCommandLine(reason: "\(option) is missing")
        }
        return value
    }

    private func run() async throws {
        guard let verb = words.first.flatMap(Verb.init) else {
            throw InvalidCommandLine(reason: "init, refresh or download?")
        }
        guard words.count == (verb == .initialise ? 2 : 1) else {
            throw InvalidCommandLine(reason: verb == .initialise ? "init needs one file" : "too many words")
        }
        let folder = try Self.fullPath(value("--metadata-dir"))
        switch verb {
        case .initialise:
            guard let root = FileManager.default.contents(atPath: words[1]) else {
                throw TrustError(.missing, "\(words[1]) cannot be read")
            }
            _ = try TrustClient.initialise(folder: folder, root: Array(root))
        case .refresh:
            try await withClient(folder, targets: "") { client in _ = try await client.refresh() }
        case .download:
            let name = try value("--target-name")
            let destination = try Self.fullPath(value("--target-dir"))
            try await withClient(folder, targets: value("--target-base-url")) { client in
                var repository = try await client.refresh()
                guard let target = try await repository.find(ExactText(name)) else {
                    throw TrustError(.missing, "no role of the repository has the target \(name)")
                }
                _ = try await repository.download(target, to: destination)
            }
        }
    }

    private func withClient(_ folder: String, targets: String, _ body: (TrustClient) async throws -> Void) async throws
    {
        let mirror = RepositoryMirror(metadata: try value("--metadata-url"), targets: targets)
        try await TrustClient.with(folder: folder, mirrors: [mirror], body)
    }

    private static func fullPath(_ path: String) -> String {
        path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    }
}
