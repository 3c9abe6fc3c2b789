import FleetModel
import Foundation
import Testing

/// A program on an instance, which does GPU work and checks what it reads back.
struct Program {
    /// What the program says about itself at its end.
    struct Outcome: Decodable {
        /// How far its instance was prepared when it asked for its virtual GPU.
        var foundReadiness: String?
        var grant: UInt64?
        var gpuBytes: Int
        var checks: Int
        var checksFailed: Int
        var error: String?
    }

    let process: OwnedProcess
    let tokens: Int
    let logPath: String

    var hasEnded: Bool { process.poll() != nil }

    /// Waits for the end; what the program said is nil where it could not even begin.
    func end(within patience: Duration = .seconds(120)) async throws -> (end: OwnedProcess.End, outcome: Outcome?) {
        let end = try await eventually("program \(process.pid) has ended", within: patience) { process.poll() }
        return (end, try? JSONDecoder().decode(Outcome.self, from: Data(process.output.utf8)))
    }

    /// Waits for the end, and checks that all results were there and right.
    @discardableResult
    func succeed(sourceLocation: SourceLocation = #_sourceLocation) async throws -> Outcome {
        let (end, said) = try await end()
        let log = (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? ""
        #expect(end == .exited(0), "\(log)", sourceLocation: sourceLocation)
        let outcome = try #require(said, "\(log)", sourceLocation: sourceLocation)
        #expect(outcome.error == nil, sourceLocation: sourceLocation)
        #expect(outcome.checks == tokens, sourceLocation: sourceLocation)
        #expect(outcome.checksFailed == 0, sourceLocation: sourceLocation)
        return outcome
    }
}
