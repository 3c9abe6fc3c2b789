import FleetModel

/// What commands ask a manager.
protocol FleetClient: Sendable {
    func overview() async throws(CommandFailure) -> FleetOverview
    /// What is expected of one instance, and what it did of late; nil where the manager does not know it.
    func forecast(of instance: InstanceID) async throws(CommandFailure) -> InstanceForecast?
    /// Why an instance, or the instance of a request that waits, has what it has.
    func explain(_ subject: String) async throws(CommandFailure) -> ExplanationAnswer
    /// The newest events, oldest first, at most `limit`.
    func events(limit: Int) async throws(CommandFailure) -> [RecordedEvent]
    /// Gives what instances do, second by second, to `body`, until the manager ends or the task is cancelled; an empty
    /// list first, once the manager has taken on the watch.
    func watchTelemetry(
        _ body: @Sendable @escaping ([InstanceObservation]) async throws -> Void
    ) async throws(CommandFailure)
    /// What to say when the manager ends while it is being watched.
    var ended: CommandFailure { get }
}
