import FleetModel

/// What commands ask a manager.
protocol FleetClient: Sendable {
    func overview() async throws(CommandFailure) -> FleetOverview
    /// The newest events, oldest first, at most `limit`.
    func events(limit: Int) async throws(CommandFailure) -> [FleetEvent]
}
