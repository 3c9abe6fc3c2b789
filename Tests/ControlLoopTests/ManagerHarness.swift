import ControlLoop
import Determinism
import FleetModel
import ForecastCore
import InterfaceCore

/// A manager among peers that a test speaks for: commits are answered at once, everything else is the test's to send.
struct ManagerHarness {
    static let version = InterfaceVersion(kind: "opencl", version: SemanticVersion(1, 0, 0), digest: .zero)
    static let agent = AgentID(unchecked: "a1")
    static let instance = InstanceDescription(
        id: InstanceID(unchecked: "i1"), tenant: TenantID(unchecked: "t"), application: ApplicationType(unchecked: "x"))

    let script = ScriptedForecaster.Script()
    var manager: ManagerMachine
    var now = MonotonicTime.seconds(1_000)
    private var revision: UInt64 = 0
    /// What has been written of rollouts.
    private(set) var stored: StoredRollouts

    init(
        snapshotPeriod: Duration? = nil, classes: [PriorityClass] = PriorityClass.builtIn,
        recovered: StoredFleet = StoredFleet(term: 1), versionRules: VersionRules = VersionRules(),
        updates: InterfaceUpdates = .automatic, published: [InterfaceVersion] = [version]
    ) {
        var configuration = ManagerMachineConfiguration(
            softwareVersion: "test", forgetAfter: .seconds(60), snapshotPeriod: snapshotPeriod, classes: classes)
        configuration.versionRules = versionRules
        configuration.updates = updates
        stored = recovered.rollouts
        manager = ManagerMachine(
            configuration: configuration, recovered: recovered, forecaster: ScriptedForecaster(script: script),
            random: SeededGenerator(seed: 1), now: now)
        happens(.interfacesPublished(published.map { InterfaceOffer($0) }, source: ""))
    }

    /// - Returns: all effects but for commits, in order.
    @discardableResult
    mutating func happens(_ event: ManagerEvent) -> [ManagerEffect] {
        let effects = withCommits(manager.handle(event, now: now))
        manager.checkInvariants()
        return effects
    }

    /// Orders are given, and what follows from them is returned likewise.
    mutating func change(_ changes: OperatorChange...) throws -> [ManagerEffect] {
        withCommits(try manager.change(changes, at: now))
    }

    private mutating func withCommits(_ ordered: [ManagerEffect]) -> [ManagerEffect] {
        var effects: [ManagerEffect] = []
        note(ordered)
        for effect in ordered {
            guard case .persist = effect else {
                effects.append(effect)
                continue
            }
            revision += 1
            effects += happens(.storeAnswered(.committed(revision: revision)))
        }
        return effects
    }

    mutating func note(_ effects: [ManagerEffect]) {
        for case .persist(let transaction) in effects {
            if let write = transaction.rollouts { stored.apply(write) }
        }
    }

    /// The commit that is under way is done.
    @discardableResult
    mutating func committed() -> [ManagerEffect] {
        revision += 1
        return happens(.storeAnswered(.committed(revision: revision)))
    }

    static func device(_ server: String, memory: Bytes = .gibibytes(1)) -> DeviceDescription {
        DeviceDescription(
            id: DeviceID(server: GPUServerID(unchecked: server), index: 0), kind: .synthetic, model: "synthetic",
            vendor: "test", driverVersion: "1", apiVersion: "1", memory: memory, computeUnits: 1, extensions: [])
    }

    @discardableResult
    mutating func serverSaysHello(
        _ server: String, on link: UInt64, held: [HeldGrant] = [], epochs: [Epoch] = [Epoch(term: 1, counter: 0)],
        installed: [InterfaceVersion] = [version], domain: String? = nil
    ) -> [ManagerEffect] {
        let hello = GPUServerHello(
            server: GPUServerID(unchecked: server), softwareVersion: "test", devices: [Self.device(server)], held: held,
            epochs: epochs, installed: installed,
            host: GPUServerHost(failureDomain: domain.map(FailureDomain.init(unchecked:))))
        return happens(.serverMessageReceived(.hello(hello), LinkID(rawValue: link)))
    }

    @discardableResult
    mutating func agentSaysHello(
        _ agent: AgentID = agent, on link: UInt64, instances: [InstanceDescription] = [instance],
        held: [HeldSession] = []
    ) -> [ManagerEffect] {
        let hello = AgentHello(
            agent: agent, softwareVersion: "test", instances: instances, installed: [Self.version], held: held)
        return happens(.agentMessageReceived(.hello(hello), LinkID(rawValue: link)))
    }

    /// A period passes in which the peers of `links` say that they live.
    @discardableResult
    mutating func periodPasses(
        agents: [UInt64] = [], servers: [UInt64] = [], held: [HeldGrant] = []
    ) -> [ManagerEffect] {
        now = now + .seconds(1)
        let sequence = UInt64(now.secondIndex)
        for link in agents {
            happens(
                .agentMessageReceived(
                    .heartbeat(AgentHeartbeat(sequence: sequence, held: [])), LinkID(rawValue: link)))
        }
        for link in servers {
            happens(
                .serverMessageReceived(
                    .heartbeat(GPUServerHeartbeat(sequence: sequence, held: held)), LinkID(rawValue: link)))
        }
        return happens(.stepDue)
    }

    func held(_ grant: UInt64, on server: String, _ level: Readiness, memory: Bytes = .mebibytes(100)) -> HeldGrant {
        HeldGrant(
            grant: GrantID(rawValue: grant), instance: Self.instance.id, device: Self.device(server).id,
            epoch: Epoch(term: 1, counter: 1), level: level, slice: Slice(memory: memory, compute: MilliShare(1)),
            endpoint: SessionEndpoint(host: server, port: 1))
    }
}

extension [ManagerEffect] {
    var commands: [GrantCommand] {
        compactMap { effect in
            guard case .sendToServer(.command(let command), _) = effect else { return nil }
            return command
        }
    }

    var closedLinks: [UInt64] {
        compactMap { effect in
            guard case .closeLink(let link, _) = effect else { return nil }
            return link.rawValue
        }
    }
}
