import ControlLoop
import DeviceDrivers
import FleetModel

/// Carries a GPU server's events through its machine, and its effects out, one after the other.
struct GPUServerLoop {
    private var machine: GPUServerMachine
    private let inventory: DeviceInventory
    private let surroundings: any GPUServerSurroundings
    private let metrics: GPUServerMetrics
    /// Epochs that could not be made durable yet, one per device at most: their commands wait in the machine.
    private var unpersisted: [(device: DeviceID, epoch: Epoch)] = []

    init(
        machine: GPUServerMachine, inventory: DeviceInventory, surroundings: any GPUServerSurroundings,
        metrics: GPUServerMetrics
    ) {
        self.machine = machine
        self.inventory = inventory
        self.surroundings = surroundings
        self.metrics = metrics
    }

    /// Takes in one event and carries out what follows from it.
    mutating func handle(_ event: GPUServerEvent, now: MonotonicTime) {
        if case .workerReported(let grant, let status) = event, let device = machine.device(of: grant) {
            metrics.used(status, on: device)
        }
        var events = [event]
        if case .periodEnded = event {
            // Before the heartbeat: with it, what was used in the period begins anew.
            metrics.holding(machine.holdings(), on: inventory.descriptions)
            events += persistAgain(now: now)
        }
        // Each effect leads to one further event at most, and only for a device's first command of an epoch or a device
        // that is gone.
        while !events.isEmpty {
            for effect in machine.handle(events.removeFirst(), now: now) { events += carryOut(effect, now: now) }
        }
        if case .periodEnded = event {
            surroundings.requestStatuses()
            surroundings.use(machine.versionsInUse)
        }
    }

    /// - Returns: what the effect has led to at once.
    private mutating func carryOut(_ effect: GPUServerEffect, now: MonotonicTime) -> [GPUServerEvent] {
        switch effect {
        case .persistEpoch(let device, let epoch):
            return persist(epoch, for: device, now: now)
        case .startWorker(let command):
            guard let selector = inventory.selector(of: command.device) else {
                return [.workerFailed(command.grant, "this server has no device \(command.device)")]
            }
            surroundings.startWorker(command, on: selector)
        case .applyLimit(let grant, let slice): surroundings.applyLimit(grant, slice)
        case .stopWorker(let grant): surroundings.stopWorker(grant)
        case .send(let message):
            metrics.sent(message)
            surroundings.send(message)
        case .installInterface(let version, let sources): surroundings.installInterface(version, from: sources)
        case .record(let event): surroundings.record(event)
        }
        return []
    }

    /// Waits for the disk: nothing else may happen before the epoch is durable, and it is written once in a thousand.
    private mutating func persist(_ epoch: Epoch, for device: DeviceID, now: MonotonicTime) -> [GPUServerEvent] {
        do {
            try surroundings.persist(epoch, for: device)
            return [.epochPersisted(device, epoch)]
        } catch {
            metrics.persistFailed()
            surroundings.record(
                FleetEvent(
                    at: now, kind: .failure, device: device,
                    detail: "epoch \(epoch) is not durable, and is tried again: \(error)"))
            unpersisted.append((device, epoch))
            return []
        }
    }

    private mutating func persistAgain(now: MonotonicTime) -> [GPUServerEvent] {
        let again = unpersisted
        unpersisted = []
        return again.flatMap { persist($0.epoch, for: $0.device, now: now) }
    }
}
