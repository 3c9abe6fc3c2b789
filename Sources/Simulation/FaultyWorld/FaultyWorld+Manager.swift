import ControlLoop
import Determinism
import FleetModel
import ForecastCore
import InterfaceCore

/// The manager's shell: its store, its links, its starts and its ends.
extension FaultyWorld {
    mutating func handleManagerEvent(_ event: WorldEvent) {
        switch event {
        case .managerStarts:
            startManager()
        case .managerPeriod(let index):
            guard managers[index].process.isUp else { return }
            tell(manager: index, .stepDue)
            schedule(.managerPeriod(index), after: Self.period)
        case .managerCrashes(let index):
            if managers[index].process.isUp { crashManager(index) }
        case .managerSlice(let index):
            tell(manager: index, .stepSliceDue)
        case .managerHears(let index, let event):
            tell(manager: index, event)
        case .commitReaches(let index, let transaction):
            commitReaches(index, transaction)
        default:
            break
        }
    }

    mutating func startManager() {
        if let last = managers.indices.last, managers[last].process.isUp {
            managers[last].isReplaced = true
            schedule(.managerCrashes(last), after: delay(1_000...6_000))
        }
        let recovered = store.beginTerm()
        observe(.stored(recovered))
        var process = ProcessState(clock: drawClock())
        process.isUp = true
        managers.append(
            SimulatedManager(
                process: process,
                machine: ManagerMachine(
                    configuration: managerConfiguration, recovered: recovered, forecaster: forecasterToStartWith,
                    random: random.split(),
                    now: process.clock.reading(at: now))))
        let index = managers.count - 1
        schedule(.managerPeriod(index), after: delay(0...1_000))
        if !published.isEmpty {
            tell(manager: index, .interfacesPublished(published.map { InterfaceOffer($0) }, source: ""))
        }
        // Of the ghost's links some break at once, and some only with it.
        for link in links.indices where random.chance(1, in: 2) { breakLink(LinkID(rawValue: UInt64(link))) }
    }

    /// What the last manager knew, where it was kept.
    private var forecasterToStartWith: FleetForecaster {
        snapshot.flatMap { try? FleetForecaster(snapshot: $0) } ?? FleetForecaster()
    }

    mutating func crashManager(_ index: Int) {
        managers[index].process.isUp = false
        breakLinks { $0.manager == index }
    }

    mutating func tell(manager index: Int, _ event: ManagerEvent) {
        guard managers[index].process.isUp else { return }
        let local = managers[index].process.clock.reading(at: now)
        carryOut(managers[index].machine.handle(event, now: local), manager: index)
        let alarms = managers[index].machine.violations
        if bugs.isEmpty, let rule = SafetyRule.allCases.first(where: { alarms[$0] != nil }) {
            observe(.alarmRaised(rule))
        }
    }

    mutating func carryOut(_ effects: [ManagerEffect], manager index: Int) {
        for effect in effects { carryOut(effect, manager: index) }
    }

    private mutating func carryOut(_ effect: ManagerEffect, manager index: Int) {
        journal.note(now, ("manager \(index)", effect))
        switch effect {
        case .persist(let transaction):
            let isDelayed = happens(.commitDelayed)
            schedule(.commitReaches(index, transaction), after: delay(isDelayed ? 100...3_000 : 1...10))
            guard index == managers.count - 1, happens(.writeCutOff) else { return }
            schedule(.managerCrashes(index), after: .zero)
            schedule(.managerStarts, after: delay(100...4_000))
        case .reloadStore:
            schedule(.managerHears(index, .storeReloaded(store.fleet)), after: delay(1...10))
        case .sendToAgent(let message, let link):
            if case .allocation(let notification) = message { observe(.managerNotified(notification)) }
            if case .notice(let notice) = message { observe(.managerNoticed(notice)) }
            send(.managerToAgent(message), on: link)
        case .sendToServer(let message, let link):
            if case .command(let command) = message { observe(.managerCommanded(command)) }
            send(.managerToServer(message), on: link)
        case .closeLink(let link, _):
            links[Int(link.rawValue)].isClosedAtManager = true
            breakLink(link)
        case .continueStep:
            // Where a fleet is to count as a large one, much happens between two slices.
            schedule(.managerSlice(index), after: isSliced ? delay(0...60) : .zero)
        case .record(let event):
            trace.add(event)
        case .keepSnapshot:
            snapshot = managers[index].machine.forecastSnapshot()?.encoded() ?? snapshot
        case .resign:
            crashManager(index)
            // Its supervisor starts it again, unless another has taken its place.
            if index == managers.count - 1 { schedule(.managerStarts, after: delay(500...2_000)) }
        }
    }

    private mutating func commitReaches(_ index: Int, _ transaction: StoreTransaction) {
        let isAlone = managers[index].process.isUp
        // A crash between the write and its durability: either may be.
        guard isAlone || random.chance(1, in: 2) else { return }
        let outcome = store.commit(transaction)
        trace.add(store.fleet.revision)
        if case .committed = outcome { observe(.stored(store.fleet)) }
        guard isAlone else { return }
        if happens(.commitReplyLost) {
            schedule(.managerHears(index, .storeAnswered(.unknown("simulated"))), after: delay(500...3_000))
        } else {
            schedule(.managerHears(index, .storeAnswered(outcome)), after: delay(0...3))
        }
    }
}
