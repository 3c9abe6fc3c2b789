import FleetModel
import Observability
import Synchronization

/// Whether the manager can do its work, for `/readyz`.
final class ManagerHealth: Sendable {
    private struct State {
        var isListening = false
        var storeProblem: String?
    }

    private let state = Mutex(State())

    func listening() { state.withLock { $0.isListening = true } }

    func committed(_ outcome: CommitOutcome) {
        state.withLock { state in
            state.storeProblem =
                switch outcome {
                case .committed: nil
                case .conflict: "another manager has written to the store"
                case .unknown(let why): why
                }
        }
    }

    var readiness: StatusServer.Readiness {
        state.withLock { state in
            if let problem = state.storeProblem { return .notReady(reason: problem) }
            return state.isListening ? .ready : .notReady(reason: "starting")
        }
    }
}
