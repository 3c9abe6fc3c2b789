package import Hummingbird
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

    private let application: Application<RouterResponder<BasicRequestContext>>

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
        application = Application(
            responder: router.buildResponder(),
            configuration: ApplicationConfiguration(address: .hostname(host, port: port)),
            onServerRunning: { channel in onListening(channel.localAddress?.port ?? port) }, logger: logger)
    }

    package func run() async throws { try await application.run() }

    private static func text(
        _ body: String, status: HTTPResponse.Status = .ok, type: String = "text/plain; charset=utf-8"
    ) -> Response {
        Response(
            status: status, headers: [.contentType: type], body: ResponseBody(byteBuffer: ByteBuffer(string: body)))
    }
}
