import ControlLoop
import ControlProtocol
import FleetModel
import Logging
import Observability
import StateStore

/// What the machine wants of the store. At most one of each is under way, so two places suffice.
enum StoreWork: Sendable {
    case commit(StoreTransaction)
    case reload
}

/// The task that talks to the store, so that the loop never waits for a disk.
struct StoreWorker {
    static let queueLimit = 4
    private static let retryAfter: Duration = .seconds(1)

    let store: any FleetStore
    let work: BoundedMailbox<StoreWork>
    let inbox: ManagerInbox
    let metrics: ManagerMetrics
    let health: ManagerHealth
    let logger: Logger

    /// Runs until the work is finished and done.
    func run() async {
        for await one in work {
            switch one {
            case .commit(let transaction): await commit(transaction)
            case .reload: await reload()
            }
        }
    }

    private func commit(_ transaction: StoreTransaction) async {
        let began = MonotonicClock.now()
        let outcome = await store.commit(transaction)
        metrics.committed(outcome, took: MonotonicClock.now() - began)
        health.committed(outcome)
        if case .unknown(let why) = outcome {
            logger.error("commit of unknown outcome", metadata: ["why": "\(why)"])
            // Whatever it was, a full disk for example, will be so for a while yet; nothing is granted meanwhile.
            try? await Task.sleep(for: Self.retryAfter)
        }
        await inbox.put(.event(.storeAnswered(outcome)))
    }

    /// Reads the store, again and again while it cannot be read: without it the manager may not grant.
    private func reload() async {
        while !Task.isCancelled {
            do {
                await inbox.put(.event(.storeReloaded(try await store.load())))
                return
            } catch {
                logger.error("the store cannot be read", metadata: ["error": "\(error)"])
                try? await Task.sleep(for: Self.retryAfter)
            }
        }
    }
}
