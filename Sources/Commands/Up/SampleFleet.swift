import FleetModel
import Foundation

/// The instances of a run: each a process tree of its own that runs the sample.
final class SampleFleet {
    private let children: [ChildProcess]
    private var readers: [ResultsReader]
    /// Of the bursts that have ended, in the order of their coming in.
    private(set) var records: [BurstRecord] = []
    /// Of the bursts that have begun and not ended, by instance.
    private var begun: [String: BurstRecord] = [:]
    let payloadServer: PayloadServerProcess

    /// Starts `count` instances `i1`, `i2` and so on, which warm up and then wait for ``startClock()``.
    init(count: Int, layout: LocalSystem.Layout, load: LoadOptions, length: Duration, warmUp: Int)
        throws(CommandFailure)
    {
        let server = try PayloadServerProcess()
        payloadServer = server
        var children: [ChildProcess] = []
        readers = []
        do {
            for member in 0..<count {
                let name = "i\(member + 1)"
                let results = "\(layout.folder)/\(name).results.jsonl"
                // What an earlier run left in the same folder is not this one's.
                try ResultsWriter(path: results, emptied: true).close()
                let sample = [
                    OwnExecutable.path, "sample", "--instance", name, "--results", results,
                    "--for", "\(length.inSeconds)s", "--member", String(member), "--members", String(count),
                    "--warm-up", String(warmUp), "--payload-port", String(server.port), "--wait-for-start",
                ]
                let run = [
                    "run", "--instance", name, "--application", load.application(member: member), "--agent-socket",
                    layout.agentSocket,
                    "--client-library", layout.clientLibrary, "--own-cgroup", "--",
                ]
                children.append(
                    try ChildProcess(
                        ChildProcess.Launch(
                            executable: OwnExecutable.path, arguments: run + sample + load.arguments, input: .pipe,
                            output: .file(layout.log(name)), errors: .file(layout.log(name)), leadsGroup: true)))
                readers.append(ResultsReader(path: results))
            }
        } catch {
            for child in children { child.end(within: .seconds(1)) }
            server.stop()
            throw error
        }
        self.children = children
    }

    /// Takes in what was written since the last call, and returns the bursts that have ended since.
    func update() -> [BurstRecord] {
        var ended: [BurstRecord] = []
        for index in readers.indices {
            for record in readers[index].next() {
                begun[record.instance] = record.isUnderWay ? record : nil
                if !record.isUnderWay { ended.append(record) }
            }
        }
        records += ended
        return ended
    }

    /// The measured bursts that are under way, by name of their instance.
    var underWay: [BurstRecord] {
        begun.values.filter { $0.phase == .measured }.sorted { $0.instance < $1.instance }
    }

    var isRunning: Bool { children.contains { $0.poll() == nil } }

    /// The first instance that has ended otherwise than as it should.
    var failure: (name: String, end: ProcessEnd)? {
        for (index, child) in children.enumerated() {
            if let end = child.poll(), !end.succeeded { return ("i\(index + 1)", end) }
        }
        return nil
    }

    /// Lets the arrivals of all instances count from `time`.
    func startClock(at time: MonotonicTime) {
        let line = Data("start \(time.rawValue)\n".utf8)
        for child in children { try? child.input?.write(contentsOf: line) }
    }

    func stop() {
        for child in children {
            child.closeInput()
            child.send(SIGTERM)
        }
        for child in children { child.end(within: .seconds(5)) }
        payloadServer.stop()
    }
}
