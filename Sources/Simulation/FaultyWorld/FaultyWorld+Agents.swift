import ControlLoop
import Determinism
import FleetModel

/// The agents' shell: telemetry, connections to workers, programs at the socket.
extension FaultyWorld {
    mutating func handleAgentEvent(_ event: WorldEvent) {
        switch event {
        case .agentPeriod(let index, let life):
            guard agents[index].process.isUp, agents[index].process.life == life else { return }
            tell(agent: index, .samplesTaken(drawTelemetry(index)))
            tell(agent: index, .periodEnded)
            schedule(.agentPeriod(index, life: life), after: Self.period)
        case .agentHears(let index, let life, let event):
            guard agents[index].process.life == life else { return }
            if case .sessionLost(let grant) = event { agents[index].connections[grant] = nil }
            tell(agent: index, event)
        case .sessionConnects(let index, let life, let notification):
            if agents[index].process.life == life { sessionConnects(index, notification) }
        default:
            break
        }
    }

    mutating func startAgent(_ index: Int) {
        guard !agents[index].process.isUp else { return }
        agents[index].process.life += 1
        agents[index].process.isUp = true
        agents[index].process.clock = drawClock()
        agents[index].machine = AgentMachine(
            configuration: configuration(agents[index].id), installed: agents[index].installed)
        if phase != .emptying { agents[index].presentInstances = Set(agents[index].instances.map(\.id)) }
        for instance in agents[index].instances where agents[index].presentInstances.contains(instance.id) {
            tell(agent: index, .instanceAppeared(instance, gpus: agents[index].gpus[instance.id]))
        }
        let life = agents[index].process.life
        schedule(.agentPeriod(index, life: life), after: delay(0...1_000))
        schedule(.connects(.agent(index), life: life), after: delay(1...500))
    }

    /// The process is gone, and with it every connection that it held; what it had handed over is not its any more.
    mutating func crashAgent(_ index: Int) {
        agents[index].process.isUp = false
        agents[index].link = nil
        agents[index].connections = [:]
        breakLinks { $0.peer == .agent(index) }
        for worker in workers.indices {
            if case .agent(index, _) = workers[worker].connection { connectionCloses(worker) }
        }
        for program in programs.indices where programs[program].agent == index && programs[program].phase == .waiting {
            programEnds(program)
        }
        schedule(.starts(.agent(index)), after: delay(100...5_000))
    }

    mutating func tell(agent index: Int, _ event: AgentEvent) {
        guard agents[index].process.isUp else { return }
        let local = agents[index].process.clock.reading(at: now)
        for effect in agents[index].machine.handle(event, now: local) { carryOut(effect, agent: index) }
    }

    private mutating func carryOut(_ effect: AgentEffect, agent index: Int) {
        journal.note(now, ("agent \(index)", effect))
        let life = agents[index].process.life
        switch effect {
        case .send(let message):
            if let link = agents[index].link { send(.agentToManager(message), on: link) }
        case .openSession(let notification):
            agents[index].connections[notification.grant] = .some(nil)
            schedule(.sessionConnects(index, life: life, notification), after: delay(5...300))
        case .closeSession(let grant):
            let connection = agents[index].connections.removeValue(forKey: grant)
            if let worker = connection.flatMap({ $0 }) { connectionCloses(worker) }
        case .handOver(let grant, let request, let found, let remaining):
            handOver(grant, request, found: found, remaining: remaining, agent: index)
        case .refuse(let request, let reason):
            refused(request, reason, agent: index)
        case .warn, .useInterface:
            // Programs of this world do nothing about it, and take any library.
            break
        case .installInterface(let version, _):
            schedule(.installs(.agent(index), life: life, version), after: delay(50...3_000))
        case .record(let event):
            trace.add(event)
        }
    }

    /// The connection reaches the worker, which lets in one that shows its ticket, once.
    private mutating func sessionConnects(_ index: Int, _ notification: AllocationNotification) {
        let grant = notification.grant
        guard case .some(nil) = agents[index].connections[grant] else { return }
        let worker = workers.lastIndex {
            $0.phase == .running && $0.endpoint == notification.endpoint && $0.command.ticket == notification.ticket
                && !$0.ticketIsUsed
        }
        guard let worker, !happens(.sessionNotOpened) else {
            agents[index].connections[grant] = nil
            return tell(agent: index, .sessionFailed(grant, "simulated: no worker lets it in"))
        }
        workers[worker].ticketIsUsed = true
        workers[worker].connection = .agent(index, life: agents[index].process.life)
        agents[index].connections[grant] = worker
        let installed = agents[index].installed
        let client = installed.contains(notification.version) ? notification.version : installed.last
        observe(
            .sessionOpened(
                workers[worker].grant, notification.ticket, client: client, worker: workers[worker].version))
        tell(agent: index, .sessionOpened(grant))
    }

    private mutating func handOver(
        _ grant: GrantID, _ request: RequestID, found: Readiness, remaining: Int, agent index: Int
    ) {
        guard
            let program = programs.lastIndex(where: {
                $0.agent == index && $0.request == request && $0.agentLife == agents[index].process.life
            })
        else { return }
        let connection = agents[index].connections.removeValue(forKey: grant).flatMap { $0 }
        observe(
            .handedOver(
                grant, request, program: programs[program].instance, gpus: programs[program].gpus, remaining: remaining,
                limit: connection.map { workers[$0].limit }))
        guard let worker = connection else { return }
        guard programs[program].phase == .waiting else { return connectionCloses(worker) }
        workers[worker].connection = .program(program)
        programs[program].received.append(worker)
        guard remaining == 0 else { return }
        programs[program].phase = .holding(programs[program].received)
        // A connection that its worker has closed, though the agent has not heard yet: the program's first call fails.
        guard programs[program].received.allSatisfy({ workers[$0].phase == .running }) else {
            return programEnds(program)
        }
        schedule(.programAttaches(program), after: delay(1...200))
        guard replayed == nil else {
            replayed?.served(program, found: found, at: now)
            return
        }
        let stay = programs[program].isProbe ? delay(300...600) : delay(300...8_000)
        schedule(.programEnds(program), after: stay)
    }

    private mutating func refused(_ request: RequestID, _ reason: String, agent index: Int) {
        let program = programs.lastIndex {
            $0.agent == index && $0.request == request && $0.agentLife == agents[index].process.life
        }
        guard let program, programs[program].phase == .waiting else { return }
        programs[program].phase = .over
        replayed?.ended(program, of: programs[program].instance)
        if programs[program].isProbe { observe(.stuck("a probe was refused: \(reason)")) }
    }

    /// What is measured: busy while a program runs, some traffic ahead of it, and now and then nothing at all.
    private mutating func drawTelemetry(_ index: Int) -> [InstanceTelemetry] {
        let local = agents[index].process.clock.reading(at: now)
        if replayed != nil { return replayedTelemetry(index, at: local) }
        var telemetry: [InstanceTelemetry] = []
        for instance in agents[index].instances where agents[index].presentInstances.contains(instance.id) {
            guard !random.chance(1, in: 10) else { continue }
            let isBusy = phase == .faulty && random.chance(1, in: 4)
            let sample = TelemetrySample(
                at: local, cpuMilli: Double(random.below(isBusy ? 1_000 : 50)), memory: .mebibytes(64),
                networkInRate: Double(random.below(isBusy ? 1_000_000 : 1_000)))
            telemetry.append(
                InstanceTelemetry(
                    instance: instance.id, incarnation: UInt64(agents[index].process.life), source: .processTree,
                    samples: [sample]))
        }
        return telemetry
    }
}
