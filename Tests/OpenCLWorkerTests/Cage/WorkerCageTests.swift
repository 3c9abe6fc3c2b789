import FleetModel
import Foundation
import RemotingCore
import Testing

@Suite("A worker's process is its tenant's cage")
struct WorkerCageTests {
    private static let program = ObjectID(rawValue: 2)

    private static func build(_ source: String, options: String = "") throws -> ProgramBuild {
        let worker = try TestWorkerProcess()
        let client = try TestClient(port: worker.endpoint.port)
        defer { withExtendedLifetime(worker) {} }
        try client.send(
            .createContext(ObjectID(rawValue: 1)), .createProgram(program, context: ObjectID(rawValue: 1)),
            .appendSource(program: program, Array(source.utf8)[...]))
        let answer = try client.call { .buildProgram($0, program: program, options: Array(options.utf8)[...]) }
        guard case .programBuilt(_, let build) = answer else { throw TestClient.Failure.unexpected("no build") }
        return build
    }

    /// A header of the host that the worker's user may read.
    private static func withHeader(_ body: (String) throws -> Void) throws {
        let path = NSTemporaryDirectory() + "secret-" + UUID().uuidString + ".h"
        try "#define SECRET 1\n".write(toFile: path, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    @Test("programs build in it")
    func builds() throws {
        #expect(try Self.build("kernel void f(global int *x) { x[0] = \(Int.random(in: 0..<1_000_000)); }").code == 0)
    }

    @Test("no file of the host is included, by an absolute name or a path in the options")
    func includes() throws {
        try Self.withHeader { path in
            #expect(try Self.build("#include \"\(path)\"\nkernel void f(global int *x) { x[0] = SECRET; }").code != 0)
            let folder = (path as NSString).deletingLastPathComponent
            let name = (path as NSString).lastPathComponent
            let build = try Self.build(
                "#include <\(name)>\nkernel void f(global int *x) { x[0] = SECRET; }", options: "-I \(folder)")
            #expect(build.code != 0)
        }
    }

    @Test("the kernel enforces it where it can: no new privileges, and a filter of system calls")
    func isConfined() throws {
        let worker = try TestWorkerProcess()
        let status = try String(contentsOfFile: "/proc/\(worker.processID)/status", encoding: .utf8)
        guard status.contains("Seccomp:") else { return print("skipped: this kernel has no seccomp") }
        #expect(status.contains("NoNewPrivs:\t1"))
        #expect(status.contains("Seccomp:\t2"))
        withExtendedLifetime(worker) {}
    }
}
