import Foundation

/// A whole system that `presync up` has started, below a folder of its own; ended with all that it started when the value
/// goes.
final class UpRun {
    let folder = FileManager.default.temporaryDirectory.path + "/presync-\(UInt32.random(in: 1...(.max)))"
    let process: OwnedProcess

    init(_ arguments: [String]) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        process = try OwnedProcess(
            Binaries.presync, ["up", "--instances", "1", "--state-dir", folder] + arguments,
            output: folder + "/up.out", errors: folder + "/up.err")
    }

    /// Every process of the run but `presync up` itself, bursts and workers included.
    var processes: [pid_t] { Binaries.processes(mentioning: folder).filter { $0 != process.pid } }
    var messages: String { (try? String(contentsOfFile: folder + "/up.err", encoding: .utf8)) ?? "" }
    /// Where programs find the agent.
    var agentSocket: String { folder + "/presync/agent.sock" }

    deinit {
        process.endGroup()
        for pid in processes { kill(pid, SIGKILL) }
        try? FileManager.default.removeItem(atPath: folder)
    }
}
