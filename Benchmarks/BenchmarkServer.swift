import Hummingbird
import Logging
import Synchronization

/// A web server of this process on loopback, and what it was asked for.
final class BenchmarkServer: Sendable {
    private let counted = Mutex<[String: Int]>([:])

    /// Requests so far whose path begins so.
    func requests(below path: String) -> Int {
        counted.withLock { counts in counts.reduce(0) { $1.key.hasPrefix(path) ? $0 + $1.value : $0 } }
    }

    /// Runs `body` with the server's base URL while `routes` are served.
    static func serve<Result: Sendable>(
        _ routes: (Router<BasicRequestContext>, Logger) -> Void,
        _ body: @escaping @Sendable (String, BenchmarkServer) async throws -> Result
    ) async throws -> Result {
        let server = BenchmarkServer()
        let router = Router()
        var logger = Logger(label: "bench")
        logger.logLevel = .critical
        router.add(middleware: Counting(server: server))
        routes(router, logger)
        let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
        let application = Application(
            router: router, configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { continuation.yield($0.localAddress?.port ?? 0) }, logger: logger)
        return try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask {
                try await application.run()
                return nil
            }
            group.addTask {
                var port = ports.makeAsyncIterator()
                return try await body("http://127.0.0.1:\(await port.next() ?? 0)", server)
            }
            defer { group.cancelAll() }
            while let ended = try await group.next() {
                if let result = ended { return result }
            }
            throw CancellationError()
        }
    }

    private struct Counting: RouterMiddleware {
        let server: BenchmarkServer

        func handle(
            _ request: Request, context: BasicRequestContext,
            next: (Request, BasicRequestContext) async throws -> Response
        ) async throws -> Response {
            // The first two parts tell what it is; the rest are digests and versions.
            let kind = request.uri.path.split(separator: "/").prefix(2).joined(separator: "/")
            server.counted.withLock { $0["/" + kind, default: 0] += 1 }
            return try await next(request, context)
        }
    }
}
