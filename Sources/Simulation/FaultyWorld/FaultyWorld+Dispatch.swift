import ControlLoop
import FleetModel
import InterfaceCore

/// From the queue to who is concerned.
extension FaultyWorld {
    mutating func handle(_ event: WorldEvent) {
        journal.note(now, event)
        switch event {
        case .managerPeriod, .managerSlice, .commitReaches, .managerHears, .managerStarts, .managerCrashes:
            handleManagerEvent(event)
        case .agentPeriod, .agentHears, .sessionConnects:
            handleAgentEvent(event)
        case .serverPeriod, .serverHears, .serverCrashes, .epochReachesDisk, .limitReaches:
            handleServerEvent(event)
        case .installs(let peer, let life, let version): install(peer, life, version)
        case .starts(.agent(let index)): startAgent(index)
        case .starts(.server(let index)): startServer(index)
        case .starts(.manager): startManager()
        case .connects(let peer, let life): connect(peer, life)
        case .arrives(let link, let payload): arrive(payload, on: link)
        case .linkEnds(let link, let atManager): linkEnds(link, atManager: atManager)
        case .workerRuns(let index): workerRuns(index)
        case .workerReports(let index): workerReports(index)
        case .workerEnds(let index): workerEnds(index)
        case .programStarts(let agent, let instance): programStarts(agent, instance)
        case .programAttaches(let index): programAttaches(index)
        case .programEnds(let index): programEnds(index)
        case .instanceReturns(let agent, let instance): instanceReturns(agent, instance)
        case .publishes(let version): publish(version)
        case .serverReturns(let server): takeBack(server)
        case .faultStrikes: faultStrikes()
        case .heals: heal()
        case .probes(let place): probe(place)
        case .probeIsDue(let program, let place): probeIsDue(program, place)
        case .checksEmpty: checkEmpty()
        case .replaySecond(let second): replaySecond(second)
        }
    }

    /// When the process that an event is for goes on, if it is paused now. What happens to it meanwhile waits, and
    /// then comes in its order.
    func pauseEnd(of event: WorldEvent) -> MonotonicTime? {
        guard let peer = concerned(event), let process = process(peer), process.isUp, process.pausedUntil > now
        else { return nil }
        return process.pausedUntil
    }

    /// A pause is never cut short: what waits for its end would be overtaken.
    mutating func pause(_ peer: PeerID, until end: MonotonicTime) {
        let end = max(end, process(peer)?.pausedUntil ?? .zero)
        switch peer {
        case .manager(let index) where managers.indices.contains(index): managers[index].process.pausedUntil = end
        case .manager: break
        case .agent(let index): agents[index].process.pausedUntil = end
        case .server(let index): servers[index].process.pausedUntil = end
        }
    }

    func process(_ peer: PeerID) -> ProcessState? {
        switch peer {
        case .manager(let index): managers.indices.contains(index) ? managers[index].process : nil
        case .agent(let index): agents[index].process
        case .server(let index): servers[index].process
        }
    }

    private func concerned(_ event: WorldEvent) -> PeerID? {
        switch event {
        case .managerPeriod(let index), .managerSlice(let index), .managerHears(let index, _): .manager(index)
        case .agentPeriod(let index, _), .agentHears(let index, _, _), .sessionConnects(let index, _, _): .agent(index)
        case .serverPeriod(let index, _), .serverHears(let index, _, _): .server(index)
        case .connects(let peer, _), .installs(let peer, _, _): peer
        case .arrives(let link, let payload):
            payload.isForManager ? .manager(links[Int(link.rawValue)].manager) : links[Int(link.rawValue)].peer
        case .linkEnds(let link, let atManager):
            atManager ? .manager(links[Int(link.rawValue)].manager) : links[Int(link.rawValue)].peer
        case .workerReports(let index): .server(workers[index].server)
        default: nil
        }
    }

    private mutating func install(_ peer: PeerID, _ life: Int, _ version: InterfaceVersion) {
        guard let process = process(peer), process.isUp, process.life == life else { return }
        let fails = happens(.installationFailed)
        switch peer {
        case .manager:
            break
        case .agent(let index):
            if !fails, !agents[index].installed.contains(version) { agents[index].installed.append(version) }
            tell(agent: index, fails ? .interfaceFailed(version, "simulated") : .interfaceInstalled(version))
        case .server(let index):
            if !fails, !servers[index].installed.contains(version) { servers[index].installed.append(version) }
            tell(server: index, fails ? .interfaceFailed(version, "simulated") : .interfaceInstalled(version))
        }
    }

    private mutating func publish(_ version: InterfaceVersion) {
        published.append(version)
        observe(.published(published))
        if let current = managers.indices.last {
            tell(manager: current, .interfacesPublished(published.map { InterfaceOffer($0) }, source: ""))
        }
    }
}
