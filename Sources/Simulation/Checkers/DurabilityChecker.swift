import FleetModel

/// Design 6.5: nobody is told of a grant that a crash could lose.
struct DurabilityChecker: Checker {
    private var term: UInt64 = 0
    private var stored: [GrantID: Bytes] = [:]
    /// The most that was ever durable of each grant: what a manager that has been replaced may still say.
    private var everStored: [GrantID: Bytes] = [:]

    mutating func observe(_ fact: Fact, now: MonotonicTime, local: MonotonicTime) -> (Violation.Rule, String)? {
        switch fact {
        case .stored(let fleet):
            term = fleet.term
            stored = Dictionary(uniqueKeysWithValues: fleet.grants.map { ($0.grant, $0.slice.memory) })
            for grant in fleet.grants {
                everStored[grant.grant] = max(everStored[grant.grant] ?? .zero, grant.slice.memory)
            }
            return nil
        case .managerCommanded(let command) where !command.goal.isEnd:
            let memory = command.goal == .reserved ? command.slice.memory : .zero
            return lack(command.grant, memory, command.epoch.term, "commanded")
        case .managerNotified(let notification):
            let memory = notification.level == .reserved ? notification.slice.memory : .zero
            return lack(notification.grant, memory, notification.epoch.term, "notified")
        default:
            return nil
        }
    }

    private func lack(
        _ grant: GrantID, _ memory: Bytes, _ tellersTerm: UInt64, _ verb: String
    ) -> (Violation.Rule, String)? {
        guard let durable = (tellersTerm == term ? stored : everStored)[grant] else {
            return (.durability, "\(grant) was \(verb) and is not durable")
        }
        guard memory > durable else { return nil }
        return (.durability, "\(grant) was \(verb) with \(memory.rawValue) bytes, and \(durable.rawValue) are durable")
    }
}
