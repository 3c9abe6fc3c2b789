import ControlLoop
import ControlProtocol
import FleetModel

/// What the manager's one loop takes in.
enum ManagerInput: Sendable {
    case event(ManagerEvent)
    /// Someone wants to see the fleet; answered with nil when the manager ends first.
    case overviewWanted(forecasts: Bool, @Sendable (FleetOverview?) -> Void)
    /// Someone wants to see one instance's forecast.
    case forecastWanted(InstanceID, @Sendable (ForecastAnswer) -> Void)
    /// Someone wants to know why an instance, or a request, has what it has; answered with nil when the manager ends first.
    case explanationWanted(String, @Sendable (ExplanationAnswer?) -> Void)
    /// Which interface version an instance gets; the outer nil where the manager ends first.
    case interfaceWanted(InstanceID, @Sendable (InterfaceExplanation??) -> Void)
    /// Someone wants to see what operators have set; answered with nil when the manager ends first.
    case settingsWanted(@Sendable (OperatorSettings?) -> Void)
    /// Someone changes something of it; answered once all of that is durable.
    case changesWanted([OperatorChange], @Sendable (SettingsAnswer) -> Void)
    /// Someone wants to know what changes would do.
    case planWanted([OperatorChange], @Sendable (PlanAnswer) -> Void)
    /// Someone has a plan carried out; answered once it is durable.
    case planApplied(ChangePlan, @Sendable (SettingsAnswer) -> Void)

    /// Someone wants to see the rollouts; answered with nil when the manager ends first.
    case rolloutsWanted(@Sendable ([RolloutOverview]?) -> Void)
    /// Someone orders something of them; answered once it is durable.
    case rolloutOrdered(RolloutChange, @Sendable (RolloutAnswer) -> Void)

    /// Tells who asks, if anyone does, that there is no answer to be had.
    func decline() {
        switch self {
        case .event: break
        case .overviewWanted(_, let answer): answer(nil)
        case .forecastWanted(_, let answer): answer(.unavailable)
        case .explanationWanted(_, let answer): answer(nil)
        case .interfaceWanted(_, let answer): answer(nil)
        case .settingsWanted(let answer): answer(nil)
        case .changesWanted(_, let answer), .planApplied(_, let answer): answer(.unavailable)
        case .planWanted(_, let answer): answer(.unavailable)
        case .rolloutsWanted(let answer): answer(nil)
        case .rolloutOrdered(_, let answer): answer(.unavailable)
        }
    }
}

/// What is said to who asks for an instance's forecast.
enum ForecastAnswer: Sendable {
    case found(InstanceForecast)
    case unknownInstance
    /// The manager ends first, or too much waits before the question.
    case unavailable
}

/// What is said to who wants to know what changes would do.
enum PlanAnswer: Sendable {
    case planned(ChangePlan)
    case refused(String)
    case unavailable
}

/// What is said to who changes what operators set.
enum SettingsAnswer: Sendable {
    /// What is then in force.
    case changed(OperatorSettings)
    case refused(String)
    /// Something has changed since the plan was made.
    case stale(String)
    /// The manager ends first, or too much waits before it. The change may have been made or not.
    case unavailable
}

/// What is said to who orders something of rollouts.
enum RolloutAnswer: Sendable {
    /// All that then are.
    case changed([RolloutOverview])
    case refused(String)
    /// The manager ends first, or too much waits before it. The order may have been carried out or not.
    case unavailable
}

/// The loop's one input, bounded: who feeds it waits while it is full, and so do the peers behind.
typealias ManagerInbox = BoundedMailbox<ManagerInput>

extension BoundedMailbox<ManagerInput> {
    /// Inputs that wait for the loop before those who feed it wait, too.
    static var standardLimit: Int { 8_192 }

    /// The fleet as the loop sees it when it comes to this question; nil if the manager ends first.
    /// - Parameter forecasts: whether each instance's is wanted.
    func overview(forecasts: Bool) async -> FleetOverview? {
        await withCheckedContinuation { continuation in
            let question = ManagerInput.overviewWanted(forecasts: forecasts) { continuation.resume(returning: $0) }
            // People are told to ask again rather than kept waiting behind a full queue.
            if offer(question) != .accepted { question.decline() }
        }
    }

    /// Why an instance or a request has what it has, when the loop comes to this question; nil if the manager ends first.
    func explain(_ subject: String) async -> ExplanationAnswer? {
        await withCheckedContinuation { continuation in
            let question = ManagerInput.explanationWanted(subject) { continuation.resume(returning: $0) }
            if offer(question) != .accepted { question.decline() }
        }
    }

    /// Which interface version an instance gets and why, when the loop comes to this question; nil within where it knows no
    /// such instance, and nil if the manager ends first.
    func explainInterface(of instance: InstanceID) async -> InterfaceExplanation?? {
        await withCheckedContinuation { continuation in
            let question = ManagerInput.interfaceWanted(instance) { continuation.resume(returning: $0) }
            if offer(question) != .accepted { question.decline() }
        }
    }

    /// What operators have set, when the loop comes to this question; nil if the manager ends first.
    func settings() async -> OperatorSettings? {
        await withCheckedContinuation { continuation in
            let question = ManagerInput.settingsWanted { continuation.resume(returning: $0) }
            if offer(question) != .accepted { question.decline() }
        }
    }

    /// Changes something of it, all or nothing; returns once that is durable.
    func change(_ changes: [OperatorChange]) async -> SettingsAnswer {
        await withCheckedContinuation { continuation in
            let question = ManagerInput.changesWanted(changes) { continuation.resume(returning: $0) }
            if offer(question) != .accepted { question.decline() }
        }
    }

    /// What these changes would do.
    func plan(_ changes: [OperatorChange]) async -> PlanAnswer {
        await withCheckedContinuation { continuation in
            let question = ManagerInput.planWanted(changes) { continuation.resume(returning: $0) }
            if offer(question) != .accepted { question.decline() }
        }
    }

    /// Carries a plan out; returns once that is durable.
    func apply(_ plan: ChangePlan) async -> SettingsAnswer {
        await withCheckedContinuation { continuation in
            let question = ManagerInput.planApplied(plan) { continuation.resume(returning: $0) }
            if offer(question) != .accepted { question.decline() }
        }
    }

    /// The rollouts, when the loop comes to this question; nil if the manager ends first.
    func rollouts() async -> [RolloutOverview]? {
        await withCheckedContinuation { continuation in
            let question = ManagerInput.rolloutsWanted { continuation.resume(returning: $0) }
            if offer(question) != .accepted { question.decline() }
        }
    }

    /// Orders something of them; returns once it is durable.
    func change(_ change: RolloutChange) async -> RolloutAnswer {
        await withCheckedContinuation { continuation in
            let question = ManagerInput.rolloutOrdered(change) { continuation.resume(returning: $0) }
            if offer(question) != .accepted { question.decline() }
        }
    }

    /// One instance's forecast as the loop sees it when it comes to this question.
    func forecast(of instance: InstanceID) async -> ForecastAnswer {
        await withCheckedContinuation { continuation in
            let question = ManagerInput.forecastWanted(instance) { continuation.resume(returning: $0) }
            if offer(question) != .accepted { question.decline() }
        }
    }
}
