import ControlProtocol
import Foundation

/// `presync-bench [NAME ...] [--small]`: measures and prints; `--small` runs each on a small input, as the tests do.
/// `presync-bench train-networks FILE` makes the networks that ship.
@main struct PresyncBench {
    /// Measures, on a small input or a full one, and reports each figure as it comes.
    typealias Benchmark = @Sendable (Bool, @Sendable (Measurement) -> Void) async throws -> Void

    static let benchmarks: [(name: String, run: Benchmark)] = [
        ("manager-step", ManagerStepBenchmark.run),
        ("durable-grants", DurableGrantsBenchmark.run),
        ("agent", AgentBenchmark.run),
        ("forecast", ForecastBenchmark.run),
        ("snapshot", SnapshotBenchmark.run),
        ("placement", PlacementBenchmark.run),
        ("pool-placement", PoolPlacementBenchmark.run),
        ("trust", TrustBenchmark.run),
        ("install", InstallBenchmark.run),
        ("streams", StreamsBenchmark.run),
        ("host-batches", HostBatchesBenchmark.run),
    ]

    static var usage: String {
        """
        usage: presync-bench [NAME ...] [--small]

        Measures and prints; without names everything, which takes half an hour.

          NAME       \(benchmarks.map(\.name).joined(separator: ", "))
          --small    each on a small input, as the tests do

        presync-bench train-networks FILE makes the networks that ship.
        presync bench interface measures the OpenCL interface.
        """
    }

    static func main() async {
        let arguments = CommandLine.arguments.dropFirst()
        if arguments.count == 2, arguments.first == "train-networks", let path = arguments.last {
            do { try TrainNetworks.run(writingTo: path) } catch {
                FileHandle.standardError.write(Data("train-networks: \(error)\n".utf8))
                exit(74)
            }
            return
        }
        if await runsPeers(Array(arguments)) { return }
        if arguments.contains("--help") || arguments.contains("-h") { return print(usage) }
        if let unknown = arguments.first(where: { $0.hasPrefix("-") && $0 != "--small" }) {
            FileHandle.standardError.write(Data("no option '\(unknown)'; see --help\n".utf8))
            exit(64)
        }
        let isSmall = arguments.contains("--small")
        let wanted = arguments.filter { !$0.hasPrefix("-") }
        let known = benchmarks.map(\.name)
        if let unknown = wanted.first(where: { !known.contains($0) }) {
            FileHandle.standardError.write(
                Data("no benchmark '\(unknown)'; there are: \(known.joined(separator: ", "))\n".utf8))
            exit(64)
        }
        for benchmark in benchmarks where wanted.isEmpty || wanted.contains(benchmark.name) {
            do {
                try await benchmark.run(isSmall) {
                    print($0.line)
                    // A line at a time, also into a pipe.
                    fflush(nil)
                }
            } catch {
                FileHandle.standardError.write(Data("\(benchmark.name): \(error)\n".utf8))
                exit(70)
            }
        }
    }
}

extension PresyncBench {
    /// Runs the other end of a benchmark over sockets, where the arguments name one: such processes are started by the
    /// benchmarks themselves.
    private static func runsPeers(_ arguments: [String]) async -> Bool {
        do {
            if arguments.first == ReportingPeers.command,
                let peers = ReportingPeers(arguments: Array(arguments.dropFirst()))
            {
                try await peers.run()
                return true
            }
            if arguments.first == EchoPeer.command,
                let address = arguments.dropFirst().first.flatMap(ManagerAddress.init)
            {
                try await EchoPeer.run(on: address)
                return true
            }
        } catch {
            FileHandle.standardError.write(Data("\(arguments.first ?? ""): \(error)\n".utf8))
            exit(70)
        }
        return false
    }
}

/// One figure: what was measured, under which conditions, and the number.
struct Measurement: Sendable {
    var name: String
    var conditions: String
    var figures: [(name: String, value: Double, unit: String)]

    /// A line for people that a script can split at its columns.
    var line: String {
        let numbers = figures.map { "\($0.name) \(String(format: "%.3f", $0.value)) \($0.unit)" }
        return "\(name) | \(conditions) | \(numbers.joined(separator: ", "))"
    }
}

extension [Double] {
    /// The `share` quantile by nearest rank; 0 of nothing.
    func quantile(_ share: Double) -> Double {
        guard !isEmpty else { return 0 }
        let rank = Int((share * Double(count)).rounded(.up)) - 1
        return sorted()[Swift.min(Swift.max(rank, 0), count - 1)]
    }
}

/// Milliseconds that `work` takes on this machine's monotonic clock.
func milliseconds(_ work: () throws -> Void) rethrows -> Double {
    let clock = ContinuousClock()
    let elapsed = try clock.measure { try work() }
    return Double(elapsed.components.seconds) * 1e3 + Double(elapsed.components.attoseconds) / 1e15
}
