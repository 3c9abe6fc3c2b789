import ControlLoop
import ControlProtocol
import FleetModel
import ForecastCore
import Logging
import Observability

/// The task that owns the machine: it takes one input after another, and carries out what the machine wants, in order.
struct ManagerLoop {
    private var machine: ManagerMachine
    private let inbox: ManagerInbox
    private let storeWork: BoundedMailbox<StoreWork>
    /// Nil where none are kept.
    private let snapshots: BoundedMailbox<FleetSnapshot>?
    private let agents: PeerLinks<AgentRole>
    private let servers: PeerLinks<GPUServerRole>
    private let events: EventLog
    private let metrics: ManagerMetrics
    private let logger: Logger
    /// Inputs that are taken before the step goes on; nil while no step is under way.
    private var inputsBeforeSlice: Int?
    /// Who waits for a change of settings to be durable.
    private var awaitingStore: [Awaiting] = []

    /// Someone who waits for what was changed to be durable.
    private enum Awaiting {
        case settings(@Sendable (SettingsAnswer) -> Void)
        case rollouts(@Sendable (RolloutAnswer) -> Void)
    }

    init(
        machine: ManagerMachine, inbox: ManagerInbox, storeWork: BoundedMailbox<StoreWork>,
        snapshots: BoundedMailbox<FleetSnapshot>?, agents: PeerLinks<AgentRole>, servers: PeerLinks<GPUServerRole>,
        events: EventLog, metrics: ManagerMetrics, logger: Logger
    ) {
        self.machine = machine
        self.inbox = inbox
        self.storeWork = storeWork
        self.snapshots = snapshots
        self.agents = agents
        self.servers = servers
        self.events = events
        self.metrics = metrics
        self.logger = logger
    }

    /// Runs until the inbox is finished and empty.
    /// - Throws: ``ManagerError/superseded(_:term:)`` when another manager has taken over.
    mutating func run() async throws(ManagerError) {
        // What is still asked when this ends by an error must be answered.
        defer { inbox.finish() }
        do {
            while let input = await nextInput() {
                try take(input)
                answerChanges()
            }
            declineChanges()
            keepSnapshot()
        } catch {
            declineChanges()
            inbox.finish()
            while let input = await inbox.next() { input.decline() }
            throw error
        }
    }

    /// The next input, or the next slice of the step once what was waiting has had its turn.
    private mutating func nextInput() async -> ManagerInput? {
        if let waiting = inputsBeforeSlice {
            if waiting == 0 || inbox.count == 0 {
                inputsBeforeSlice = nil
                return .event(.stepSliceDue)
            }
            inputsBeforeSlice = waiting - 1
        }
        return await inbox.next()
    }

    private mutating func take(_ input: ManagerInput) throws(ManagerError) {
        let now = MonotonicClock.now()
        if case .event(.stepDue) = input { readWallClock(now) }
        switch input {
        case .overviewWanted(let forecasts, let answer): answer(machine.overview(at: now, forecasts: forecasts))
        case .forecastWanted(let instance, let answer):
            answer(machine.forecast(of: instance, at: now).map(ForecastAnswer.found) ?? .unknownInstance)
        case .explanationWanted(let subject, let answer): answer(machine.explain(subject, at: now))
        case .interfaceWanted(let instance, let answer): answer(.some(machine.explainInterface(of: instance)))
        case .settingsWanted(let answer): answer(machine.settings)
        case .changesWanted(let changes, let answer):
            readWallClock(now)
            let effects: [ManagerEffect]
            do { effects = try machine.change(changes, at: now) } catch { return answer(.refused(error.description)) }
            awaitingStore.append(.settings(answer))
            for effect in effects { try carryOut(effect) }
        case .planWanted(let changes, let answer):
            readWallClock(now)
            do { answer(.planned(try machine.plan(changes, at: now))) } catch { answer(.refused(error.description)) }
        case .planApplied(let plan, let answer):
            readWallClock(now)
            let effects: [ManagerEffect]
            do { effects = try machine.apply(plan, at: now) } catch {
                if case .stale = error { return answer(.stale(error.description)) }
                return answer(.refused(error.description))
            }
            awaitingStore.append(.settings(answer))
            for effect in effects { try carryOut(effect) }
        case .rolloutsWanted(let answer): answer(machine.rolloutOverviews)
        case .rolloutOrdered(let change, let answer):
            readWallClock(now)
            let effects: [ManagerEffect]
            do { effects = try machine.change(change, at: now) } catch { return answer(.refused(error.description)) }
            awaitingStore.append(.rollouts(answer))
            for effect in effects { try carryOut(effect) }
        case .event(let event):
            let effects = machine.handle(event, now: now)
            metrics.handled(event, took: MonotonicClock.now() - now)
            for effect in effects { try carryOut(effect) }
        }
    }

    /// Operators give times of the wall clock, which may be set while the manager runs.
    private mutating func readWallClock(_ now: MonotonicTime) {
        machine.wallClockRead(WallTime(rawValue: WallClock.unixMilliseconds()), at: now)
    }

    /// Tells those who changed something, once all that was changed is durable.
    private mutating func answerChanges() {
        guard !awaitingStore.isEmpty, machine.areOrdersStored else { return }
        for waiting in awaitingStore {
            switch waiting {
            case .settings(let answer): answer(.changed(machine.settings))
            case .rollouts(let answer): answer(.changed(machine.rolloutOverviews))
            }
        }
        awaitingStore.removeAll()
    }

    private mutating func declineChanges() {
        for waiting in awaitingStore {
            switch waiting {
            case .settings(let answer): answer(.unavailable)
            case .rollouts(let answer): answer(.unavailable)
            }
        }
        awaitingStore.removeAll()
    }

    private mutating func carryOut(_ effect: ManagerEffect) throws(ManagerError) {
        switch effect {
        case .persist(let transaction): _ = storeWork.offer(.commit(transaction))
        case .reloadStore: _ = storeWork.offer(.reload)
        case .sendToAgent(let message, let link): agents.send(message, to: link)
        case .sendToServer(let message, let link): servers.send(message, to: link)
        case .closeLink(let link, let reason):
            agents.close(link, reason: reason)
            servers.close(link, reason: reason)
        case .continueStep: inputsBeforeSlice = inbox.count
        case .keepSnapshot: keepSnapshot()
        case .record(let event):
            events.append(event)
            metrics.recorded(event)
            logger.debug("fleet event", metadata: ["kind": "\(event.kind.rawValue)", "detail": "\(event.detail)"])
        case .resign(let reason, let seen): throw .superseded(reason, term: seen)
        }
    }

    private func keepSnapshot() {
        guard let snapshots, let snapshot = machine.forecastSnapshot() else { return }
        // Without room the one before is still being written: the disk is slow, and this one is given up.
        _ = snapshots.offer(snapshot)
    }
}
