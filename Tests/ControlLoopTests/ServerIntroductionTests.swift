import ControlLoop
import FleetModel
import Testing

/// A GPU server is believed once it has said hello under the manager's own term.
@Suite("A GPU server introduces itself again") struct ServerIntroductionTests {
    private static let server = GPUServerID(unchecked: "s1")
    private static let welcome = ManagerWelcome(term: 4, period: .seconds(1), softwareVersion: "test")
    private let now = MonotonicTime.seconds(100)

    private func machine(obeying epoch: Epoch) -> GPUServerMachine {
        GPUServerMachine(
            configuration: GPUServerMachineConfiguration(
                server: Self.server, softwareVersion: "test", devices: [ManagerHarness.device(Self.server.rawValue)]),
            recovered: [], epochs: [epoch], installed: [], now: now)
    }

    /// The terms of the hellos among the effects.
    private func terms(_ effects: [GPUServerEffect]) -> [UInt64] {
        effects.compactMap { effect in
            guard case .send(.hello(let hello)) = effect else { return nil }
            return hello.epochs.first?.term
        }
    }

    private func bound(_ effects: [GPUServerEffect]) -> Epoch? {
        effects.lazy.compactMap { effect in
            if case .persistEpoch(_, let bound) = effect { bound } else { nil }
        }.first
    }

    @Test func `once the manager's term is durable`() throws {
        var machine = machine(obeying: Epoch(term: 3, counter: 0))
        #expect(terms(machine.handle(.linkOpened, now: now)) == [3])
        let welcomed = machine.handle(.managerMessageReceived(.welcome(Self.welcome)), now: now)
        #expect(terms(welcomed) == [])
        let persisted = machine.handle(
            .epochPersisted(DeviceID(server: Self.server, index: 0), try #require(bound(welcomed))), now: now)
        #expect(terms(persisted) == [4])
        #expect(machine.handle(.managerMessageReceived(.welcome(Self.welcome)), now: now) == [])
    }

    /// Found by the faulty world: connected, and never believed.
    @Test func `also where the term became durable between the hello of a new link and its welcome`() throws {
        var machine = machine(obeying: Epoch(term: 3, counter: 0))
        _ = machine.handle(.linkOpened, now: now)
        let welcomed = machine.handle(.managerMessageReceived(.welcome(Self.welcome)), now: now)
        _ = machine.handle(.linkClosed, now: now)
        #expect(terms(machine.handle(.linkOpened, now: now)) == [3])
        let persisted = machine.handle(
            .epochPersisted(DeviceID(server: Self.server, index: 0), try #require(bound(welcomed))), now: now)
        #expect(terms(persisted) == [])
        #expect(terms(machine.handle(.managerMessageReceived(.welcome(Self.welcome)), now: now)) == [4])
        // And once only.
        #expect(machine.handle(.managerMessageReceived(.welcome(Self.welcome)), now: now) == [])
    }
}
