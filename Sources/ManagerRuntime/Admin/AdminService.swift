import ControlProtocol
import FleetModel
import GRPCCore

/// `presync.v1.Admin`: what people and tools ask.
struct AdminService: WireAdmin.SimpleServiceProtocol {
    let inbox: ManagerInbox
    let events: EventLog
    let telemetry: TelemetryTap
    let start: DaemonStart

    func getOverview(request: WireGetOverviewRequest, context: ServerContext) async throws -> WireFleetOverview {
        start.completing(try await overview(forecasts: !request.withoutForecasts)).wire
    }

    func getForecast(request: WireGetForecastRequest, context: ServerContext) async throws -> WireInstanceForecast {
        guard let instance = InstanceID(rawValue: request.instance) else {
            throw RPCError(code: .invalidArgument, message: "instance: not a name")
        }
        switch await inbox.forecast(of: instance) {
        case .found(let forecast): return forecast.wire
        case .unknownInstance: throw RPCError(code: .notFound, message: "no instance \(instance)")
        case .unavailable: throw Self.busy
        }
    }

    func explain(request: WireExplainRequest, context: ServerContext) async throws -> WireExplainResponse {
        guard request.subject.utf8.count <= ProtocolLimits.reasonBytes else {
            throw RPCError(code: .invalidArgument, message: "subject: too long")
        }
        guard let answer = await inbox.explain(request.subject) else { throw Self.busy }
        return answer.wire
    }

    func explainInterface(
        request: WireExplainInterfaceRequest, context: ServerContext
    ) async throws -> WireExplainInterfaceResponse {
        guard let instance = InstanceID(rawValue: request.instance) else {
            throw RPCError(code: .invalidArgument, message: "instance: not a name")
        }
        guard let answer = await inbox.explainInterface(of: instance) else { throw Self.busy }
        var response = WireExplainInterfaceResponse()
        if let explanation = answer { response.explanation = explanation.wire }
        return response
    }

    func getClassRules(request: WireGetClassRulesRequest, context: ServerContext) async throws -> WireClassRules {
        guard let settings = await inbox.settings() else { throw Self.busy }
        return settings.rules.wire
    }

    func changeClassRules(request: WireClassChange, context: ServerContext) async throws -> WireClassRules {
        let change: ClassChange = try Self.read { () throws(ProtocolError) in try ClassChange(wire: request) }
        return try await Self.settings(inbox.change([.classes(change)])).rules.wire
    }

    func getSettings(request: WireGetSettingsRequest, context: ServerContext) async throws -> WireOperatorSettings {
        guard let settings = await inbox.settings() else { throw Self.busy }
        return settings.wire
    }

    func changeSettings(request: WireOperatorChanges, context: ServerContext) async throws -> WireOperatorSettings {
        try await Self.settings(inbox.change(try Self.changes(request))).wire
    }

    func planChanges(request: WireOperatorChanges, context: ServerContext) async throws -> WireChangePlan {
        switch await inbox.plan(try Self.changes(request)) {
        case .planned(let plan): return plan.wire
        case .refused(let why): throw RPCError(code: .invalidArgument, message: why)
        case .unavailable: throw Self.busy
        }
    }

    func applyPlan(request: WireChangePlan, context: ServerContext) async throws -> WireOperatorSettings {
        let plan: ChangePlan = try Self.read { () throws(ProtocolError) in try ChangePlan(wire: request) }
        return try await Self.settings(inbox.apply(plan)).wire
    }

    private static func changes(_ request: WireOperatorChanges) throws -> [OperatorChange] {
        guard request.changes.count <= ChangePlan.changeLimit else {
            throw RPCError(code: .invalidArgument, message: "more than \(ChangePlan.changeLimit) changes")
        }
        return try request.changes.map { change in
            try read { () throws(ProtocolError) in try OperatorChange(wire: change) }
        }
    }

    private static func read<Value>(_ body: () throws(ProtocolError) -> Value) throws -> Value {
        do { return try body() } catch { throw RPCError(code: .invalidArgument, message: "\(error)") }
    }

    private static func settings(_ answer: SettingsAnswer) throws -> OperatorSettings {
        switch answer {
        case .changed(let settings): return settings
        case .refused(let why): throw RPCError(code: .invalidArgument, message: why)
        case .stale(let why): throw RPCError(code: .failedPrecondition, message: why)
        case .unavailable: throw busy
        }
    }

    func getRollouts(request: WireGetRolloutsRequest, context: ServerContext) async throws -> WireRollouts {
        guard let rollouts = await inbox.rollouts() else { throw Self.busy }
        return Self.answer(rollouts)
    }

    func changeRollout(request: WireRolloutChange, context: ServerContext) async throws -> WireRollouts {
        let change: RolloutChange = try Self.read { () throws(ProtocolError) in try RolloutChange(wire: request) }
        switch await inbox.change(change) {
        case .changed(let rollouts): return Self.answer(rollouts)
        case .refused(let why): throw RPCError(code: .invalidArgument, message: why)
        case .unavailable: throw Self.busy
        }
    }

    private static func answer(_ rollouts: [RolloutOverview]) -> WireRollouts {
        var answer = WireRollouts()
        answer.rollouts = rollouts.suffix(ProtocolLimits.rollouts).map(\.wire)
        return answer
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
        try await untilCallerLeaves(watch.coming) {
            for event in watch.kept { try await response.write(event.wire) }
            for await event in watch.coming where event.sequence >= request.fromSequence {
                try await response.write(event.wire)
            }
        }
    }

    func watchTelemetry(
        request: WireWatchTelemetryRequest, response: RPCWriter<WireTelemetryBatch>, context: ServerContext
    ) async throws {
        guard let watch = telemetry.watch() else {
            throw RPCError(code: .resourceExhausted, message: "too many watchers, or the manager is shutting down")
        }
        defer { telemetry.unwatch(watch.id) }
        try await untilCallerLeaves(watch.coming) {
            // Says that it is watched: until something happens, nothing else would.
            try await response.write(WireTelemetryBatch())
            while let first = await watch.coming.next() {
                var batch = WireTelemetryBatch()
                batch.observations = [first.wire]
                while batch.observations.count < Self.largestBatch, watch.coming.count > 0,
                    let next = await watch.coming.next()
                {
                    batch.observations.append(next.wire)
                }
                try await response.write(batch)
            }
        }
    }

    /// Runs `body`, which reads `coming`, and ends `coming` when the caller has gone: a call that is given up cancels no
    /// task by itself, and a watch that nothing comes to would be kept for ever.
    private func untilCallerLeaves<Element>(
        _ coming: BoundedMailbox<Element>, _ body: () async throws -> Void
    ) async throws {
        try await withRPCCancellationHandler {
            try await body()
        } onCancelRPC: {
            coming.finish()
        }
    }

    private static let largestBatch = ProtocolLimits.instances

    private func overview(forecasts: Bool) async throws -> FleetOverview {
        guard let overview = await inbox.overview(forecasts: forecasts) else { throw Self.busy }
        return overview
    }

    private static var busy: RPCError {
        RPCError(code: .unavailable, message: "the manager is busy or shutting down")
    }
}
