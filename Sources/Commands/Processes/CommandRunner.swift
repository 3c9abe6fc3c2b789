import ArgumentParser
import Foundation

/// Standard error, for what is not the answer.
enum StandardError {
    static func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}

/// Runs the body of a command: a failure becomes a message on standard error and an exit status.
enum CommandRunner {
    static func run(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch let failure as CommandFailure {
            throw report(failure)
        }
    }

    static func run(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let failure as CommandFailure {
            throw report(failure)
        }
    }

    private static func report(_ failure: CommandFailure) -> ExitCode {
        StandardError.write("presync: \(failure)\n")
        return failure.status.code
    }
}
