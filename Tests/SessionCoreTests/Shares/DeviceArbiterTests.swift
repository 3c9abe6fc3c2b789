import Determinism
import FleetModel
import SessionCore
import Testing

@Suite("A device's arbiter")
struct DeviceArbiterTests {
    typealias Behaviour = SimulatedDevice.Behaviour

    private static func shares(_ used: [Duration]) -> [Double] {
        let sum = used.reduce(.zero, +).inSeconds
        return used.map { $0.inSeconds / sum }
    }

    /// The greatest difference between what a tenant got and what it was due, as a part of what it was due.
    private static func unfairness(_ device: SimulatedDevice, _ behaviours: [Behaviour]) -> Double {
        let weights = behaviours.reduce(0) { $0 + $1.weight }
        return zip(shares(device.used), behaviours).map { share, behaviour in
            let due = Double(behaviour.weight) / Double(weights)
            return abs(share - due) / due
        }.max() ?? 0
    }

    @Test(
        "divides 10 s by weight within 5 % among tenants that give commands of up to 10 ms ahead",
        arguments: 1...24 as ClosedRange<UInt64>)
    func dividesByWeight(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let behaviours = (0..<2 + random.below(3)).map { _ in
            Behaviour(
                weight: Int64(100 + random.below(901)), duration: .microseconds(100 + Int64(random.below(9_901))))
        }
        var device = SimulatedDevice(behaviours)
        device.run(for: .seconds(10))
        #expect(Self.unfairness(device, behaviours) < 0.05, "\(behaviours) \(Self.shares(device.used))")
        #expect(device.idle < .milliseconds(100))
    }

    @Test(
        "and among tenants that wait for each command's end, whose short pauses lose them nothing",
        arguments: 1...24 as ClosedRange<UInt64>)
    func dividesDespitePauses(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let behaviours = (0..<2 + random.below(3)).map { _ in
            Behaviour(
                weight: Int64(100 + random.below(901)), duration: .microseconds(1_000 + Int64(random.below(9_001))),
                pause: random.chance(1, in: 2) ? .microseconds(50 + Int64(random.below(350))) : nil)
        }
        var device = SimulatedDevice(behaviours)
        device.run(for: .seconds(10))
        #expect(Self.unfairness(device, behaviours) < 0.05, "\(behaviours) \(Self.shares(device.used))")
    }

    @Test("is off by no more than the longest command where commands are long")
    func longCommands() {
        let behaviours = [
            Behaviour(weight: 500, duration: .milliseconds(700)), Behaviour(weight: 500, duration: .milliseconds(3)),
        ]
        var device = SimulatedDevice(behaviours)
        device.run(for: .seconds(10))
        let difference = (device.used[0] - device.used[1]).inSeconds
        #expect(abs(difference) <= 0.7 + 0.01)
    }

    @Test("gives the whole device to the one that wants it, and asks nothing of it")
    func conservesWork() {
        let behaviours = [
            Behaviour(weight: 1, duration: .milliseconds(2)),
            Behaviour(weight: 999, duration: .milliseconds(2), active: .seconds(4)..<Duration.seconds(5)),
        ]
        var device = SimulatedDevice(behaviours)
        device.run(for: .seconds(4))
        #expect(device.used[0] > .milliseconds(3_990))
        #expect(device.turns == 1)
        device.run(for: .seconds(6))
        #expect(device.used[1] > .milliseconds(950) && device.used[1] < .milliseconds(1_100))
        #expect(device.used[0] > .milliseconds(8_850))
    }

    @Test("owes nothing to who was idle, and asks nothing of who used what nobody else wanted")
    func forgetsIdling() {
        let behaviours = [
            Behaviour(weight: 500, duration: .milliseconds(2)),
            Behaviour(weight: 500, duration: .milliseconds(2), active: .seconds(20)..<Duration.seconds(60)),
        ]
        var device = SimulatedDevice(behaviours)
        device.run(for: .seconds(20))
        let before = device.used[0]
        device.run(for: .seconds(2))
        #expect(abs((device.used[0] - before).inSeconds - 1) < 0.06)
        #expect(abs(device.used[1].inSeconds - 1) < 0.06)
    }

    @Test("lets others in beside a command without end, and has its worker killed at the limit")
    func endlessCommand() {
        var settings = ArbiterSettings()
        settings.longestCommand = .seconds(5)
        let behaviours = [
            Behaviour(weight: 500, duration: .seconds(1_000)), Behaviour(weight: 500, duration: .milliseconds(2)),
        ]
        var device = SimulatedDevice(behaviours, settings: settings)
        device.run(for: .seconds(4))
        #expect(device.arbiter.holder == GrantID(rawValue: 1))
        #expect(device.ended == [])
        device.run(for: .seconds(3))
        #expect(device.ended == [0])
    }

    @Test("gains a liar no more than a third of the device beside an equal")
    func liar() {
        let behaviours = [
            Behaviour(weight: 500, duration: .milliseconds(2), lies: true),
            Behaviour(weight: 500, duration: .milliseconds(2)),
        ]
        var device = SimulatedDevice(behaviours)
        device.run(for: .seconds(10))
        let shares = Self.shares(device.used)
        #expect(shares[1] > 0.3, "\(shares)")
    }

    @Test("serves on when the holder of the turn leaves")
    func holderLeaves() {
        var arbiter = DeviceArbiter()
        let (first, second) = (GrantID(rawValue: 1), GrantID(rawValue: 2))
        arbiter.join(first, weight: 1)
        arbiter.join(second, weight: 1)
        arbiter.observe(first, TenantObservation(isWaiting: true), at: .zero)
        #expect(arbiter.decide(at: .zero) == [.give(first, isShared: false)])
        arbiter.observe(second, TenantObservation(isWaiting: true), at: .zero)
        #expect(arbiter.decide(at: .zero) == [.give(first, isShared: true)])
        arbiter.leave(first)
        #expect(arbiter.decide(at: .zero) == [.give(second, isShared: false)])
        arbiter.leave(second)
        #expect(arbiter.decide(at: .zero) == [] && arbiter.holder == nil)
    }
}
