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

    /// Someone wants to see the classes, rules and quotas; answered with nil when the manager ends first.
    case classRulesWanted(@Sendable (ClassRules?) -> Void)
    /// Someone changes one of them; answered once the change is durable.
    case classChangeWanted(ClassChange, @Sendable (ClassChangeAnswer) -> Void)

    /// Tells who asks, if anyone does, that there is no answer to be had.
    func decline() {
        switch self {
        case .event: break
        case .overviewWanted(_, let answer): answer(nil)
        case .forecastWanted(_, let answer): answer(.unavailable)
        case .explanationWanted(_, let answer): answer(nil)
        case .classRulesWanted(let answer): answer(nil)
        case .classChangeWanted(_, let answer): answer(.unavailable)
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

/// What is said to who changes a class, a rule or a quota.
enum ClassChangeAnswer: Sendable {
    /// What is then in force.
    case changed(ClassRules)
    case refused(String)
    /// The manager ends first, or too much waits before it. The change may have been made or not.
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

    /// The classes, rules and quotas as the loop has them when it comes to this question; nil if the manager ends first.
    func classRules() async -> ClassRules? {
        await withCheckedContinuation { continuation in
            let question = ManagerInput.classRulesWanted { continuation.resume(returning: $0) }
            if offer(question) != .accepted { question.decline() }
        }
    }

    /// Changes one of them; returns once that is durable.
    func change(_ change: ClassChange) async -> ClassChangeAnswer {
        await withCheckedContinuation { continuation in
            let question = ManagerInput.classChangeWanted(change) { continuation.resume(returning: $0) }
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
