import FleetModel

/// What a program gets is ready, and what it has is not ended under it.
struct SessionChecker: Checker {
    mutating func observe(_ fact: Fact, now: MonotonicTime, local: MonotonicTime) -> (Violation.Rule, String)? {
        switch fact {
        case .handedOver(let grant, let request, _, let limit?) where limit.memory == .zero:
            (.readiness, "\(grant) went to \(request) with no memory set aside")
        case .workerStopped(let server, let grant, inUse: true):
            (.attachment, "\(server) ended \(grant) while a program used it")
        case .stuck(let detail):
            (.liveness, detail)
        default:
            nil
        }
    }
}
