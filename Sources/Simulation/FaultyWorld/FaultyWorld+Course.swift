import ControlLoop
import Determinism
import FleetModel

/// The course of a run: how it begins, what strikes, and what must hold when nothing strikes any more.
extension FaultyWorld {
    mutating func build(_ fleet: SimulatedFleet) {
        for server in fleet.servers {
            let process = ProcessState(clock: drawClock())
            servers.append(
                SimulatedServer(
                    id: server.id, devices: server.devices, host: server.host, process: process,
                    machine: GPUServerMachine(
                        configuration: configuration(server.id, server.devices, server.host), now: .zero),
                    durableEpochs: server.devices.map { _ in .zero }))
        }
        for agent in fleet.agents {
            let process = ProcessState(clock: drawClock())
            agents.append(
                SimulatedAgent(
                    id: agent.id, instances: agent.instances, gpus: agent.gpus, process: process,
                    machine: AgentMachine(configuration: configuration(agent.id))))
        }
    }

    mutating func beginFleet() {
        for index in servers.indices { schedule(.starts(.server(index)), after: delay(0...500)) }
        for index in agents.indices { schedule(.starts(.agent(index)), after: delay(0...500)) }
        schedule(.managerStarts, after: delay(0...500))
        if let first = SimulatedFleet.version(0) { queue.insert(.publishes(first), at: .zero) }
    }

    mutating func begin() {
        beginFleet()
        if let second = SimulatedFleet.version(1) { schedule(.publishes(second), after: delay(5_000...25_000)) }
        for index in agents.indices {
            for instance in agents[index].instances {
                schedule(.programStarts(agent: index, instance.id), after: delay(500...6_000))
            }
        }
        schedule(.faultStrikes, after: delay(1_000...3_000))
        queue.insert(.heals, at: Self.healsAt)
    }

    mutating func drawClock() -> SimulatedClock {
        let clock = SimulatedClock(random: &random, greatestDriftPpm: mix.driftPpm)
        if clock.isSkewed { faults[.clockSkewed] += 1 }
        return clock
    }

    func configuration(
        _ id: GPUServerID, _ devices: [DeviceDescription], _ host: GPUServerHost
    ) -> GPUServerMachineConfiguration {
        GPUServerMachineConfiguration(
            server: id, softwareVersion: "simulated", devices: devices, host: host, bugs: bugs)
    }

    func configuration(_ id: AgentID) -> AgentMachineConfiguration {
        AgentMachineConfiguration(agent: id, softwareVersion: "simulated", bugs: bugs)
    }

    // MARK: Faults that strike at a moment

    mutating func faultStrikes() {
        guard phase == .faulty else { return }
        for kind in FaultKind.spontaneous where canHappen(kind) && happens(kind) { inject(kind) }
        schedule(.faultStrikes, after: delay(300...1_500))
    }

    private func canHappen(_ kind: FaultKind) -> Bool {
        switch kind {
        case .managerCrashed, .managerReplaced: managers.last?.process.isUp == true
        case .agentCrashed: agents.contains { $0.process.isUp }
        case .serverCrashed: servers.contains { $0.process.isUp }
        // One is left: everything must go on there.
        case .serverLost: servers.count(where: { !$0.isLost }) > 1 && servers.contains { $0.process.isUp }
        case .workerCrashed: workers.contains { $0.phase == .running }
        // Something is left to run in, and on.
        case .serverDrained: servers.count(where: { !$0.isLost }) > 1 && managers.last?.process.isUp == true
        case .rolloutOrdered: published.count > 1 && managers.last?.process.isUp == true
        case .versionRevoked: published.count > 1
        default: true
        }
    }

    private mutating func inject(_ kind: FaultKind) {
        switch kind {
        case .peerPaused:
            pause(drawPeer(), until: now + delay(200...7_000))
        case .managerCrashed:
            crashManager(managers.count - 1)
            schedule(.managerStarts, after: delay(100...4_000))
        case .managerReplaced:
            // The old one goes on for a while; its links end when it does.
            schedule(.managerStarts, after: .zero)
        case .agentCrashed:
            if let index = pick(agents.indices.filter({ agents[$0].process.isUp })) { crashAgent(index) }
        case .serverCrashed:
            if let index = pick(servers.indices.filter({ servers[$0].process.isUp })) { crashServer(index) }
        case .serverLost:
            if let index = pick(servers.indices.filter({ servers[$0].process.isUp })) { loseServer(index) }
        case .workerCrashed:
            if let index = pick(workers.indices.filter({ workers[$0].phase == .running })) {
                endWorker(index, .killed(signal: 9))
            }
        case .instanceRestarted:
            let agent = Int(random.below(UInt64(agents.count)))
            if let instance = pick(agents[agent].instances) { restartInstance(instance, on: agent) }
        case .serverDrained:
            drainServer()
        case .rolloutOrdered:
            orderRollout()
        case .versionRevoked:
            if let version = pick(published) { revoke(version) }
        default:
            break
        }
    }

    mutating func pick<Element>(_ elements: [Element]) -> Element? {
        elements.isEmpty ? nil : elements[Int(random.below(UInt64(elements.count)))]
    }

    private mutating func drawPeer() -> PeerID {
        let all =
            [PeerID.manager(managers.count - 1)] + agents.indices.map(PeerID.agent) + servers.indices.map(PeerID.server)
        return all[Int(random.below(UInt64(all.count)))]
    }

    private mutating func restartInstance(_ instance: InstanceDescription, on agent: Int) {
        for index in programs.indices where programs[index].instance == instance.id { programEnds(index) }
        agents[agent].presentInstances.remove(instance.id)
        tell(agent: agent, .instanceGone(instance.id))
        schedule(.instanceReturns(agent: agent, instance), after: delay(100...3_000))
    }

    mutating func instanceReturns(_ agent: Int, _ instance: InstanceDescription) {
        guard phase != .emptying, agents[agent].presentInstances.insert(instance.id).inserted else { return }
        tell(agent: agent, .instanceAppeared(instance, gpus: agents[agent].gpus[instance.id]))
    }

    // MARK: After the faults

    mutating func heal() {
        phase = .healing
        for server in servers { schedule(.serverReturns(server.id), after: .zero) }
        for index in managers.indices.dropLast() where managers[index].process.isUp { crashManager(index) }
        for index in programs.indices { schedule(.programEnds(index), after: delay(0...3_000)) }
        queue.insert(.probes(0), at: Self.probesAt)
    }

    private var allInstances: [(agent: Int, id: InstanceID)] {
        agents.indices.flatMap { agent in agents[agent].instances.map { (agent, $0.id) } }
    }

    /// Asks for the instance of this place, or empties the world after the last.
    mutating func probe(_ place: Int) {
        phase = .probing
        guard place < allInstances.count else { return empty() }
        let (agent, instance) = allInstances[place]
        // Those that are left may be fewer devices than it has virtual GPUs.
        let devices = servers.filter { !$0.isLost }.reduce(0) { $0 + $1.devices.count }
        let program = ask(agent, instance, gpus: min(agents[agent].gpus[instance] ?? 1, devices), isProbe: true)
        schedule(.probeIsDue(program: program, probe: place), after: Self.probePatience)
    }

    mutating func probeIsDue(_ program: Int, _ place: Int) {
        guard programs[program].phase == .waiting else { return }
        guard !mayWait(programs[program]) else { return programEnds(program) }
        observe(
            .stuck(
                "\(programs[program].instance) was not served within \(Self.probePatience.inSeconds) s of quiet"))
    }

    /// Whether a program asks for several virtual GPUs, and some devices may be out of its reach though nothing strikes any
    /// more: they hold unused what may be taken from nobody, or a host has yet to try again what it could not install.
    private func mayWait(_ program: SimulatedProgram) -> Bool {
        guard program.gpus > 1 else { return false }
        let present = servers.filter { !$0.isLost }
        let installed = present.map(\.installed) + [agents[program.agent].installed]
        guard Set(installed.map(Set.init)).count == 1 else { return true }
        let protected = workers.filter { worker in
            worker.phase == .running && worker.limit.memory > .zero && !worker.isAttached
                && !priority(of: worker.command.instance).mayBeTakenFrom
        }
        let devices = Set(present.flatMap(\.devices).map(\.id)).subtracting(protected.map(\.command.device))
        return devices.count < program.gpus
    }

    private func priority(of instance: InstanceID) -> PriorityClass {
        let name = agents.lazy.flatMap(\.instances).first { description in
            (0..<InstanceDescription.maximumGPUs).contains { description.id.virtualGPU($0) == instance }
        }?.priorityClass
        return managerConfiguration.classes.first { $0.name == name } ?? .standard
    }

    /// The sessions that may be prepared for an instance of which no program runs: one, and its standby.
    private func mostUnused(by instance: InstanceID) -> Int {
        priority(of: instance).backup == PriorityClass.Backup.none ? 1 : 2
    }

    private mutating func empty() {
        // While its version changes, or it makes room for another, an instance may have more for a moment.
        let surplus = allInstances.map { instance in
            workers.filter { $0.phase == .running && $0.command.instance == instance.id }
        }.filter { held in
            guard let instance = held.first?.command.instance else { return false }
            return held.count > mostUnused(by: instance) * Set(held.map(\.version)).count
        }
        if !surplus.isEmpty, !surplusIsSeen {
            surplusIsSeen = true
            return schedule(.probes(allInstances.count), after: Self.surplusPatience)
        }
        for held in surplus {
            observe(.stuck("\(held[0].command.instance) uses nothing and holds \(held.map(\.grant))"))
        }
        phase = .emptying
        for index in agents.indices {
            for instance in agents[index].instances {
                agents[index].presentInstances.remove(instance.id)
                tell(agent: index, .instanceGone(instance.id))
            }
        }
        schedule(.checksEmpty, after: Self.emptiesWithin)
    }

    mutating func checkEmpty() {
        if let manager = managers.last, manager.process.isUp {
            observe(.audited(manager.machine.audit(at: manager.process.clock.reading(at: now))))
        }
        // What a lost server holds stays promised: nobody knows that it will not be back.
        let lost = Set(servers.filter(\.isLost).map(\.id))
        if let grant = store.fleet.grants.first(where: { !lost.contains($0.device.server) }) {
            observe(.stuck("\(grant.grant) of \(grant.instance.id) is still durable when all instances are gone"))
        }
        if let worker = workers.first(where: \.isAlive) {
            observe(.stuck("the worker of \(worker.grant) still runs when all instances are gone"))
        }
        for server in servers where !server.isLost {
            for device in server.devices where server.machine.freeMemory(of: device.id) != device.memory {
                observe(.stuck("\(device.id) has memory set aside when all instances are gone"))
            }
        }
        // Nothing more is to be learned: the run is over.
        queue = EventQueue()
    }
}
