import FleetModel

/// A program gets all virtual GPUs that it asks for at once or none, each on a device of its own.
struct SetChecker: Checker {
    private var devices: [GrantID: DeviceID] = [:]
    /// What a program has been given of what it asked for, while that is not all.
    private var part: (request: RequestID, grants: [GrantID])?

    mutating func observe(_ fact: Fact, now: MonotonicTime, local: MonotonicTime) -> (Violation.Rule, String)? {
        switch fact {
        case .managerCommanded(let command):
            devices[command.grant] = command.device
            return nil
        case .handedOver(let grant, let request, let program, let gpus, let remaining, _) where gpus > 1:
            var grants = part?.grants ?? []
            guard part.map({ $0.request == request }) ?? true, grants.count + 1 + remaining == gpus else {
                return (.set, "\(request) of \(program) asked for \(gpus), and got \(grants.count + 1 + remaining)")
            }
            grants.append(grant)
            part = remaining > 0 ? (request, grants) : nil
            let places = Set(grants.map { devices[$0] })
            return places.count == grants.count ? nil : (.set, "\(grants) of \(program) are on \(places.count) devices")
        default:
            // All of it comes before anything else happens.
            guard let part else { return nil }
            return (.set, "\(part.request) got \(part.grants) and not the rest")
        }
    }
}
