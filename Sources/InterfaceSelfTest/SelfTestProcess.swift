import DeviceDrivers
import FleetModel
import Foundation
import WorkerControl

/// Runs self-tests in processes of their own, so that whatever a bad version does, a daemon lives on and is not held up:
/// a test that has not ended by its deadline is ended, with its worker.
package struct SelfTestProcess: Sendable {
    /// The program `presync`, which runs a test as `presync interface self-test-device`.
    package var program: String
    package var deadline: Duration

    /// What a test may say.
    private static let outputLimit = 64 << 10

    package init(program: String, deadline: Duration = .seconds(60)) {
        self.program = program
        self.deadline = deadline
    }

    /// Runs a test and waits for its end, without holding a thread of the caller's pool.
    package func run(_ order: SelfTestOrder) async -> SelfTestReport {
        await withCheckedContinuation { continuation in
            do throws(SystemError) {
                try DetachedThread.start { continuation.resume(returning: runToEnd(order)) }
            } catch {
                continuation.resume(returning: failed(order, "\(error)"))
            }
        }
    }

    private func failed(_ order: SelfTestOrder, _ reason: String) -> SelfTestReport {
        SelfTestReport(device: order.device.description, failure: reason)
    }

    /// As ``run(_:)``, on the calling thread.
    package func runToEnd(_ order: SelfTestOrder) -> SelfTestReport {
        let folder = NSTemporaryDirectory() + "presync-test-\(UInt32.random(in: 0...(.max)))"
        guard mkdir(folder, 0o700) == 0 else { return failed(order, "\(SystemError("create \(folder)"))") }
        defer { try? FileManager.default.removeItem(atPath: folder) }
        do throws(SystemError) {
            let child = try TestProcess(program, SelfTestArguments.encode(order, folder: folder))
            let end = child.collect(until: .now + deadline, limit: Self.outputLimit)
            if let report = try? JSONDecoder().decode(SelfTestReport.self, from: Data(end.output)) { return report }
            let words = String(decoding: end.errors.suffix(500), as: UTF8.self)
                .trimmingCharacters(in: .whitespacesAndNewlines)
            let fate = end.isOverdue ? "did not end within \(deadline.inSeconds) s" : "ended without a result"
            return failed(order, "the test \(fate)\(words.isEmpty ? "" : ": " + words)")
        } catch {
            return failed(order, "the test cannot be started: \(error)")
        }
    }
}

/// A child that leads a process group of its own, which is ended as a whole.
private final class TestProcess {
    private let pid: pid_t
    private let output: Descriptor
    private let errors: Descriptor

    init(_ program: String, _ arguments: [String]) throws(SystemError) {
        let (outputs, complaints) = (try Self.makePipe(), try Self.makePipe())
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, outputs.writing.number, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, complaints.writing.number, STDERR_FILENO)
        pid = try ProgramStart.start(
            program, arguments, environment: WorkerEnvironment.current, lead: ProgramStart.ownGroup, &actions)
        (output, errors) = (outputs.reading, complaints.reading)
    }

    /// Reads what it says until it has closed its output or the deadline has come, and ends what is left of its group.
    func collect(
        until deadline: ContinuousClock.Instant, limit: Int
    ) -> (output: [UInt8], errors: [UInt8], isOverdue: Bool) {
        var (said, complained) = ([UInt8](), [UInt8]())
        var isOpen = true
        while isOpen, .now < deadline, said.count < limit, complained.count < limit {
            var entries = [pollfd(output, POLLIN), pollfd(errors, POLLIN)]
            wait(for: &entries, milliseconds: 50)
            isOpen = Self.take(output, into: &said)
            _ = Self.take(errors, into: &complained)
        }
        let isOverdue = isOpen
        kill(-pid, SIGKILL)
        var status: Int32 = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        _ = Self.take(errors, into: &complained)
        return (said, complained, isOverdue)
    }

    /// False once the other end is closed.
    private static func take(_ descriptor: Descriptor, into bytes: inout [UInt8]) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        switch buffer.withUnsafeMutableBytes({ descriptor.read(into: $0) }) {
        case .bytes(let count): bytes += buffer[..<count]
        case .nothingYet: break
        case .ended: return false
        }
        return true
    }

    private static func makePipe() throws(SystemError) -> (reading: Descriptor, writing: Descriptor) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw SystemError("pipe") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let reading = Descriptor(owning: ends[0])
        reading.stopBlocking()
        return (reading, Descriptor(owning: ends[1]))
    }
}
