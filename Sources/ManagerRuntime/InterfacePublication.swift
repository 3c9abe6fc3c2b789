package import InterfaceCore
package import Observability

/// What a manager offers its agents and GPU servers to install: which versions, and the routes that serve them.
package struct InterfacePublication: Sendable {
    /// Tells what is published, newest last: once, as soon as it is ready, and again whenever it changes, until cancelled.
    /// Called once, after the routes are reachable.
    package var watch: @Sendable (_ tell: @Sendable ([InterfaceOffer]) async -> Void) async -> Void
    /// Adds the routes from which bundles are fetched to the manager's HTTP side.
    package var addRoutes: @Sendable (StatusServer.Routes) -> Void

    package init(
        watch: @escaping @Sendable (_ tell: @Sendable ([InterfaceOffer]) async -> Void) async -> Void,
        addRoutes: @escaping @Sendable (StatusServer.Routes) -> Void
    ) {
        self.watch = watch
        self.addRoutes = addRoutes
    }

    /// Nothing to install.
    package static let none = InterfacePublication(watch: { _ in }, addRoutes: { _ in })
}
