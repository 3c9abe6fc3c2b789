import ControlLoop
import DeviceDrivers
import FleetModel
import Foundation
import Testing
import WorkerControl

@testable import GPUServerRuntime

@Suite("A worker supervisor", .timeLimit(.minutes(5)))
struct WorkerSupervisorTests {
    private static let grant = GrantID(rawValue: 31)
    private static let slice = Slice(memory: .mebibytes(4), compute: MilliShare(300))

    private let directory = Directory()

    /// A directory that goes with its test.
    private final class Directory: Sendable {
        let path = NSTemporaryDirectory() + "sv-" + UUID().uuidString.prefix(8)
        deinit { try? FileManager.default.removeItem(atPath: path) }
    }

    /// The worker that was built with the tests.
    private static func executable() throws -> String {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return URL(fileURLWithPath: own).deletingLastPathComponent().appendingPathComponent("presync-worker").path
    }

    private func takeUp(
        executable: String? = nil
    ) throws -> (supervisor: WorkerSupervisor, recovered: [RecoveredWorker]) {
        try WorkerSupervisor.takingUp(
            WorkerSupervisor.Configuration(
                directory: directory.path, executable: try executable ?? Self.executable()))
    }

    private func command(timeToLive: Duration = .seconds(30)) throws -> GrantCommand {
        GrantCommand(
            grant: Self.grant, instance: InstanceID(unchecked: "i"),
            device: DeviceID(server: GPUServerID(unchecked: "s"), index: 0), epoch: Epoch(term: 2, counter: 3),
            goal: .warm, slice: .zero, ticket: SessionTicket(high: 5, low: 6),
            version: InterfaceVersion(
                kind: "opencl", version: SemanticVersion(0, 1, 0),
                digest: try #require(ContentDigest(bytes: [UInt8](repeating: 1, count: 32)))),
            timeToLive: timeToLive)
    }

    private func record() throws -> ProcessRecord {
        let path = directory.path + "/g31.control.process"
        let text = SmallFile.read(path)
        return try #require(text.flatMap { ProcessRecord($0) }, "the record is \(text ?? "not there")")
    }

    /// The next event that `matching` accepts.
    private func next<Value>(
        _ supervisor: WorkerSupervisor, _ matching: (GPUServerEvent) -> Value?
    ) async throws -> Value {
        for await event in supervisor.events {
            if let value = matching(event) { return value }
        }
        throw CancellationError()
    }

    private func started(_ supervisor: WorkerSupervisor) async throws -> SessionEndpoint {
        try await next(supervisor) { if case .workerStarted(Self.grant, let endpoint) = $0 { endpoint } else { nil } }
    }

    @discardableResult private func exited(_ supervisor: WorkerSupervisor) async throws -> WorkerEnd {
        try await next(supervisor) { if case .workerExited(Self.grant, let end) = $0 { end } else { nil } }
    }

    private func failure(_ supervisor: WorkerSupervisor) async throws -> String {
        try await next(supervisor) { if case .workerFailed(Self.grant, let reason) = $0 { reason } else { nil } }
    }

    @Test("starts a worker on a real device, limits it, hears from it and ends it")
    func livesThrough() async throws {
        let (supervisor, recovered) = try takeUp()
        #expect(recovered.isEmpty)
        supervisor.start(try command(), on: .openCL(platform: 0, device: 0))
        let endpoint = try await started(supervisor)
        #expect(endpoint.host == "127.0.0.1" && endpoint.port > 0)
        let process = try record()
        #expect(getsid(process.pid) == process.pid)

        supervisor.applyLimit(Self.grant, Self.slice)
        let applied = try await next(supervisor) { if case .limitApplied(_, let slice) = $0 { slice } else { nil } }
        #expect(applied == Self.slice)

        // Before the supervisor's own first look, with which it compares.
        let before = try #require(process.processorTime)
        supervisor.requestStatuses()
        var status = try await next(supervisor) { if case .workerReported(_, let status) = $0 { status } else { nil } }
        // A process of PoCL has megabytes of its own, and far less than its host.
        #expect((.mebibytes(1)...(.gibibytes(4))).contains(status.hostMemory))
        status.hostMemory = .zero
        #expect(status.processorTime == .zero, "nothing to compare with yet")
        #expect(before > .zero)
        #expect(
            status == WorkerStatus(attached: false, connected: false, peakMemory: .zero, busy: .zero, traffic: false))

        // What it takes from now on is told: it does something for each question.
        var told = Duration.zero
        while told == .zero {
            supervisor.requestStatuses()
            told = try await next(supervisor) { event in
                if case .workerReported(_, let status) = event { status.processorTime } else { nil }
            }
        }
        #expect(told <= (try #require(process.processorTime)) - before)

        supervisor.stop(Self.grant)
        #expect(try await exited(supervisor) == .ordered)
        #expect(!process.isRunning)
        #expect(process.processorTime == nil)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)
    }

    @Test("takes up the workers that its earlier life left, with their slices and epochs")
    func recovers() async throws {
        let endpoint: SessionEndpoint
        do {
            let (supervisor, _) = try takeUp()
            supervisor.start(try command(), on: .synthetic)
            endpoint = try await started(supervisor)
            supervisor.applyLimit(Self.grant, Self.slice, epoch: Epoch(term: 2, counter: 9))
            _ = try await next(supervisor) { if case .limitApplied = $0 { true } else { nil } }
        }
        let process = try record()
        let (supervisor, recovered) = try takeUp()
        #expect(
            recovered == [
                RecoveredWorker(
                    grant: Self.grant, instance: InstanceID(unchecked: "i"),
                    device: DeviceID(server: GPUServerID(unchecked: "s"), index: 0),
                    epoch: Epoch(term: 2, counter: 9), slice: Self.slice, endpoint: endpoint, attached: false)
            ])
        supervisor.stop(Self.grant)
        try await exited(supervisor)
        #expect(!process.isRunning)
    }

    @Test("tells a worker that is killed from one that ends by itself, also where an earlier life started it")
    func noticesKill() async throws {
        for isTakenUp in [false, true] {
            var (supervisor, _) = try takeUp()
            for isKilled in [true, false] {
                // Long enough to be taken up in, on a busy machine too.
                supervisor.start(try command(timeToLive: .seconds(isKilled ? 30 : 5)), on: .synthetic)
                _ = try await started(supervisor)
                if isTakenUp { supervisor = try takeUp().supervisor }
                if isKilled { try record().kill() }
                // Both lives are this process, which is the parent of the worker.
                let expected: WorkerEnd = isKilled ? .killed(signal: SIGKILL) : .closed
                #expect(try await exited(supervisor) == expected)
            }
        }
    }

    @Test("finds in its record that a worker ended by itself, where nobody could wait for it")
    func readsRecords() async throws {
        for isKilled in [false, true] {
            do {
                let (supervisor, _) = try takeUp()
                supervisor.start(try command(timeToLive: .seconds(isKilled ? 600 : 1)), on: .synthetic)
                _ = try await started(supervisor)
            }
            let process = try record()
            if isKilled { process.kill() }
            while process.isRunning { try await Task.sleep(for: .milliseconds(20)) }
            #expect(WorkerLaunch.tellsOfEnd(directory.path + "/g31.control.process") == !isKilled)
            #expect(try takeUp().recovered.isEmpty)
        }
    }

    @Test("says with which status a worker failed")
    func readsStatus() {
        #expect(WorkerProcessHandle.End.reaped(0).worker == .closed)
        #expect(WorkerProcessHandle.End.reaped(3 << 8).worker == .failed(status: 3))
        // With a core dump (wait(2)).
        #expect(WorkerProcessHandle.End.reaped(0x80 | SIGSEGV).worker == .killed(signal: SIGSEGV))
        #expect(WorkerProcessHandle.End.unseen.worker == nil)
    }

    @Test("ends what it cannot identify before it says that nothing is left")
    func endsUnknown() async throws {
        do {
            let (supervisor, _) = try takeUp()
            supervisor.start(try command(), on: .synthetic)
            _ = try await started(supervisor)
        }
        let process = try record()
        // Without its socket the worker cannot be asked who it is.
        try FileManager.default.removeItem(atPath: directory.path + "/g31.control")
        let (_, recovered) = try takeUp()
        #expect(recovered.isEmpty)
        #expect(!process.isRunning)
    }

    @Test("ends with a worker what that has started and left")
    func endsOrphans() async throws {
        try FileManager.default.createDirectory(atPath: directory.path, withIntermediateDirectories: true)
        let (leaving, left) = (directory.path + "/leaving", directory.path + "/left")
        let script = "#!/bin/sh\\nsleep 600 >/dev/null 2>&1 &\\necho $! > \(left)\\nexit 3\\n"
        let writer = popen("printf '\(script)' > '\(leaving)' && chmod 755 '\(leaving)'", "r")
        #expect(pclose(writer) == 0)
        let (supervisor, _) = try takeUp(executable: leaving)
        supervisor.start(try command(), on: .synthetic)
        _ = try await failure(supervisor)
        let text = try #require(SmallFile.read(left)).trimmingCharacters(in: .whitespacesAndNewlines)
        let orphan = try #require(pid_t(text))
        for _ in 0..<1_000 where ProcessRecord(of: orphan) != nil { usleep(5_000) }
        #expect(ProcessRecord(of: orphan) == nil)
    }

    @Test("records a worker before it has done anything, so that the next life ends it")
    func recordsBeforeTicket() async throws {
        try FileManager.default.createDirectory(atPath: directory.path, withIntermediateDirectories: true)
        let idle = directory.path + "/idle"
        // Written by a process of its own: a child that another test forks meanwhile would hold a file that this process
        // writes, and what is held for writing cannot be started (execve(2), ETXTBSY).
        let writer = popen("printf '#!/bin/sh\\nexec sleep 600\\n' > '\(idle)' && chmod 755 '\(idle)'", "r")
        #expect(pclose(writer) == 0)
        let process: ProcessRecord
        do {
            let (supervisor, _) = try takeUp(executable: idle)
            supervisor.start(try command(), on: .synthetic)
            // Orders are carried out one after the other.
            let other = GrantID(rawValue: 99)
            supervisor.stop(other)
            try await next(supervisor) { if case .workerExited(other, _) = $0 { () } else { nil } }
            process = try record()
            #expect(process.isRunning)
        }
        #expect(try takeUp().recovered.isEmpty)
        #expect(!process.isRunning)
    }

    @Test("spares a process that has got a dead worker's number")
    func sparesReusedNumber() async throws {
        _ = try takeUp()
        let other = Process()
        other.executableURL = URL(fileURLWithPath: "/bin/cat")
        other.standardInput = Pipe()
        try other.run()
        defer { other.terminate() }
        let now = try #require(ProcessRecord(of: other.processIdentifier))
        let parts = now.description.split(separator: " ")
        try SmallFile.write("\(parts[0]) 1 \(parts[2])", to: directory.path + "/g31.control.process")
        #expect(try takeUp().recovered.isEmpty)
        #expect(now.isRunning)
    }

    @Test("says why a worker did not start")
    func namesFailure() async throws {
        let (supervisor, _) = try takeUp()
        supervisor.start(try command(), on: .openCL(platform: 50, device: 0))
        #expect(try await failure(supervisor).contains("no OpenCL platform 50"))
    }

    @Test("says that an executable is missing")
    func namesMissingExecutable() async throws {
        let (supervisor, _) = try takeUp(executable: directory.path + "/nothing")
        supervisor.start(try command(), on: .synthetic)
        #expect(try await failure(supervisor).contains("No such file"))
    }

    @Test("reports the exit of a worker that it does not have, so that repeats are harmless")
    func stopsUnknown() async throws {
        let (supervisor, _) = try takeUp()
        supervisor.stop(Self.grant)
        try await exited(supervisor)
    }
}
