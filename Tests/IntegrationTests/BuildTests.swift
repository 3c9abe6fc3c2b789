import Foundation
import Testing

extension LiveSystemTests {
    /// What the build makes beside `presync` itself.
    @Suite struct BuildTests {
        private func output(
            of program: String, _ arguments: [String], within patience: Duration = .seconds(20)
        ) async throws -> (OwnedProcess.End, String) {
            let output = FileManager.default.temporaryDirectory.path + "/presync-\(UInt32.random(in: 1...(.max))).log"
            defer { try? FileManager.default.removeItem(atPath: output) }
            let process = try OwnedProcess(program, arguments, output: output, errors: output)
            defer { process.endGroup() }
            let end = try await eventually("\(program) \(arguments) has ended", within: patience) { process.poll() }
            return (end, process.output)
        }

        @Test func `the client library exports what an ICD loader looks for, and nothing else`() async throws {
            let library = URL(fileURLWithPath: Binaries.presync).deletingLastPathComponent()
                .appendingPathComponent("libPresyncOpenCL.so").path
            let (end, text) = try await output(of: "/usr/bin/nm", ["--dynamic", "--defined-only", library])
            #expect(end == .exited(0))
            // `T name`: a global function. Local symbols have small letters.
            let exported = text.split(separator: "\n").map { $0.split(separator: " ") }
                .filter { $0.count == 3 && $0[1].allSatisfy(\.isUppercase) }.map { String($0[2]) }
            #expect(
                exported.sorted() == ["clGetExtensionFunctionAddress", "clGetPlatformInfo", "clIcdGetPlatformIDsKHR"])
        }

        @Test(arguments: ["libPresyncOpenCL.so", "presync-worker"])
        func `what a bundle carries needs no Swift runtime`(name: String) async throws {
            let file = URL(fileURLWithPath: Binaries.presync).deletingLastPathComponent().appendingPathComponent(name)
            let (end, text) = try await output(of: "/usr/bin/objdump", ["--private-headers", file.path])
            #expect(end == .exited(0))
            let needed = text.split(separator: "\n").filter { $0.contains("NEEDED") }
            #expect(!needed.isEmpty)
            #expect(!needed.contains { $0.contains("swift") || $0.contains("Foundation") }, "\(needed)")
        }

        @Test(arguments: ["manager-step", "durable-grants", "agent", "forecast", "placement", "host-batches"])
        func `every benchmark runs on a small input`(name: String) async throws {
            let bench = URL(fileURLWithPath: Binaries.presync).deletingLastPathComponent()
                .appendingPathComponent("presync-bench").path
            let (end, text) = try await output(of: bench, [name, "--small"], within: .seconds(120))
            #expect(end == .exited(0), "\(text)")
            #expect(text.contains("\(name) | "), "\(text)")
        }
    }
}
