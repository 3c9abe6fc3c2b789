import Foundation
import FoundationNetworking
import Logging
import ServiceLifecycle
import Synchronization
import Testing

@testable import Observability

/// The HTTP side over a socket.
struct StatusServerTests {
    private struct Answer: Equatable {
        var status: Int
        var body: String

        init(_ status: Int, _ body: String) {
            self.status = status
            self.body = body
        }
    }

    /// Runs a server on a free port while `body` asks it for paths.
    private func withServer(
        readiness: StatusServer.Readiness, _ body: (@Sendable (String) async throws -> Answer) async throws -> Void
    ) async throws {
        let metrics = MetricsRegistry()
        metrics.gauge("presync_manager_term", help: "Term.").set(3)
        let (ports, port) = AsyncStream<Int>.makeStream()
        let server = StatusServer(
            host: "127.0.0.1", port: 0, metrics: metrics, logger: Logger(label: "test"), readiness: { readiness },
            onListening: { port.yield($0) })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            var iterator = ports.makeAsyncIterator()
            let port = try #require(await iterator.next())
            try await body { path in
                let url = try #require(URL(string: "http://127.0.0.1:\(port)/\(path)"))
                let (data, response) = try await URLSession.shared.data(from: url)
                return Answer((response as? HTTPURLResponse)?.statusCode ?? 0, String(decoding: data, as: UTF8.self))
            }
            group.cancelAll()
            while let result = await group.nextResult() { _ = result }
        }
    }

    @Test func aReadyDaemonSaysSo() async throws {
        try await withServer(readiness: .ready) { get in
            let (live, ready, metrics) = (try await get("livez"), try await get("readyz"), try await get("metrics"))
            #expect(live == Answer(200, "alive\n"))
            #expect(ready == Answer(200, "ready\n"))
            #expect(metrics.body.contains("presync_manager_term 3\n"))
            let other = try await get("nothing")
            #expect(other.status == 404)
        }
    }

    @Test func aDaemonThatCannotWorkIsAliveButNotReady() async throws {
        try await withServer(readiness: .notReady(reason: "the disk is full")) { get in
            let (live, ready) = (try await get("livez"), try await get("readyz"))
            #expect(live.status == 200)
            #expect(ready == Answer(503, "not ready: the disk is full\n"))
        }
    }

    /// A daemon that does nothing but run until its shutdown.
    private struct IdleDaemon: Service {
        var server: StatusServer

        func run() async throws {
            try await StatusServer.run(server, beside: { try? await Task.sleep(for: .seconds(600)) })
        }
    }

    @Test func aDaemonsEndInOrderIsNoError() async throws {
        let lines = Lines()
        let configuration = LogConfiguration(level: .info, format: .logfmt)
        let logger = Logger(label: "test") {
            LineLogHandler(label: $0, configuration: configuration, sink: lines.sink)
        }
        let (ports, port) = AsyncStream<Int>.makeStream()
        let server = StatusServer(
            host: "127.0.0.1", port: 0, metrics: MetricsRegistry(), logger: logger, readiness: { .ready },
            onListening: { port.yield($0) })
        let group = ServiceGroup(services: [IdleDaemon(server: server)], logger: Logger(label: "group"))
        async let end: Void = group.run()
        var iterator = ports.makeAsyncIterator()
        _ = await iterator.next()
        await group.triggerGracefulShutdown()
        try await end
        #expect(lines.written.filter { $0.contains("level=error") } == [])
    }
}
