import ArgumentParser
import Dispatch
import FleetModel
import Simulation
import Synchronization
import TraceFiles

/// `presync simulate placement`.
struct PlacementCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "placement",
        abstract: "Place the requests of a cluster trace on its servers, by several policies side by side.",
        discussion: """
            By the method of the paper on fragmentation gradient descent (USENIX ATC 2023): requests are drawn from the \
            trace with replacement until they ask for --load per cent of the devices, and placed one by one; none \
            leaves. Shown is how much of the devices is allocated, and how much is free and of no use to typical \
            requests, when 95, 100 and --load per cent have been asked for: the mean over the seeds, and the range.

            BY MOVING is what would be allocated at 100 per cent had others been moved to make room.

            presync simulate placement --nodes openb_node_list_gpu_node.csv.gz --pods openb_pod_list_default.csv.gz
            """)

    @Option(help: ArgumentHelp("The servers, openb's node list, plain or gzip.", valueName: "file"))
    var nodes: String

    @Option(help: ArgumentHelp("What requests are drawn from, openb's pod list, plain or gzip.", valueName: "file"))
    var pods: String

    @Option(help: ArgumentHelp("The seeds, both included, at most 1,000.", valueName: "first..last"))
    var seeds = SeedRange(first: 42, last: 51)

    @Option(help: ArgumentHelp("How much is asked for in the end, in per cent of the devices.", valueName: "percent"))
    var load = 130

    @Option(
        help: ArgumentHelp(
            "Which policies, with commas between: \(PlacementList.all.names).", valueName: "names"))
    var policies = PlacementList.all

    @Flag(help: "Write one JSON object.")
    var json = false

    func validate() throws {
        guard (1...1_000).contains(load) else { throw ValidationError("--load must be between 1 and 1000") }
    }

    func run() throws {
        try CommandRunner.run {
            let replay = PlacementReplay(trace: try readTrace(), load: load)
            let view = PlacementView(
                load: load, seeds: seeds, summaries: summaries(of: replay))
            if json {
                print(try JSONText.encode(view, pretty: true))
            } else {
                print(TerminalStyle.standardOutput.render(view.table().lines(header: true)), terminator: "")
            }
        }
    }

    private func readTrace() throws(CommandFailure) -> PlacementTrace {
        let trace: PlacementTrace?
        do {
            let nodes = try ClusterTrace.nodes(path: nodes).map {
                PlacementTrace.Node(
                    name: $0.name, cpuMilli: $0.cpuMilli, memory: $0.memory, devices: $0.devices, model: $0.model)
            }
            let requests = try ClusterTrace.pods(path: pods).map {
                PlacementTrace.Request(
                    cpuMilli: $0.cpuMilli, memory: $0.memory, devices: $0.devices, share: $0.share, models: $0.models)
            }
            trace = PlacementTrace(nodes: nodes, requests: requests)
        } catch {
            throw CommandFailure(
                .noInput, "\(error)", advice: "name a node list and a pod list as of docs/traces.md")
        }
        guard let trace else {
            throw CommandFailure(
                .noInput, "no server of \(nodes) has a device, or no request of \(pods) asks for one",
                advice: "name the list of GPU nodes, and pods that use them")
        }
        return trace
    }

    /// Every policy with every seed, as many at a time as there are cores.
    private func summaries(of replay: PlacementReplay) -> [PlacementSummary] {
        let jobs = policies.placements.flatMap { placement in seeds.all.map { (placement, $0) } }
        let results = Mutex([PlacementRun?](repeating: nil, count: jobs.count))
        let progress = Progress(of: jobs.count)
        DispatchQueue.concurrentPerform(iterations: jobs.count) { index in
            let run = replay.run(jobs[index].0, seed: jobs[index].1)
            results.withLock { $0[index] = run }
            progress.advance()
        }
        let runs = results.withLock { $0 }
        return policies.placements.enumerated().map { index, placement in
            let first = index * seeds.all.count
            return PlacementSummary(placement, runs[first..<first + seeds.all.count].compactMap { $0 })
        }
    }
}

/// Says on standard error, once in a while, how far a long run is.
private final class Progress: Sendable {
    private static let pause = Duration.seconds(5)
    private let total: Int
    private let state = Mutex((done: 0, said: ContinuousClock.now))

    init(of total: Int) { self.total = total }

    func advance() {
        let done: Int? = state.withLock { state in
            state.done += 1
            guard ContinuousClock.now - state.said >= Self.pause else { return nil }
            state.said = .now
            return state.done
        }
        if let done { StandardError.write("\(done) of \(total) runs\n") }
    }
}

/// Seeds `first..last`, both included.
struct SeedRange: ExpressibleByArgument, CustomStringConvertible {
    static let most: UInt64 = 1_000
    var first: UInt64
    var last: UInt64

    init(first: UInt64, last: UInt64) { (self.first, self.last) = (first, last) }

    init?(argument: String) {
        let ends = argument.split(separator: "..", omittingEmptySubsequences: false).map { UInt64($0) }
        guard ends.count == 2, let first = ends[0], let last = ends[1], first <= last, last - first < Self.most,
            last < .max
        else { return nil }
        self.init(first: first, last: last)
    }

    var all: ClosedRange<UInt64> { first...last }
    var description: String { "\(first)..\(last)" }
    var defaultValueDescription: String { description }
}

/// Policies by their names, each once, in the order given.
struct PlacementList: ExpressibleByArgument {
    static let all = PlacementList(placements: ReplayedPlacement.allCases)
    var placements: [ReplayedPlacement]

    init(placements: [ReplayedPlacement]) { self.placements = placements }

    init?(argument: String) {
        var placements: [ReplayedPlacement] = []
        for name in argument.split(separator: ",", omittingEmptySubsequences: false) {
            guard let placement = ReplayedPlacement(rawValue: String(name)), !placements.contains(placement) else {
                return nil
            }
            placements.append(placement)
        }
        self.placements = placements
    }

    var names: String { placements.map(\.rawValue).joined(separator: ", ") }
    var defaultValueDescription: String { "all" }
}
