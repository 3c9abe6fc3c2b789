import ControlProtocol
import FleetModel
import GRPCCore

/// `presync.v1.Admin`: what people and tools ask.
struct AdminService: WireAdmin.SimpleServiceProtocol {
    let inbox: ManagerInbox
    let events: EventLog

    func getOverview(request: WireGetOverviewRequest, context: ServerContext) async throws -> WireFleetOverview {
        guard var overview = await inbox.overview() else {
            throw RPCError(code: .unavailable, message: "the manager is busy or shutting down")
        }
        if request.withoutForecasts {
            for index in overview.instances.indices { overview.instances[index].forecast = nil }
        }
        return overview.wire
    }

    func getEvents(request: WireGetEventsRequest, context: ServerContext) async throws -> WireGetEventsResponse {
        let limit = request.limit == 0 ? ProtocolLimits.events : Int(request.limit)
        let found = events.events(from: request.fromSequence, newest: min(limit, ProtocolLimits.events))
        var answer = WireGetEventsResponse()
        answer.events = found.map(\.wire)
        return answer
    }

    func watchEvents(
        request: WireWatchEventsRequest, response: RPCWriter<WireRecordedEvent>, context: ServerContext
    ) async throws {
        guard let watch = events.watch(from: request.fromSequence) else {
            throw RPCError(code: .resourceExhausted, message: "too many watchers, or the manager is shutting down")
        }
        defer { events.unwatch(watch.id) }
        for event in watch.kept { try await response.write(event.wire) }
        for await event in watch.coming where event.sequence >= request.fromSequence {
            try await response.write(event.wire)
        }
    }
}
