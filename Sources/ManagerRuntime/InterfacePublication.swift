package import FleetModel
package import Observability

/// What a manager offers its agents and GPU servers to install: which bundles, and the routes that serve them.
package struct InterfacePublication: Sendable {
    /// Makes the bundles ready to be fetched, and gives their versions, newest last. Called once, after the routes are
    /// reachable.
    package var publish: @Sendable () async throws -> [InterfaceVersion]
    /// Adds the routes from which bundles are fetched to the manager's HTTP side.
    package var addRoutes: @Sendable (StatusServer.Routes) -> Void

    package init(
        publish: @escaping @Sendable () async throws -> [InterfaceVersion],
        addRoutes: @escaping @Sendable (StatusServer.Routes) -> Void
    ) {
        self.publish = publish
        self.addRoutes = addRoutes
    }

    /// Nothing to install.
    package static let none = InterfacePublication(publish: { [] }, addRoutes: { _ in })
}
