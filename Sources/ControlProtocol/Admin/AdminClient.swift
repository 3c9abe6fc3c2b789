package import FleetModel
import GRPCCore
import GRPCNIOTransportHTTP2
import SwiftProtobuf

/// What a person's tool asks of a running manager. Valid within ``withConnection(to:_:)``.
package struct AdminClient: Sendable {
    private static let callTimeout: Duration = .seconds(10)

    private let admin: WireAdmin.Client<HTTP2ClientTransport.Posix>

    /// Connects, gives the client to `body`, and disconnects. Connecting is lazy: that the manager cannot be reached is
    /// an error of the first call.
    package static func withConnection<Result: Sendable>(
        to address: ManagerAddress, _ body: (AdminClient) async throws -> Result
    ) async throws -> Result {
        try await withGRPCClient(transport: try ControlTransport.client(to: address)) { client in
            try await body(AdminClient(admin: WireAdmin.Client(wrapping: client)))
        }
    }

    /// The fleet now. Without `forecasts` the answer is a tenth of the size.
    package func overview(forecasts: Bool = true) async throws(AdminError) -> FleetOverview {
        try await AdminError.wrapping {
            let request = WireGetOverviewRequest.with { $0.withoutForecasts = !forecasts }
            return try FleetOverview(wire: try await admin.getOverview(request, options: Self.options()))
        }
    }

    /// What is expected of one instance, beside what it did of late; nil where the manager knows no such instance.
    package func forecast(of instance: InstanceID) async throws(AdminError) -> InstanceForecast? {
        try await AdminError.wrapping {
            let request = WireGetForecastRequest.with { $0.instance = instance.rawValue }
            do {
                return try InstanceForecast(wire: try await admin.getForecast(request, options: Self.options()))
            } catch let error as RPCError where error.code == .notFound {
                return nil
            }
        }
    }

    /// Why an instance, or the instance of a request that waits, has what it has. The answer is without an explanation
    /// where the manager knows neither.
    package func explain(_ subject: String) async throws(AdminError) -> ExplanationAnswer {
        try await AdminError.wrapping {
            let request = WireExplainRequest.with { $0.subject = subject }
            return try ExplanationAnswer(wire: try await admin.explain(request, options: Self.options()))
        }
    }

    /// Which interface version an instance's sessions open in, and why; nil where the manager knows no such instance.
    package func explainInterface(of instance: InstanceID) async throws(AdminError) -> InterfaceExplanation? {
        try await AdminError.wrapping {
            let request = WireExplainInterfaceRequest.with { $0.instance = instance.rawValue }
            let answer = try await admin.explainInterface(request, options: Self.options())
            return answer.hasExplanation ? try InterfaceExplanation(wire: answer.explanation) : nil
        }
    }

    /// The classes in force, the rules that give them, and the quotas.
    package func classRules() async throws(AdminError) -> ClassRules {
        try await AdminError.wrapping {
            try ClassRules(wire: try await admin.getClassRules(WireGetClassRulesRequest(), options: Self.options()))
        }
    }

    /// Changes one of them; durable when this returns what is then in force.
    package func change(_ change: ClassChange) async throws(AdminError) -> ClassRules {
        try await AdminError.wrapping {
            try ClassRules(wire: try await admin.changeClassRules(change.wire, options: Self.options()))
        }
    }

    /// All that operators have set, as it is in force.
    package func settings() async throws(AdminError) -> OperatorSettings {
        try await AdminError.wrapping {
            try OperatorSettings(wire: try await admin.getSettings(WireGetSettingsRequest(), options: Self.options()))
        }
    }

    /// Carries out changes, all or none; durable when this returns what is then in force.
    package func change(_ changes: [OperatorChange]) async throws(AdminError) -> OperatorSettings {
        try await AdminError.wrapping {
            let request = WireOperatorChanges.with { $0.changes = changes.map(\.wire) }
            return try OperatorSettings(wire: try await admin.changeSettings(request, options: Self.options()))
        }
    }

    /// What the manager would do at once if these changes were made.
    package func plan(_ changes: [OperatorChange]) async throws(AdminError) -> ChangePlan {
        try await AdminError.wrapping {
            let request = WireOperatorChanges.with { $0.changes = changes.map(\.wire) }
            return try ChangePlan(wire: try await admin.planChanges(request, options: Self.options()))
        }
    }

    /// Carries a plan out, whole; refused where what it depends on has changed since.
    package func apply(_ plan: ChangePlan) async throws(AdminError) -> OperatorSettings {
        try await AdminError.wrapping {
            try OperatorSettings(wire: try await admin.applyPlan(plan.wire, options: Self.options()))
        }
    }

    /// The rollouts that the manager remembers, oldest first.
    package func rollouts() async throws(AdminError) -> [RolloutOverview] {
        try await AdminError.wrapping {
            let answer = try await admin.getRollouts(WireGetRolloutsRequest(), options: Self.options())
            return try Read.list(answer.rollouts, "rollouts", limit: ProtocolLimits.rollouts)
        }
    }

    /// Begins, pauses, resumes or aborts one; durable when this returns all that then are.
    package func change(_ change: RolloutChange) async throws(AdminError) -> [RolloutOverview] {
        try await AdminError.wrapping {
            let answer = try await admin.changeRollout(change.wire, options: Self.options())
            return try Read.list(answer.rollouts, "rollouts", limit: ProtocolLimits.rollouts)
        }
    }

    /// The newest `limit` events (0: all that are kept) from the sequence number `from` on, oldest first.
    package func events(from: UInt64 = 0, limit: Int = 0) async throws(AdminError) -> [RecordedEvent] {
        try await AdminError.wrapping {
            let request = WireGetEventsRequest.with {
                $0.fromSequence = from
                $0.limit = UInt32(clamping: limit)
            }
            let answer = try await admin.getEvents(request, options: Self.options())
            return try Read.list(answer.events, "events", limit: ProtocolLimits.events)
        }
    }

    /// Gives each event from the sequence number `from` on to `body`, those that are kept first and then each as it
    /// happens, until the manager ends, the task is cancelled or `body` throws.
    package func watchEvents(
        from: UInt64 = 0, _ body: @Sendable @escaping (RecordedEvent) async throws -> Void
    ) async throws(AdminError) {
        try await AdminError.wrapping {
            let request = WireWatchEventsRequest.with { $0.fromSequence = from }
            try await admin.watchEvents(request, options: Self.options(timeout: nil)) { response in
                for try await wire in response.messages { try await body(try RecordedEvent(wire: wire)) }
            }
        }
    }

    /// Gives what instances did, each second of an instance once and as it is known, to `body`, until the manager
    /// ends, the task is cancelled or `body` throws. An empty list comes first, once the manager has taken on the watch.
    package func watchTelemetry(
        _ body: @Sendable @escaping ([InstanceObservation]) async throws -> Void
    ) async throws(AdminError) {
        try await AdminError.wrapping {
            let options = Self.options(timeout: nil)
            try await admin.watchTelemetry(WireWatchTelemetryRequest(), options: options) { response in
                for try await wire in response.messages {
                    try await body(try Read.list(wire.observations, "observations", limit: ProtocolLimits.instances))
                }
            }
        }
    }

    private static func options(timeout: Duration? = callTimeout) -> CallOptions {
        var options = CallOptions.defaults
        options.waitForReady = false
        options.timeout = timeout
        options.maxResponseMessageBytes = ProtocolLimits.adminAnswerBytes
        return options
    }
}

/// Why a manager's answer is not to be had.
package enum AdminError: Error, Hashable, Sendable, CustomStringConvertible {
    /// No manager answers at the address.
    case unreachable(String)
    /// What was asked for is not possible.
    case refused(String)
    /// The manager failed, or its answer is not understood.
    case failed(String)

    package var description: String {
        switch self {
        case .unreachable(let why): "the manager cannot be reached: \(why)"
        case .refused(let why): why
        case .failed(let why): "the manager's answer: \(why)"
        }
    }

    static func wrapping<Result>(_ body: () async throws -> Result) async throws(AdminError) -> Result {
        do {
            return try await body()
        } catch let error as RPCError where error.code == .unavailable || error.code == .deadlineExceeded {
            throw .unreachable(error.message)
        } catch let error as RPCError where error.code == .invalidArgument || error.code == .failedPrecondition {
            throw .refused(error.message)
        } catch let error as RPCError {
            throw .failed("\(error.code): \(error.message)")
        } catch {
            throw .failed(String(describing: error))
        }
    }
}
