import ControlLoop
import DeviceDrivers
import FleetModel
import Foundation
import WorkerControl

/// The supervisor's thread: waits for orders, workers' answers and ends.
///
/// Sendable without a lock: once it runs, its state is that thread's alone; orders reach it through `SupervisorOrders`,
/// which has the lock.
final class SupervisorLoop: @unchecked Sendable {
    private let configuration: WorkerSupervisor.Configuration
    private let orders: SupervisorOrders
    private let events: AsyncStream<GPUServerEvent>.Continuation
    private let shares: ShareSupervisor
    private var workers: [GrantID: SupervisedWorker] = [:]

    /// How often a process that is ending is looked at.
    private static let endingPeriod: Int32 = 10

    init(
        _ configuration: WorkerSupervisor.Configuration, orders: SupervisorOrders,
        events: AsyncStream<GPUServerEvent>.Continuation, workers: [SupervisedWorker]
    ) throws(SystemError) {
        shares = try ShareSupervisor(configuration.shares) { orders.add(.endAtFault($0, $1)) }
        self.configuration = configuration
        self.orders = orders
        self.events = events
        for worker in workers {
            self.workers[worker.grant] = worker
            configuration.kernelCaches?.begin(worker.instance)
            divide(worker)
        }
    }

    /// Has the worker's device divided between it and the device's others. One that hands over no page is let compute as
    /// it likes.
    private func divide(_ worker: SupervisedWorker) {
        do {
            try shares.add(
                worker.grant, on: worker.device, weight: worker.slice.compute, controlPath: worker.files.controlPath)
        } catch {
            worker.complaint = "its share is not enforced: \(error)"
        }
    }

    /// Runs until ``WorkerSupervisor/close()``.
    @Sendable func run() {
        while true {
            waitForWork()
            for order in orders.takeAll() {
                if case .close = order {
                    workers = [:]
                    shares.close()
                    return events.finish()
                }
                carryOut(order)
            }
            for worker in workers.values.sorted(by: { $0.grant < $1.grant }) { attend(worker) }
        }
    }

    private func waitForWork() {
        var entries = [orders.pollEntry]
        for worker in workers.values {
            if let channel = worker.channel { entries.append(pollfd(channel.descriptor, POLLIN)) }
            if let output = worker.openErrorOutput { entries.append(pollfd(output, POLLIN)) }
        }
        wait(for: &entries, milliseconds: patience)
    }

    private var patience: Int32 {
        if workers.values.contains(where: { $0.phase == .ending }) { return Self.endingPeriod }
        guard let next = workers.values.compactMap(\.deadline).min() else { return -1 }
        return Int32(clamping: max(1, (next - Self.now).nanoseconds / 1_000_000 + 1))
    }

    // MARK: Orders

    private func carryOut(_ order: SupervisorOrders.Order) {
        switch order {
        case .start(let command, let device, let installed): start(command, on: device, installed)
        case .applyLimit(let grant, let slice, let epoch):
            guard let worker = workers[grant] else { return }
            let epoch = epoch ?? worker.epoch
            // A worker that cannot be told is ending; its exit is reported.
            if worker.send(.setLimit(slice, epoch)) { worker.epoch = max(worker.epoch, epoch) }
        case .stop(let grant):
            guard let worker = workers[grant] else {
                events.yield(.workerExited(grant, .ordered))
                return
            }
            // One that has ended already did not end for that.
            if worker.phase != .ending, worker.process.record?.isRunning ?? false { worker.endedFor = .ordered }
            if !worker.send(.terminate) { worker.kill() }
            awaitEnd(of: worker)
        case .requestStatuses:
            for worker in workers.values where worker.phase == .ready { _ = worker.send(.reportStatus) }
        case .endAtFault(let grant, let fault):
            guard let worker = workers[grant] else { return }
            switch fault {
            case .overrun: worker.endedFor = worker.endedFor ?? .overran
            // What computes without its page is no worker as it should be: that counts against its version.
            case .noPage(let error): worker.complaint = "its share cannot be enforced: \(error)"
            }
            worker.kill()
            awaitEnd(of: worker)
        case .endOvergrown(let folders):
            for worker in workers.values where folders.contains(KernelCacheFolder.name(of: worker.instance)) {
                // What its program has compiled speaks against no version.
                worker.endedFor = worker.endedFor ?? .ordered
                worker.kill()
                awaitEnd(of: worker)
            }
        case .close: break
        }
    }

    private func start(_ command: GrantCommand, on device: DeviceSelector, _ installed: InstalledWorker?) {
        if let worker = workers[command.grant] {
            switch (worker.phase, worker.endpoint) {
            case (.ready, let endpoint?): events.yield(.workerStarted(command.grant, endpoint))
            case (.ending, _): events.yield(.workerFailed(command.grant, "the grant's last worker is ending"))
            default: break
            }
            return
        }
        guard let executable = configuration.executable ?? installed?.executable else {
            events.yield(.workerFailed(command.grant, "no worker of \(command.version) is installed"))
            return
        }
        let files = WorkerFiles(directory: configuration.directory, grant: command.grant)
        let launch = WorkerLaunch(
            grant: command.grant, instance: command.instance, device: command.device, selector: device,
            epoch: command.epoch, slice: command.slice, interface: command.version,
            testedWith: installed?.testedWith ?? [], listenHost: configuration.listenHost, ports: configuration.ports,
            advertisedHost: configuration.advertisedHost, controlPath: files.controlPath,
            timeToLive: command.timeToLive)
        configuration.kernelCaches?.begin(command.instance)
        do {
            let spawn = try WorkerSpawn(
                executable: executable, launch, limits: configuration.limits, ticket: command.ticket,
                kernelCaches: configuration.kernelCaches?.folder)
            workers[command.grant] = SupervisedWorker(
                grant: command.grant, instance: command.instance, device: command.device, slice: command.slice,
                phase: .starting,
                epoch: command.epoch,
                deadline: Self.now + configuration.startPatience, channel: spawn.channel,
                errorOutput: spawn.errorOutput, process: spawn.process, files: files)
        } catch {
            configuration.kernelCaches?.end(command.instance)
            events.yield(.workerFailed(command.grant, error.description))
        }
    }

    // MARK: Workers

    private func attend(_ worker: SupervisedWorker) {
        worker.readErrorOutput()
        if let channel = worker.channel {
            if let lines = channel.receive() {
                for line in lines {
                    if let answer = WorkerAnswer(line: line) { take(answer, from: worker) }
                }
            } else {
                worker.channel = nil
                awaitEnd(of: worker)
            }
        }
        if worker.phase == .ending, let end = worker.takeEnd() { return remove(worker, end) }
        if let deadline = worker.deadline, deadline <= Self.now {
            if worker.phase == .starting { worker.complaint = "the worker was not ready in time" }
            worker.kill()
            awaitEnd(of: worker)
        }
    }

    private func take(_ answer: WorkerAnswer, from worker: SupervisedWorker) {
        switch answer {
        case .identity(let identity):
            guard worker.phase == .starting else { return }
            worker.phase = .ready
            worker.deadline = nil
            worker.endpoint = identity.endpoint
            divide(worker)
            events.yield(.workerStarted(worker.grant, identity.endpoint))
        case .failed(let reason): worker.complaint = reason
        case .limit(let slice, _):
            guard worker.awaited.take(limit: slice) else { return }
            worker.slice = slice
            shares.setWeight(worker.grant, slice.compute)
            events.yield(.limitApplied(worker.grant, slice))
        case .limitRefused(let seen): worker.epoch = max(worker.epoch, seen)
        case .status(let report):
            guard worker.phase == .ready, worker.awaited.takeReport() else { return }
            var status = WorkerStatus(report)
            status.hostMemory = worker.process.privateMemory() ?? .zero
            status.processorTime = worker.takeProcessorTime()
            events.yield(.workerReported(worker.grant, status))
        }
    }

    /// From here on only the end of the process counts; a process that takes too long is killed.
    private func awaitEnd(of worker: SupervisedWorker) {
        guard worker.phase != .ending || worker.deadline.map({ $0 <= Self.now }) ?? true else { return }
        worker.phase = .ending
        worker.deadline = Self.now + configuration.stopPatience
    }

    private func remove(_ worker: SupervisedWorker, _ end: WorkerEnd) {
        workers[worker.grant] = nil
        shares.remove(worker.grant)
        configuration.kernelCaches?.end(worker.instance)
        events.yield(
            worker.endpoint == nil && end != .ordered
                ? .workerFailed(worker.grant, worker.failure) : .workerExited(worker.grant, end))
    }

    private static var now: MonotonicTime {
        MonotonicTime(rawValue: Int64(DispatchTime.now().uptimeNanoseconds))
    }
}
