import OpenCLWorker

/// Serves one session of one virtual GPU; started by a GPU server.
@main
struct PresyncWorker {
    static func main() {
        WorkerProcess.run(Array(CommandLine.arguments.dropFirst()))
    }
}
