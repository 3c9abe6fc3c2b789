import AllocationCore
import ControlLoop
import Determinism
import FleetModel
import ForecastCore

/// One manager, one agent and one GPU server, joined by queues that the scenario empties or drops.
///
/// The shells' part is done by commands of the scenario, so that each order of events can be written down. The store
/// commits when it is asked to, unless the scenario holds it.
struct ScenarioWorld {
    let agentName = AgentID(unchecked: "a1")
    let serverName = GPUServerID(unchecked: "s1")
    let version = InterfaceVersion(kind: "opencl", version: SemanticVersion(1, 0, 0), digest: .zero)
    let script = ScriptedForecaster.Script()

    var now = MonotonicTime.seconds(1_000)
    var manager: ManagerMachine
    var agent: AgentMachine
    var server: GPUServerMachine
    var stored = StoredFleet(term: 1)
    var storeIsHeld = false
    var heldCommit: StoreTransaction?
    var agentLink: LinkID?
    var serverLink: LinkID?
    var lastLink: UInt64 = 0
    var transcript: [String] = []

    private var toManagerFromAgent: [AgentMessage] = []
    private var toManagerFromServer: [GPUServerMessage] = []
    private var toAgent: [ManagerToAgentMessage] = []
    private var toServer: [ManagerToGPUServerMessage] = []

    init() {
        manager = Self.manager(recovering: stored, script, now)
        agent = AgentMachine(
            configuration: AgentMachineConfiguration(agent: agentName, softwareVersion: "test"), installed: [version])
        server = Self.server(serverName, version, recovered: [], epochs: [], now)
    }

    static func manager(
        recovering fleet: StoredFleet, _ script: ScriptedForecaster.Script, _ now: MonotonicTime
    ) -> ManagerMachine {
        // A price at which 200 MiB of the device of 1 GiB are worth reserving from a probability of a third on.
        let allocation = AllocationConfiguration(idlePrice: 0.0128)
        let configuration = ManagerMachineConfiguration(softwareVersion: "test", allocation: allocation)
        return ManagerMachine(
            configuration: configuration, recovered: fleet,
            forecaster: ScriptedForecaster(script: script), random: SeededGenerator(seed: 1), now: now)
    }

    static func server(
        _ name: GPUServerID, _ version: InterfaceVersion, recovered: [RecoveredWorker], epochs: [Epoch],
        _ now: MonotonicTime
    ) -> GPUServerMachine {
        let device = DeviceDescription(
            id: DeviceID(server: name, index: 0), kind: .synthetic, model: "synthetic", vendor: "test",
            driverVersion: "1", apiVersion: "none", memory: .mebibytes(1_024), computeUnits: 1, extensions: [])
        return GPUServerMachine(
            configuration: GPUServerMachineConfiguration(server: name, softwareVersion: "test", devices: [device]),
            recovered: recovered, epochs: epochs, installed: [version], now: now)
    }

    // MARK: Events

    mutating func happens(_ event: ManagerEvent) {
        for effect in manager.handle(event, now: now) { carryOut(effect) }
        manager.checkInvariants()
    }

    mutating func happens(_ event: AgentEvent) {
        for effect in agent.handle(event, now: now) { carryOut(effect) }
    }

    mutating func happens(_ event: GPUServerEvent) {
        for effect in server.handle(event, now: now) { carryOut(effect) }
        server.checkInvariants()
    }

    mutating func answerStore() {
        guard let transaction = heldCommit else { return }
        heldCommit = nil
        stored.apply(transaction)
        happens(ManagerEvent.storeAnswered(.committed(revision: stored.revision)))
    }

    // MARK: Effects

    private mutating func carryOut(_ effect: ManagerEffect) {
        switch effect {
        case .persist(let transaction):
            say("manager: persist \(transaction.summary)")
            heldCommit = transaction
            if !storeIsHeld { answerStore() }
        case .reloadStore:
            happens(ManagerEvent.storeReloaded(stored))
        case .sendToAgent(let message, let link):
            if link == agentLink { toAgent.append(message) }
        case .sendToServer(let message, let link):
            if link == serverLink { toServer.append(message) }
        case .closeLink(_, let reason):
            say("manager: close link, \(reason)")
        case .continueStep:
            happens(ManagerEvent.stepSliceDue)
        case .record(let event):
            say("manager: * \(event.summary)")
        case .resign(let reason, _):
            say("manager: resign, \(reason)")
        case .keepSnapshot:
            say("manager: keep snapshot")
        }
    }

    private mutating func carryOut(_ effect: AgentEffect) {
        switch effect {
        case .send(let message): if agentLink != nil { toManagerFromAgent.append(message) }
        case .openSession(let notification): say("a1: open \(notification.grant)")
        case .closeSession(let grant): say("a1: close \(grant)")
        case .handOver(let grant, let request, let found, _): say("a1: hand \(grant) to \(request), found \(found)")
        case .refuse(let request, let reason): say("a1: refuse \(request), \(reason)")
        case .warn(let request, let endsIn, let reason): say("a1: warn \(request), \(endsIn.inSeconds) s, \(reason)")
        case .installInterface(let version, _): say("a1: install \(version.version)")
        case .useInterface(let version, let instance): say("a1: \(instance) uses \(version.version)")
        case .record(let event): say("a1: * \(event.summary)")
        }
    }

    private mutating func carryOut(_ effect: GPUServerEffect) {
        switch effect {
        case .persistEpoch(let device, let epoch): happens(GPUServerEvent.epochPersisted(device, epoch))
        case .startWorker(let command): say("s1: start \(command.grant)")
        case .applyLimit(let grant, let slice): say("s1: limit \(grant) to \(slice.memory.mebibytes) MiB")
        case .stopWorker(let grant): say("s1: stop \(grant)")
        case .send(let message): if serverLink != nil { toManagerFromServer.append(message) }
        case .installInterface(let version, _): say("s1: install \(version.version)")
        case .record(let event): say("s1: * \(event.summary)")
        }
    }

    mutating func say(_ line: String) { transcript.append(line) }

    // MARK: Messages

    /// Delivers what is under way, and what that brings about, until nothing is; bounded.
    mutating func deliver() {
        for _ in 0..<1_000 {
            if let link = agentLink, !toManagerFromAgent.isEmpty {
                let message = toManagerFromAgent.removeFirst()
                message.summary.map { say("a1 -> manager: \($0)") }
                happens(ManagerEvent.agentMessageReceived(message, link))
            } else if let link = serverLink, !toManagerFromServer.isEmpty {
                let message = toManagerFromServer.removeFirst()
                message.summary.map { say("s1 -> manager: \($0)") }
                happens(ManagerEvent.serverMessageReceived(message, link))
            } else if !toAgent.isEmpty {
                let message = toAgent.removeFirst()
                message.summary.map { say("manager -> a1: \($0)") }
                happens(AgentEvent.managerMessageReceived(message))
            } else if !toServer.isEmpty {
                let message = toServer.removeFirst()
                message.summary.map { say("manager -> s1: \($0)") }
                happens(GPUServerEvent.managerMessageReceived(message))
            } else {
                return
            }
        }
    }

    mutating func disconnectAgent() {
        (toAgent, toManagerFromAgent) = ([], [])
        guard let link = agentLink else { return }
        agentLink = nil
        happens(AgentEvent.linkClosed)
        happens(ManagerEvent.linkClosed(link))
    }

    mutating func disconnectServer() {
        (toServer, toManagerFromServer) = ([], [])
        guard let link = serverLink else { return }
        serverLink = nil
        happens(GPUServerEvent.linkClosed)
        happens(ManagerEvent.linkClosed(link))
    }

    mutating func connectAgent() {
        lastLink += 1
        agentLink = LinkID(rawValue: lastLink)
        happens(AgentEvent.linkOpened)
    }

    mutating func connectServer() {
        lastLink += 1
        serverLink = LinkID(rawValue: lastLink)
        happens(GPUServerEvent.linkOpened)
    }
}

extension StoredFleet {
    mutating func apply(_ transaction: StoreTransaction) {
        let changed = Set(transaction.upserts.map(\.grant)).union(transaction.removals)
        grants = (grants.filter { !changed.contains($0.grant) } + transaction.upserts).sorted { $0.grant < $1.grant }
        nextGrant = transaction.nextGrant
        revision += 1
    }
}
