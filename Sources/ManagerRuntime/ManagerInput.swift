import ControlLoop
import ControlProtocol
import FleetModel

/// What the manager's one loop takes in.
enum ManagerInput: Sendable {
    case event(ManagerEvent)
    /// Someone wants to see the fleet; answered with nil when the manager ends first.
    case overviewWanted(forecasts: Bool, @Sendable (FleetOverview?) -> Void)
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
            if offer(question) != .accepted { continuation.resume(returning: nil) }
        }
    }
}
