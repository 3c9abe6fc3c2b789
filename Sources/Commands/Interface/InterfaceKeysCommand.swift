import ArgumentParser
import Foundation
import InterfaceCore
import InterfaceStore

/// `presync interface keys`.
struct InterfaceKeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "Make and replace the keys that sign.",
        subcommands: [Generate.self, Rotate.self])

    /// `presync interface keys generate`.
    struct Generate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "generate", abstract: "Make Ed25519 keys, a file each, readable by you only.",
            discussion: "presync interface keys generate ~/offline root-1 root-2")

        @Argument(help: "The folder for the files.") var folder: String
        @Argument(help: "Names: NAME becomes NAME.pem.") var names: [String]
        @OptionGroup var output: OutputOptions

        func validate() throws {
            for name in names where name.isEmpty || name.contains("/") || name.hasPrefix(".") {
                throw ValidationError("\(name.debugDescription) cannot be a key's name.")
            }
        }

        func run() async throws {
            try await CommandRunner.runTrust {
                let folder = KeyFolder(path: FilePath.full(folder))
                try output.write(
                    InterfaceKeysView(keys: try names.map { InterfaceKeysView.Key(try folder.generate($0)) }))
            }
        }
    }

    /// `presync interface keys rotate`.
    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rotate", abstract: "Replace a role's keys by a new one.",
            discussion: """
                presync interface keys rotate repository timestamp

                Where the root's private keys are elsewhere, the new root waits for their signatures (presync interface
                root); run refresh-metadata when they are there. Delete the old key's file then.
                """)

        @OptionGroup var repository: InterfaceRepositoryOptions
        @Argument(help: "root, targets, snapshot or timestamp.") var role: String
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await CommandRunner.runTrust {
                guard let role = RoleName.topLevel.first(where: { $0.description == role }) else {
                    throw CommandFailure(
                        .usage, "there is no role \(role)", advice: "root, targets, snapshot or timestamp")
                }
                try output.write(InterfaceChangeView(try repository.owner().rotate(role)))
            }
        }
    }
}

/// `presync interface root`.
struct InterfaceRootCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "root", abstract: "Sign a root that waits, with keys that are elsewhere.",
        discussion: """
            presync interface root payload repository root.payload
            openssl pkeyutl -sign -rawin -inkey root-1.pem -in root.payload | xxd -p -c 0      (on the other machine)
            presync interface root add-signature repository KEYID SIGNATURE
            """,
        subcommands: [Payload.self, Sign.self, AddSignature.self])

    /// `presync interface root payload`.
    struct Payload: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "payload", abstract: "Write the bytes that the root's keys must sign.")

        @OptionGroup var repository: InterfaceRepositoryOptions
        @Argument(help: "The file to write.") var file: String

        func run() async throws {
            try await CommandRunner.runTrust {
                guard let root = try repository.owner().rootPayload() else {
                    throw CommandFailure(.noInput, "no root waits for signatures")
                }
                do {
                    try Data(root.payload).write(to: URL(fileURLWithPath: FilePath.full(file)))
                } catch {
                    throw CommandFailure(.noInput, "cannot write \(file): \(error.localizedDescription)")
                }
                print(
                    "root version \(root.pending.version): \(root.pending.missing) more signature(s) of \(file) needed")
            }
        }
    }

    /// `presync interface root sign`.
    struct Sign: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "sign", abstract: "Sign the waiting root with a private key that is on this machine now.")

        @OptionGroup var repository: InterfaceRepositoryOptions
        @Argument(help: "The private key's file.") var key: String
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await CommandRunner.runTrust {
                guard let key = try KeyFolder.read(FilePath.full(key)) else {
                    throw CommandFailure(
                        .noInput, "\(key) holds no Ed25519 private key",
                        advice: "presync interface keys generate makes one")
                }
                try output.write(InterfaceChangeView(try repository.owner().signRoot(with: key)))
            }
        }
    }

    /// `presync interface root add-signature`.
    struct AddSignature: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "add-signature", abstract: "Add a signature to the waiting root.")

        @OptionGroup var repository: InterfaceRepositoryOptions
        @Argument(help: "The identifier of the key that signed.") var keyid: String
        @Argument(help: "The signature in hexadecimal digits.") var signature: String
        @OptionGroup var output: OutputOptions

        func run() async throws {
            try await CommandRunner.runTrust {
                guard let bytes = Hexadecimal.decode(signature) else {
                    throw CommandFailure(.usage, "the signature is not in hexadecimal digits")
                }
                try output.write(
                    InterfaceChangeView(try repository.owner().addRootSignature(keyID: ExactText(keyid), bytes)))
            }
        }
    }
}
