import Foundation
import Testing

extension LiveSystemTests {
    @Suite struct CommandLineTests {
        /// A command line that cannot work, its exit status, and what has to be said about it.
        struct Mistake: CustomTestStringConvertible {
            var arguments: [String]
            var status: Int32
            var messages: [String]

            init(_ line: String, endsWith status: Int32, saying messages: [String]) {
                arguments = line.split(separator: " ").map(String.init)
                self.status = status
                self.messages = messages
            }

            var testDescription: String { arguments.joined(separator: " ") }
        }

        static let mistakes = [
            Mistake("manager --nonsense", endsWith: 64, saying: ["--nonsense"]),
            Mistake("run --instance i1", endsWith: 64, saying: ["name a program"]),
            Mistake("status --manager 127.0.0.1:1", endsWith: 69, saying: ["no manager answers at 127.0.0.1:1"]),
            Mistake(
                "gpu-server --period 1h --memory-limit lots --worker-ports 9-1 --manager nowhere", endsWith: 78,
                saying: ["4 problems", "the period is", "'lots'", "'9-1'", "'nowhere'"]),
            Mistake(
                "manager --listen here --period soon --policy oracle", endsWith: 78,
                saying: ["3 problems", "--listen: 'here'", "--period: 'soon'", "--policy: 'oracle'"]),
            Mistake(
                "manager --state-directory /proc/presync", endsWith: 78,
                saying: ["/proc/presync cannot be used: No such file or directory", "--state-directory"]),
            Mistake("gpu-server --synthetic-devices 65", endsWith: 78, saying: ["must be 1 to 64"]),
            Mistake("manager --http-listen 0.0.0.0:7401", endsWith: 78, saying: ["http-url: must be given"]),
            Mistake(
                "record --manager 127.0.0.1:1 trace.csv", endsWith: 69, saying: ["no manager answers", "--manager"]),
            Mistake(
                "forecast evaluate missing.csv --report /proc/presync/report.html", endsWith: 66,
                saying: ["/proc/presync/report.html cannot be written", "next: name a file"]),
            Mistake(
                "agent --socket-mode 9 --registration all --log-level loud", endsWith: 78,
                saying: ["3 problems", "--socket-mode: '9'", "--registration: 'all'", "--log-level: 'loud'"]),
        ]

        @Test(arguments: mistakes)
        func `a wrong command line ends with its status and names every problem`(mistake: Mistake) async throws {
            let output = FileManager.default.temporaryDirectory.path + "/presync-\(UInt32.random(in: 1...(.max))).log"
            defer { try? FileManager.default.removeItem(atPath: output) }
            let process = try OwnedProcess(Binaries.presync, mistake.arguments, output: output, errors: output)
            defer { process.endGroup() }
            let end = try await eventually("\(mistake.testDescription) has ended") { process.poll() }
            #expect(end == .exited(mistake.status))
            for message in mistake.messages { #expect(process.output.contains(message)) }
        }
    }
}
