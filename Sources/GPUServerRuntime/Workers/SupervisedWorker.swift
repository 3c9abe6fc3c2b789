import DeviceDrivers
import FleetModel
import Foundation
import WorkerControl

/// One worker as its supervisor's thread sees it.
final class SupervisedWorker {
    enum Phase: Equatable {
        case starting
        case ready
        /// Told to end, or found ending: what remains is to see the process gone.
        case ending
    }

    let grant: GrantID
    let instance: InstanceID
    let device: DeviceID
    /// What the worker was last told to enforce.
    var slice: Slice
    var phase: Phase
    /// What the worker last obeyed.
    var epoch: Epoch
    var endpoint: SessionEndpoint?
    /// When patience with the phase is over; nil for a worker that is ready.
    var deadline: MonotonicTime?
    /// Why the GPU server ends it, where it does: how the process ends then says nothing more.
    var endedFor: WorkerEnd?
    var awaited = AwaitedAnswers()
    /// Why the worker failed, in its own words.
    var complaint: String?
    /// Nil once the worker has closed it.
    var channel: ControlLinkBox?
    private let errorOutput: ErrorOutput?
    private var processorTime: Duration?
    let process: WorkerProcessHandle
    let files: WorkerFiles

    init(
        grant: GrantID, instance: InstanceID, device: DeviceID, slice: Slice, phase: Phase, epoch: Epoch,
        endpoint: SessionEndpoint? = nil,
        deadline: MonotonicTime? = nil,
        channel: ControlLinkBox, errorOutput: ErrorOutput? = nil, process: WorkerProcessHandle, files: WorkerFiles
    ) {
        self.grant = grant
        self.instance = instance
        self.device = device
        self.slice = slice
        self.phase = phase
        self.epoch = epoch
        self.endpoint = endpoint
        self.deadline = deadline
        self.channel = channel
        self.errorOutput = errorOutput
        self.process = process
        self.files = files
    }

    /// Sends a command; a worker that does not take it is ending or lost.
    func send(_ command: WorkerCommand) -> Bool {
        guard let channel, channel.send(command.encoded) else { return false }
        switch command {
        case .reportStatus: awaited.askForReport()
        case .setLimit(let slice, _): awaited.ask(limit: slice)
        default: break
        }
        return true
    }

    /// Processor time that the process has taken since this was last asked; 0 where that is not known, as the first time.
    func takeProcessorTime() -> Duration {
        guard let taken = process.record?.processorTime else { return .zero }
        defer { processorTime = taken }
        return processorTime.map { max(taken - $0, .zero) } ?? .zero
    }

    /// How the process ended, once it is gone, in which case its files are removed as well; nil while it is there.
    func takeEnd() -> WorkerEnd? {
        guard let end = process.end() else { return nil }
        defer { files.remove() }
        return endedFor ?? end.worker ?? (WorkerLaunch.tellsOfEnd(files.recordPath) ? .closed : .vanished)
    }

    func kill() { process.kill() }

    func readErrorOutput() { errorOutput?.read() }

    /// What to wait for; nil when there is nothing to read any more.
    var openErrorOutput: Descriptor? { errorOutput?.descriptor }

    /// What went wrong, for a person.
    var failure: String {
        if let complaint { return complaint }
        let output = errorOutput?.text ?? ""
        return output.isEmpty ? "the worker ended without a word" : "the worker ended: \(output)"
    }
}

/// A control connection that several places hold.
final class ControlLinkBox {
    private var link: ControlChannel

    init(_ descriptor: Descriptor) { link = ControlChannel(descriptor) }

    var descriptor: Descriptor { link.descriptor }
    func send(_ line: [UInt8]) -> Bool { link.send(line) }
    func receive() -> [[UInt8]]? { link.receive() }
}

/// The last 4 KiB of what a worker writes to its standard error.
final class ErrorOutput {
    /// Nil once the worker has closed its end.
    private(set) var descriptor: Descriptor?
    private var tail: [UInt8] = []

    init(_ descriptor: Descriptor) { self.descriptor = descriptor }

    /// Takes in what there is.
    func read() {
        guard let descriptor else { return }
        var buffer = [UInt8](repeating: 0, count: Self.capacity)
        switch buffer.withUnsafeMutableBytes({ descriptor.read(into: $0) }) {
        case .bytes(let count): tail = Array((tail + buffer[..<count]).suffix(Self.capacity))
        case .nothingYet: break
        case .ended: self.descriptor = nil
        }
    }

    private static let capacity = 4_096

    var text: String {
        String(decoding: tail, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}

/// A worker's process: one of our children, or one that an earlier life of the GPU server started.
struct WorkerProcessHandle {
    let pid: Int32
    /// Nil for a child that had ended before it could be recorded; only a child can lack it.
    let record: ProcessRecord?

    /// How a process ended that is gone.
    enum End: Hashable {
        /// The status of wait(2).
        case reaped(Int32)
        /// It was no child of ours, or another has reaped it.
        case unseen

        /// What that says about a worker; nil where nothing is known.
        var worker: WorkerEnd? {
            guard case .reaped(let status) = self else { return nil }
            let signal = status & 0x7F
            guard signal == 0 else { return .killed(signal: signal) }
            let code = (status >> 8) & 0xFF
            return code == 0 ? .closed : .failed(status: code)
        }
    }

    /// Whether the process is gone. Reaps it where it is our child.
    func hasEnded() -> Bool { end() != nil }

    /// How the process ended; nil while it is there. Reaps it where it is our child: only the first answer has its status.
    func end() -> End? {
        var status: Int32 = 0
        switch waitpid(pid, &status, WNOHANG) {
        case pid:
            // What it has started and left is of its process group, which it cannot leave.
            Glibc.kill(-pid, SIGKILL)
            return .reaped(status)
        // A child whose first thread has ended looks like one that has ended, but its other threads still hold what
        // it has of the device. It is gone once it can be reaped, or if the number is another process's by now.
        case 0: return ProcessRecord(of: pid).map { $0 != record } ?? false ? .unseen : nil
        default: return record.map { !$0.isRunning } ?? (errno == ECHILD) ? .unseen : nil
        }
    }

    /// Memory that the process holds and shares with no other: what is resident less what is backed by files or shared
    /// (`/proc/PID/statm`, proc_pid_statm(5)). Nil where that cannot be read.
    func privateMemory() -> Bytes? {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/statm", encoding: .utf8) else { return nil }
        let pages = text.split(separator: " ").prefix(3).compactMap { Int64($0) }
        guard pages.count == 3, pages[1] >= pages[2] else { return nil }
        let (bytes, overflow) = (pages[1] - pages[2]).multipliedReportingOverflow(
            by: Int64(sysconf(Int32(_SC_PAGESIZE))))
        return overflow || bytes < 0 ? nil : Bytes(bytes)
    }

    /// With all that it has started. The record keeps a later process of the same number from harm.
    func kill() {
        guard let record, record.isRunning else { return }
        Glibc.kill(-pid, SIGKILL)
        record.kill()
    }
}

/// The files of one worker in the supervisor's directory.
struct WorkerFiles: Hashable {
    static let controlSuffix = ".control"

    let controlPath: String

    init(directory: String, grant: GrantID) {
        controlPath = "\(directory)/\(grant)\(Self.controlSuffix)"
    }

    var recordPath: String { controlPath + WorkerLaunch.recordSuffix }

    func remove() {
        unlink(controlPath)
        unlink(recordPath)
    }
}
