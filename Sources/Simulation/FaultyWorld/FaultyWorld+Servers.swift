import ControlLoop
import Determinism
import FleetModel

/// The GPU servers' shell: epochs on disk, and workers' processes.
extension FaultyWorld {
    mutating func handleServerEvent(_ event: WorldEvent) {
        switch event {
        case .serverPeriod(let index, let life):
            guard servers[index].process.isUp, servers[index].process.life == life else { return }
            tell(server: index, .periodEnded)
            observeAtServer(index, .serverPeriodEnded(servers[index].id))
            schedule(.serverPeriod(index, life: life), after: Self.period)
        case .serverHears(let index, let life, let event):
            if servers[index].process.life == life { tell(server: index, event) }
        case .epochReachesDisk(let index, let life, let device, let epoch):
            epochReachesDisk(index, life, device, epoch)
        case .serverCrashes(let index, let life):
            if servers[index].process.isUp, servers[index].process.life == life { crashServer(index) }
        case .limitReaches(let worker, let life, let slice, let epoch):
            limitReaches(worker, life, slice, epoch)
        default:
            break
        }
    }

    mutating func startServer(_ index: Int) {
        guard !servers[index].process.isUp, !servers[index].isLost else { return }
        // What was ending when the process crashed is waited for: no memory is reported free before it is.
        for worker in workers.indices where workers[worker].server == index && workers[worker].phase == .ending {
            workerEnds(worker)
        }
        servers[index].process.life += 1
        servers[index].process.isUp = true
        servers[index].process.clock = drawClock()
        let found = workers.indices.filter { workers[$0].server == index && workers[$0].phase == .running }
        for worker in found { workers[worker].attachIsReported = workers[worker].isAttached }
        let recovered = found.map { recoveredWorker(workers[$0]) }
        let server = servers[index]
        servers[index].machine = GPUServerMachine(
            configuration: configuration(server.id, server.devices, server.host), recovered: recovered,
            epochs: server.durableEpochs, installed: server.installed, now: server.process.clock.reading(at: now))
        observeAtServer(index, .serverStarted(server.id, adopted: recovered.map(\.grant)))
        for worker in recovered where worker.attached { observeAtServer(index, .attachKnown(worker.grant)) }
        schedule(.serverPeriod(index, life: server.process.life), after: delay(0...1_000))
        schedule(.connects(.server(index), life: server.process.life), after: delay(1...500))
    }

    private func recoveredWorker(_ worker: SimulatedWorker) -> RecoveredWorker {
        RecoveredWorker(
            grant: worker.grant, instance: worker.command.instance, device: worker.command.device,
            epoch: worker.epoch, slice: worker.limit, endpoint: worker.endpoint, attached: worker.isAttached)
    }

    /// The process is gone. Its workers live on, unless the whole host went down; those that were still starting have
    /// nobody to report to, and end.
    mutating func crashServer(_ index: Int) {
        servers[index].process.isUp = false
        servers[index].link = nil
        breakLinks { $0.peer == .server(index) }
        let takesAll = random.chance(1, in: 3)
        for worker in workers.indices where workers[worker].server == index && workers[worker].isAlive {
            if takesAll || workers[worker].phase == .starting || random.chance(1, in: 8) { workerEnds(worker) }
        }
        schedule(.starts(.server(index)), after: delay(100...6_000))
    }

    /// The host is gone with all that ran on it.
    mutating func loseServer(_ index: Int) {
        servers[index].isLost = true
        crashServer(index)
        for worker in workers.indices where workers[worker].server == index { workerEnds(worker) }
    }

    mutating func observeAtServer(_ index: Int, _ fact: Fact) {
        observe(fact, local: servers[index].process.clock.reading(at: now))
    }

    mutating func tell(server index: Int, _ event: GPUServerEvent) {
        guard servers[index].process.isUp else { return }
        if servers[index].link != nil, case .managerMessageReceived(let message) = event {
            switch message {
            case .command(let command): observeAtServer(index, .commandReceived(command))
            case .renew(_, let grants, let timeToLive):
                observeAtServer(index, .renewed(servers[index].id, grants, timeToLive: timeToLive))
            default: break
            }
        }
        let local = servers[index].process.clock.reading(at: now)
        for effect in servers[index].machine.handle(event, now: local) { carryOut(effect, server: index) }
    }

    private mutating func carryOut(_ effect: GPUServerEffect, server index: Int) {
        journal.note(now, ("server \(index)", effect))
        let life = servers[index].process.life
        switch effect {
        case .persistEpoch(let device, let epoch):
            let isDelayed = happens(.commitDelayed)
            schedule(
                .epochReachesDisk(index, life: life, device, epoch), after: delay(isDelayed ? 50...1_500 : 1...8))
            if happens(.writeCutOff) { schedule(.serverCrashes(index, life: life), after: .zero) }
        case .startWorker(let command):
            observeAtServer(index, .workerOrdered(command))
            startWorker(command, server: index)
        case .applyLimit(let grant, let slice):
            guard let worker = liveWorker(of: grant, on: index) else { return }
            let epoch = servers[index].machine.holdings().first { $0.grant == grant }?.epoch ?? workers[worker].epoch
            schedule(.limitReaches(worker, serverLife: life, slice, epoch), after: delay(1...150))
        case .stopWorker(let grant):
            guard let worker = liveWorker(of: grant, on: index) else { return }
            let isUsed = workers[worker].attachIsReported && workers[worker].isConnected
            observeAtServer(index, .workerStopped(servers[index].id, grant, inUse: isUsed))
            endWorker(worker, .ordered)
        case .send(let message):
            switch message {
            case .commandAnswered(let answer): observeAtServer(index, .commandAnswered(servers[index].id, answer))
            case .hello(let hello): observeAtServer(index, .serverIntroduced(hello))
            default: break
            }
            if let link = servers[index].link { send(.serverToManager(message), on: link) }
        case .installInterface(let version, _):
            schedule(.installs(.server(index), life: life, version), after: delay(50...3_000))
        case .record(let event):
            trace.add(event)
        }
    }

    private mutating func epochReachesDisk(_ index: Int, _ life: Int, _ device: DeviceID, _ epoch: Epoch) {
        let isAlive = servers[index].process.isUp && servers[index].process.life == life
        guard isAlive || random.chance(1, in: 2) else { return }
        servers[index].durableEpochs[device.index] = max(servers[index].durableEpochs[device.index], epoch)
        observeAtServer(index, .epochDurable(device, epoch))
        if isAlive { schedule(.serverHears(index, life: life, .epochPersisted(device, epoch)), after: .zero) }
    }

    private mutating func limitReaches(_ worker: Int, _ life: Int, _ slice: Slice, _ epoch: Epoch) {
        guard workers[worker].phase == .running else { return }
        workers[worker].limit = slice
        workers[worker].epoch = max(workers[worker].epoch, epoch)
        observeLimit(worker)
        let server = workers[worker].server
        let grant = workers[worker].grant
        if servers[server].process.life == life { tell(server: server, .limitApplied(grant, slice)) }
    }
}
