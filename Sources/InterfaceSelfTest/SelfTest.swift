import DeviceDrivers
import FleetModel
import Glibc
import WorkerControl

/// Tries an interface version as a program meets it: its own worker computes on the device, its own client library drives
/// it, and every result is compared with what the host computes.
///
/// It is for a process of its own (``SelfTestProcess``), which it confines for good before the library is loaded: what
/// is tested is not yet in use, and may be bad.
package struct SelfTest {
    private let order: SelfTestOrder
    private let folder: String

    /// - Parameter folder: an empty folder of this test's own, writable, whose full path has at most 80 bytes.
    package init(_ order: SelfTestOrder, in folder: String) {
        self.order = order
        self.folder = folder
    }

    /// Runs on the calling thread, some seconds on a device whose compiler is slow. Whatever goes wrong is in the report.
    package func run() -> SelfTestReport {
        var report = SelfTestReport(device: order.device.description)
        do throws(SelfTestFailure) {
            try run(&report)
        } catch {
            report.failure = error.description
        }
        return report
    }

    private func run(_ report: inout SelfTestReport) throws(SelfTestFailure) {
        let started = ContinuousClock.now
        let worker = try TestedWorker(order, folder: folder)
        let session = try TestedSession(order, ticket: worker.ticket, endpoint: worker.endpoint)
        report.transport = session.memory == nil ? "tcp" : "shared-memory"
        let agent = try TestAgent(at: folder + "/agent", handing: session, to: order.client)
        setenv("PRESYNC_AGENT_SOCKET", agent.path, 1)
        try confine()
        try agent.start()
        do {
            try drive(worker, started, &report)
        } catch {
            // What the library says of a session that it did not get is less than why.
            throw agent.refusal.map { SelfTestFailure($0) } ?? error
        }
    }

    private func drive(
        _ worker: TestedWorker, _ started: ContinuousClock.Instant, _ report: inout SelfTestReport
    ) throws(SelfTestFailure) {
        let library = try TestedLibrary(path: order.clientLibrary)
        let queue = try TestedQueue(library)
        try queue.finish()
        report.timeToOpenNs = started.duration(to: .now).nanoseconds
        report.passed.append("open")
        var checks = SelfTestChecks(queue, computes: order.device != .synthetic)
        try checks.run { report.passed.append($0) }
        report.commandRate = try checks.measureCommandRate()
        queue.release()
        try worker.end()
        report.passed.append("end")
    }

    /// Nothing of the host is written from here on but the test's folder, and no process but this one is reached.
    private func confine() throws(SelfTestFailure) {
        var files = FileCage(cache: folder) { _ in nil }
        files.readable.append(order.clientLibrary)
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
        // What the kernel cannot confine is tested all the same, as workers serve all the same.
        for refusal in [files.close(), CallCage.close(connecting: true)] {
            guard let refusal else { continue }
            let line = Array("presync interface self-test: not confined by \(refusal)\n".utf8)
            _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
        }
    }
}
