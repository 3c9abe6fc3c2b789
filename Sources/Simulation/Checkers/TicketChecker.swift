import FleetModel

/// A ticket belongs to one grant, and opens exactly one session.
struct TicketChecker: Checker {
    private var owners: [SessionTicket: GrantID] = [:]
    private var opened: Set<SessionTicket> = []

    mutating func observe(_ fact: Fact, now: MonotonicTime, local: MonotonicTime) -> (Violation.Rule, String)? {
        switch fact {
        case .managerCommanded(let command) where !command.goal.isEnd:
            return own(command.ticket, command.grant)
        case .managerNotified(let notification):
            return own(notification.ticket, notification.grant)
        case .sessionOpened(let grant, let ticket, _, _):
            guard opened.insert(ticket).inserted else {
                return (.ticket, "the ticket of \(grant) opened a second session")
            }
            return own(ticket, grant)
        default:
            return nil
        }
    }

    private mutating func own(_ ticket: SessionTicket, _ grant: GrantID) -> (Violation.Rule, String)? {
        guard let owner = owners.updateValue(grant, forKey: ticket), owner != grant else { return nil }
        return (.ticket, "\(owner) and \(grant) have the same ticket")
    }
}
