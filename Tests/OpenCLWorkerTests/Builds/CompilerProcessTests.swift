import COpenCL
import DeviceDrivers
import FleetModel
import Foundation
import RemotingCore
import Testing

@testable import OpenCLWorker

/// Workers as a GPU server starts them: the processes that compile for them are theirs.
@Suite("A compiler in a process of its own", .serialized)
struct CompilerProcessTests {
    private static let (context, program, kernel) = (
        ObjectID(rawValue: 1), ObjectID(rawValue: 2), ObjectID(rawValue: 3)
    )

    /// A folder for a worker's caches that goes with its test.
    private final class Folder {
        let path = NSTemporaryDirectory() + "compiler-" + UUID().uuidString.prefix(8)
        deinit { try? FileManager.default.removeItem(atPath: path) }

        var history: [String] {
            let instances = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
            return instances.flatMap { instance in
                (try? FileManager.default.contentsOfDirectory(atPath: "\(path)/\(instance)/presync")) ?? []
            }
        }
    }

    private let folder = Folder()

    private func worker(_ environment: [String: String] = [:]) throws -> TestWorkerProcess {
        try TestWorkerProcess(environment: environment.merging(["POCL_CACHE_DIR": folder.path]) { $1 })
    }

    private func client(_ worker: TestWorkerProcess) throws -> TestClient {
        let client = try TestClient(port: worker.endpoint.port)
        try client.send(.createContext(Self.context))
        return client
    }

    private func build(_ source: String, as id: ObjectID = program, on client: TestClient) throws -> ProgramBuild {
        try client.send(
            .createProgram(id, context: Self.context), .appendSource(program: id, Array(source.utf8)[...]))
        let answer = try client.call { .buildProgram($0, program: id, options: []) }
        guard case .programBuilt(_, let build) = answer else { throw TestClient.Failure.unexpected("no build") }
        return build
    }

    /// The processes that a process has started and not reaped, with their command lines.
    private func children(of process: pid_t) -> [pid_t: String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        var children: [pid_t: String] = [:]
        for number in names.compactMap({ pid_t($0) }) {
            guard let status = try? String(contentsOfFile: "/proc/\(number)/status", encoding: .utf8),
                status.contains("\nPPid:\t\(process)\n")
            else { continue }
            let line = FileManager.default.contents(atPath: "/proc/\(number)/cmdline") ?? Data()
            children[number] = String(decoding: line.map { $0 == 0 ? 0x20 : $0 }, as: UTF8.self)
        }
        return children
    }

    private func compilers(of worker: TestWorkerProcess) -> [pid_t] {
        children(of: worker.processID).filter { $0.value.hasSuffix(" compiler ") }.keys.sorted()
    }

    @Test("builds what is new, beneath its worker's cage; what has been built before needs none")
    func buildsNew() throws {
        let source = "kernel void f(global int *first, int second) { first[0] = second; }"
        do {
            let worker = try worker()
            let client = try client(worker)
            let build = try build(source, on: client)
            #expect(build.code == CL_SUCCESS)
            #expect(build.kernels.first?.arguments.map(\.name) == ["first", "second"])
            let compiler = try #require(compilers(of: worker).first)
            let status = try String(contentsOfFile: "/proc/\(compiler)/status", encoding: .utf8)
            if status.contains("Seccomp:") {
                #expect(status.contains("NoNewPrivs:\t1") && status.contains("Seccomp:\t2"))
            }
            client.close()
            #expect(worker.awaitEnd())
            // It ends with its worker.
            var isRunning = true
            for _ in 0..<2_000 where isRunning {
                isRunning = FileManager.default.fileExists(atPath: "/proc/\(compiler)")
                if isRunning { usleep(5_000) }
            }
            #expect(!isRunning)
        }
        let next = try worker()
        let client = try client(next)
        #expect(try build(source, on: client).code == CL_SUCCESS)
        #expect(compilers(of: next).isEmpty)
    }

    @Test(
        "that dies over a source, or takes too long, fails that build alone: the session goes on, with another compiler"
    )
    func dies() throws {
        let worker = try worker(["PRESYNC_BUILD_MS": "20000"])
        let client = try client(worker)
        #expect(try build("kernel void f() {}", on: client).code == CL_SUCCESS)
        let first = try #require(compilers(of: worker).first)
        // Stopped first, so that it dies with the build under way.
        kill(first, SIGSTOP)
        try client.send(
            .createProgram(ObjectID(rawValue: 7), context: Self.context),
            .appendSource(program: ObjectID(rawValue: 7), Array("kernel void g() {}".utf8)[...]),
            .buildProgram(CallID(rawValue: 70), program: ObjectID(rawValue: 7), options: []))
        usleep(50_000)
        kill(first, SIGKILL)
        guard case .programBuilt(_, let failed) = try client.nextResponse() else { return #expect(Bool(false)) }
        #expect(failed.code == CL_BUILD_PROGRAM_FAILURE)
        #expect(String(decoding: failed.log, as: UTF8.self).contains("by signal 9"))
        #expect(try build("kernel void g() {}", as: ObjectID(rawValue: 8), on: client).code == CL_SUCCESS)

        let second = try #require(compilers(of: worker).first)
        kill(second, SIGSTOP)
        let late = try build("kernel void h() {}", as: ObjectID(rawValue: 9), on: client)
        #expect(late.code == CL_BUILD_PROGRAM_FAILURE)
        #expect(String(decoding: late.log, as: UTF8.self).contains("given up"))
        #expect(try build("kernel void h() {}", as: ObjectID(rawValue: 10), on: client).code == CL_SUCCESS)
        #expect(!compilers(of: worker).contains(second))
        #expect(try client.finish(ObjectID(rawValue: 99)).code == CL_INVALID_COMMAND_QUEUE)
    }

    @Test("gives the log of a source that does not compile, and of a compilation with headers")
    func fails() throws {
        let worker = try worker()
        let client = try client(worker)
        let failed = try build("kernel void f() { undeclared(); }", on: client)
        #expect(failed.code == CL_BUILD_PROGRAM_FAILURE)
        #expect(String(decoding: failed.log, as: UTF8.self).contains("undeclared"))
        let (header, source) = (ObjectID(rawValue: 11), ObjectID(rawValue: 12))
        try client.send(
            .createProgram(header, context: Self.context),
            .appendSource(program: header, Array("#define VALUE 1\n".utf8)[...]),
            .createProgram(source, context: Self.context),
            .appendSource(program: source, Array("#include \"v.h\"\nint v() { return VALUE; }".utf8)[...]))
        let headers = [ProgramHeader(name: "v.h", program: header)]
        guard
            case .programBuilt(_, let compiled) = try client.call({
                .compileProgram($0, program: source, options: [], headers: headers)
            })
        else { return #expect(Bool(false)) }
        #expect(compiled.code == CL_SUCCESS)
    }

    @Test("what an instance built last is built ahead in its next worker, and handed to its program whole")
    func ahead() throws {
        let source = "kernel void f(global int *first, int second) { first[0] = second; }"
        do {
            let worker = try worker()
            let client = try client(worker)
            #expect(try build(source, on: client).code == CL_SUCCESS)
            client.close()
            #expect(worker.awaitEnd())
        }
        #expect(folder.history.count == 2)
        let next = try worker()
        let client = try client(next)
        // The first is the one that was built ahead, the second is not.
        for id in [Self.program, ObjectID(rawValue: 7)] {
            let build = try build(source, as: id, on: client)
            #expect(build.code == CL_SUCCESS && build.kernels.map(\.name) == ["f"])
            #expect(build.kernels.first?.arguments.map(\.name) == ["first", "second"])
            guard
                case .information(_, let code, let value) = try client.call({
                    .queryObject($0, .program, id, parameter: UInt32(CL_PROGRAM_SOURCE))
                })
            else { return #expect(Bool(false)) }
            #expect(code == 0 && String(decoding: value.prefix { $0 != 0 }, as: UTF8.self) == source)
        }
        let (queue, buffer) = (ObjectID(rawValue: 20), ObjectID(rawValue: 21))
        try client.send(
            .createQueue(queue, context: Self.context, properties: 0),
            .createBuffer(buffer, context: Self.context, flags: 1, size: 4),
            .createKernel(Self.kernel, program: Self.program, name: "f"),
            .setArgument(kernel: Self.kernel, index: 0, .buffer(buffer)),
            .setArgument(kernel: Self.kernel, index: 1, .value([7, 0, 0, 0])),
            .launchKernel(KernelLaunch(queue: queue, kernel: Self.kernel, dimensions: 1, globalSize: SIMD3(1, 0, 0))))
        #expect(
            try client.read(BufferCommand(queue: queue, buffer: buffer, offset: 0, size: 4)) == [7, 0, 0, 0])
    }
}
