import ControlProtocol
import FleetModel
import ForecastCore
import Synchronization

/// Gives what instances do, second by second and as the forecaster takes it in, to those who watch.
final class TelemetryTap: Sendable {
    /// Seconds of instances that wait for a watcher. One that does not keep up misses what is beyond.
    private static let queueLimit = 1 << 17
    static let watcherLimit = 4

    private struct State {
        var watchers: [UInt64: BoundedMailbox<InstanceObservation>] = [:]
        var next: UInt64 = 0
        var isFinished = false
    }

    private let state = Mutex(State())
    /// Read for every instance and second, so that nobody who watches costs next to nothing.
    private let isWatched = Atomic(false)

    func offer(_ observation: @autoclosure () -> InstanceObservation?) {
        guard isWatched.load(ordering: .relaxed), let observation = observation() else { return }
        state.withLock { state in
            for watcher in state.watchers.values { _ = watcher.offer(observation) }
        }
    }

    /// What comes from now on; nil when there are too many watchers or the manager is shutting down.
    func watch() -> (id: UInt64, coming: BoundedMailbox<InstanceObservation>)? {
        state.withLock { state in
            guard state.watchers.count < Self.watcherLimit, !state.isFinished else { return nil }
            state.next += 1
            let mailbox = BoundedMailbox<InstanceObservation>(limit: Self.queueLimit)
            state.watchers[state.next] = mailbox
            isWatched.store(true, ordering: .relaxed)
            return (state.next, mailbox)
        }
    }

    func unwatch(_ id: UInt64) {
        state.withLock { state in
            state.watchers[id] = nil
            isWatched.store(!state.watchers.isEmpty, ordering: .relaxed)
        }
    }

    /// Ends every watch.
    func finish() {
        let watchers = state.withLock { state in
            state.isFinished = true
            return Array(state.watchers.values)
        }
        for watcher in watchers { watcher.finish() }
    }
}

/// A forecaster that shows what it is given to a tap, and is otherwise the one that it stands before.
struct TappedForecaster<Base: Forecaster>: Forecaster {
    private var base: Base
    private let tap: TelemetryTap
    /// By slot.
    private var names: [(instance: InstanceID, application: ApplicationType)?] = []

    var horizons: ForecastHorizons { base.horizons }

    init(_ base: Base, _ tap: TelemetryTap) {
        self.base = base
        self.tap = tap
    }

    mutating func admit(_ instance: InstanceDescription) -> ForecastSlot {
        let slot = base.admit(instance)
        while names.count <= slot.rawValue { names.append(nil) }
        names[slot.rawValue] = (instance.id, instance.application)
        return slot
    }

    mutating func describe(_ slot: ForecastSlot, as instance: InstanceDescription) {
        base.describe(slot, as: instance)
        if names.indices.contains(slot.rawValue) { names[slot.rawValue] = (instance.id, instance.application) }
    }

    mutating func retire(_ slot: ForecastSlot) {
        base.retire(slot)
        if names.indices.contains(slot.rawValue) { names[slot.rawValue] = nil }
    }

    mutating func observe(_ slot: ForecastSlot, _ observation: LoadObservation) {
        tap.offer(observed(slot, observation))
        base.observe(slot, observation)
    }

    mutating func forecast(_ slots: [ForecastSlot], madeAt: MonotonicTime) -> [DemandForecast] {
        base.forecast(slots, madeAt: madeAt)
    }

    func amountIfDemanded(_ slot: ForecastSlot, resource: Resource, level: Double) -> Double {
        base.amountIfDemanded(slot, resource: resource, level: level)
    }

    func burstAmounts(_ slot: ForecastSlot, serviceLevel: Double, highestLevel: Double) -> BurstAmounts {
        base.burstAmounts(slot, serviceLevel: serviceLevel, highestLevel: highestLevel)
    }

    func snapshot() -> FleetSnapshot? { base.snapshot() }

    func course(_ slot: ForecastSlot) -> DemandCourse { base.course(slot) }
    func trust(_ slot: ForecastSlot) -> ForecastTrust { base.trust(slot) }
    var accuracy: AccuracyOverview { base.accuracy }

    private func observed(_ slot: ForecastSlot, _ load: LoadObservation) -> InstanceObservation? {
        guard names.indices.contains(slot.rawValue), let name = names[slot.rawValue] else { return nil }
        return InstanceObservation(instance: name.instance, application: name.application, load: load)
    }
}
