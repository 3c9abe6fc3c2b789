import ControlLoop
import Determinism
import FleetModel

/// Workers' processes, and the programs that use them.
extension FaultyWorld {
    // MARK: Workers

    mutating func startWorker(_ command: GrantCommand, server: Int) {
        let installed = servers[server].installed
        let version = installed.contains(command.version) ? command.version : installed.last
        let port = UInt16(truncatingIfNeeded: 1_024 + workers.count % 60_000)
        workers.append(SimulatedWorker(server: server, command: command, version: version, port: port))
        let worker = workers.count - 1
        observeLimit(worker)
        schedule(.workerRuns(worker), after: delay(20...400))
    }

    mutating func workerRuns(_ index: Int) {
        guard workers[index].phase == .starting else { return }
        let (server, grant) = (workers[index].server, workers[index].grant)
        if happens(.workerNotStarted) {
            workers[index].phase = .gone
            observeAtServer(server, .workerGone(worker: index, grant))
            return tell(server: server, .workerFailed(grant, "simulated"))
        }
        workers[index].phase = .running
        tell(server: server, .workerStarted(grant, workers[index].endpoint))
        schedule(.workerReports(index), after: Self.period)
    }

    mutating func workerReports(_ index: Int) {
        guard workers[index].phase == .running else { return }
        report(index)
        schedule(.workerReports(index), after: Self.period)
    }

    private mutating func report(_ index: Int) {
        let server = workers[index].server
        guard servers[server].process.isUp, workers[index].phase == .running else { return }
        if workers[index].isAttached, !workers[index].attachIsReported {
            workers[index].attachIsReported = true
            observeAtServer(server, .attachKnown(workers[index].grant))
        }
        let status = replayed == nil ? workers[index].takeStatus(at: now) : replayedStatus(index)
        tell(server: server, .workerReported(workers[index].grant, status))
    }

    func liveWorker(of grant: GrantID, on server: Int) -> Int? {
        workers.lastIndex { $0.grant == grant && $0.server == server && $0.isAlive }
    }

    /// The worker is told to end, or ends by itself: it takes a moment, and longer when it hangs.
    mutating func endWorker(_ index: Int, _ end: WorkerEnd) {
        guard workers[index].phase == .running || workers[index].phase == .starting else { return }
        workers[index].phase = .ending
        workers[index].end = end
        let hangs = phase == .faulty && random.chance(1, in: 8)
        schedule(.workerEnds(index), after: delay(hangs ? 500...4_000 : 5...100))
    }

    mutating func workerEnds(_ index: Int) {
        guard workers[index].isAlive else { return }
        workers[index].phase = .gone
        let (server, grant) = (workers[index].server, workers[index].grant)
        observeAtServer(server, .workerGone(worker: index, grant))
        tell(server: server, .workerExited(grant, workers[index].end))
        let connection = workers[index].connection
        workers[index].connection = .none
        switch connection {
        case .none:
            break
        case .agent(let agent, let life):
            guard agents[agent].process.isUp, agents[agent].process.life == life else { return }
            schedule(.agentHears(agent, life: life, .sessionLost(grant)), after: delay(1...50))
        case .program(let program):
            schedule(.programEnds(program), after: delay(1...50))
        }
    }

    /// The one connection is closed: a ticket opens one session, so the worker has nothing more to do.
    mutating func connectionCloses(_ index: Int) {
        workers[index].connection = .none
        endWorker(index, .closed)
    }

    mutating func observeLimit(_ index: Int) {
        let worker = workers[index]
        observeAtServer(
            worker.server, .limitInForce(worker: index, worker.grant, worker.command.device, worker.limit))
    }

    // MARK: Programs

    mutating func programStarts(_ agent: Int, _ instance: InstanceID) {
        guard phase == .faulty else { return }
        schedule(.programStarts(agent: agent, instance), after: delay(500...9_000))
        guard agents[agent].process.isUp, agents[agent].presentInstances.contains(instance) else { return }
        let gpus = agents[agent].gpus[instance].map { random.chance(1, in: 3) ? 1 : $0 } ?? 1
        let program = ask(agent, instance, gpus: gpus, isProbe: false)
        if random.chance(1, in: 8) { schedule(.programEnds(program), after: delay(1...2_000)) }
    }

    /// A program asks its agent.
    /// - Returns: its index.
    mutating func ask(_ agent: Int, _ instance: InstanceID, gpus: Int = 1, isProbe: Bool) -> Int {
        let request = RequestID(rawValue: agents[agent].nextRequest)
        agents[agent].nextRequest += 1
        programs.append(
            SimulatedProgram(
                agent: agent, agentLife: agents[agent].process.life, instance: instance, request: request,
                gpus: gpus, isProbe: isProbe))
        tell(agent: agent, .programAsked(request, instance, gpus: 0..<gpus))
        return programs.count - 1
    }

    /// Its first commands reach its workers, which report that at once.
    mutating func programAttaches(_ index: Int) {
        guard case .holding(let held) = programs[index].phase else { return }
        for worker in held where workers[worker].phase == .running {
            workers[worker].isAttached = true
            report(worker)
        }
    }

    /// The program ends, or gives up: whatever it had is closed.
    mutating func programEnds(_ index: Int) {
        let program = programs[index]
        guard program.phase != .over else { return }
        programs[index].phase = .over
        replayed?.ended(index, of: program.instance)
        if case .holding(let held) = program.phase {
            for worker in held where workers[worker].connection == .program(index) { connectionCloses(worker) }
        }
        if agents[program.agent].process.life == program.agentLife {
            tell(agent: program.agent, .programLeft(program.request))
        }
        guard program.isProbe, let place = place(of: program) else { return }
        schedule(.probes(place + 1), after: delay(100...500))
    }

    private func place(of program: SimulatedProgram) -> Int? {
        agents.flatMap { $0.instances.map(\.id) }.firstIndex(of: program.instance)
    }
}
