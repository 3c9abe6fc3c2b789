import FleetModel

/// Design 6.1 and 6.6: a grant belongs to one instance on one device for good, has one living worker, and goes to one
/// program of that instance.
struct HolderChecker: Checker {
    private struct Owner: Hashable {
        var instance: InstanceID
        var device: DeviceID
    }
    private struct Asker: Hashable {
        var instance: InstanceID
        var request: RequestID
    }

    private var owners: [GrantID: Owner] = [:]
    private var workers: [GrantID: Int] = [:]
    private var handedOver: Set<GrantID> = []
    private var served: Set<Asker> = []

    mutating func observe(_ fact: Fact, now: MonotonicTime, local: MonotonicTime) -> (Violation.Rule, String)? {
        switch fact {
        case .stored(let fleet):
            for stored in fleet.grants {
                if let found = own(stored.grant, stored.instance.id, stored.device) { return found }
            }
            return nil
        case .managerCommanded(let command):
            return own(command.grant, command.instance, command.device)
        case .limitInForce(let worker, let grant, _, _):
            guard let other = workers.updateValue(worker, forKey: grant), other != worker else { return nil }
            return (.twoHolders, "\(grant) has two living workers")
        case .workerGone(let worker, let grant):
            if workers[grant] == worker { workers[grant] = nil }
            return nil
        case .handedOver(let grant, let request, let program, let gpus, let remaining, let limit):
            guard limit != nil, handedOver.insert(grant).inserted else {
                return (.twoHolders, "\(grant) was handed over again, to \(request) of \(program)")
            }
            guard let member = program.virtualGPU(gpus - 1 - remaining) else { return nil }
            guard served.insert(Asker(instance: member, request: request)).inserted else {
                return (.twoHolders, "\(request) of \(member) was given a second session")
            }
            guard owners[grant]?.instance == member else {
                return (.twoHolders, "\(grant) went to \(member), which is not its instance")
            }
            return nil
        default:
            return nil
        }
    }

    private mutating func own(
        _ grant: GrantID, _ instance: InstanceID, _ device: DeviceID
    ) -> (Violation.Rule, String)? {
        let owner = Owner(instance: instance, device: device)
        guard let before = owners.updateValue(owner, forKey: grant), before != owner else { return nil }
        return (.twoHolders, "\(grant) of \(before.instance) on \(before.device) became \(instance)'s on \(device)")
    }
}
