import OpenCLWorker
import RemotingCore

/// As `presync-worker`, of the edition `basic`: sessions over sockets only.
@main
struct PresyncWorkerBasic {
    static func main() {
        WorkerProcess.run(Array(CommandLine.arguments.dropFirst()), edition: .basic)
    }
}
