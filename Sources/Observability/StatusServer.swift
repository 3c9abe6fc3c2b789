import Glibc
package import Hummingbird
import HummingbirdCore
package import Logging
import NIOCore
import ServiceLifecycle

/// A daemon's HTTP side: `/metrics` for Prometheus, `/livez` and `/readyz` for whoever supervises it, and what other
/// routes the daemon adds.
package struct StatusServer: Service {
    package typealias Routes = Router<BasicRequestContext>

    /// Whether a daemon can do its work.
    package enum Readiness: Hashable, Sendable {
        case ready
        case notReady(reason: String)
    }

    /// Why it serves nothing.
    package struct CannotListen: Error, CustomStringConvertible {
        package let description: String
    }

    /// How long a connection may take to send a request, and may stand without one: who dawdles does not keep a descriptor.
    private static let patience = TimeAmount.seconds(15)

    private let application: Application<RouterResponder<BasicRequestContext>>
    private let address: String

    /// - Parameters:
    ///   - host: a host name or numeric address to listen on.
    ///   - port: a TCP port; 0 lets the system choose.
    ///   - readiness: asked at each `/readyz`.
    ///   - addRoutes: adds the daemon's own routes.
    ///   - onListening: told the port once it is open.
    package init(
        host: String, port: Int, metrics: MetricsRegistry, logger: Logger,
        readiness: @escaping @Sendable () async -> Readiness, addRoutes: (Routes) -> Void = { _ in },
        onListening: @escaping @Sendable (Int) -> Void = { _ in }
    ) {
        let router = Routes()
        router.get("livez") { _, _ in Self.text("alive\n") }
        router.get("readyz") { _, _ in
            switch await readiness() {
            case .ready: Self.text("ready\n")
            case .notReady(let reason): Self.text("not ready: \(reason)\n", status: .serviceUnavailable)
            }
        }
        router.get("metrics") { _, _ in
            Self.text(await metrics.exposition(), type: "text/plain; version=0.0.4; charset=utf-8")
        }
        addRoutes(router)
        address = "\(host):\(port)"
        application = Application(
            responder: router.buildResponder(),
            server: .http1(configuration: HTTP1Channel.Configuration(idleTimeout: Self.patience)),
            configuration: ApplicationConfiguration(address: .hostname(host, port: port)),
            onServerRunning: { channel in onListening(channel.localAddress?.port ?? port) }, logger: logger)
    }

    package func run() async throws {
        do {
            try await application.run()
        } catch let error as IOError {
            throw CannotListen(
                description: "cannot listen on \(address) for status requests: "
                    + String(cString: strerror(error.errnoCode)))
        }
    }

    /// Runs a daemon's tasks beside its status server, if it has one, until a graceful shutdown is begun or one of the
    /// two ends. At a shutdown `body` is cancelled while the server closes in its own order: a server that is cancelled
    /// takes its own end for an error.
    package static func run(
        _ server: StatusServer?, beside body: @escaping @Sendable () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            if let server { group.addTask { try await server.run() } }
            group.addTask { try await cancelWhenGracefulShutdown(body) }
            while try await group.next() != nil, Task.isShuttingDownGracefully {}
            group.cancelAll()
        }
    }

    private static func text(
        _ body: String, status: HTTPResponse.Status = .ok, type: String = "text/plain; charset=utf-8"
    ) -> Response {
        Response(
            status: status, headers: [.contentType: type], body: ResponseBody(byteBuffer: ByteBuffer(string: body)))
    }
}
