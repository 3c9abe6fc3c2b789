import FleetModel
import SessionCore

/// A device that carries out one command at a time in the order in which they were given, and its tenants' workers as
/// they follow their arbiter, in virtual time.
struct SimulatedDevice {
    /// How a tenant uses the device.
    struct Behaviour {
        var weight: Int64
        /// Of each command.
        var duration: Duration
        /// How long the tenant pauses after a command's end before it gives the next; nil where it does not wait for
        /// the end.
        var pause: Duration?
        /// When it wants the device.
        var active: Range<Duration> = .zero..<Duration.seconds(1_000)
        /// Says that it has used nothing.
        var lies = false
    }

    private struct Worker {
        var behaviour: Behaviour
        var mayGive = false
        var ahead: Duration = .zero
        var isWaiting = false
        var outstanding = 0
        var busy: Duration = .zero
        var readyAt: Duration = .zero

        var seen: TenantObservation {
            TenantObservation(
                isWaiting: isWaiting, outstanding: outstanding, busy: behaviour.lies ? .zero : busy)
        }
    }

    static let step = Duration.microseconds(50)

    let settings: ArbiterSettings
    private(set) var arbiter: DeviceArbiter
    private var workers: [Worker]
    private var queue: [(worker: Int, left: Duration)] = []
    private(set) var elapsed = Duration.zero
    private(set) var idle = Duration.zero
    /// Workers that the arbiter had killed.
    private(set) var ended: [Int] = []
    /// Turns that the arbiter gave.
    private(set) var turns = 0

    init(_ behaviours: [Behaviour], settings: ArbiterSettings = ArbiterSettings()) {
        self.settings = settings
        arbiter = DeviceArbiter(settings)
        workers = behaviours.map { Worker(behaviour: $0) }
        for index in workers.indices { arbiter.join(Self.id(index), weight: workers[index].behaviour.weight) }
    }

    /// Device time of each tenant.
    var used: [Duration] { workers.map(\.busy) }
    private var now: MonotonicTime { .zero + elapsed }
    private static func id(_ index: Int) -> GrantID { GrantID(rawValue: UInt64(index)) }

    mutating func run(for duration: Duration) {
        let end = elapsed + duration
        while elapsed < end { advance() }
    }

    private mutating func advance() {
        elapsed += Self.step
        var changed = Set(carryOut())
        for index in workers.indices where giveCommands(index) { changed.insert(index) }
        if changed.isEmpty, arbiter.nextDeadline.map({ $0 > now }) ?? true { return }
        if let holder = arbiter.holder { changed.insert(Int(holder.rawValue)) }
        for index in changed.sorted() { arbiter.observe(Self.id(index), workers[index].seen, at: now) }
        carryOut(arbiter.decide(at: now))
    }

    private mutating func carryOut(_ effects: [ArbiterEffect]) {
        for effect in effects {
            switch effect {
            case .give(let id, let isShared):
                let index = Int(id.rawValue)
                turns += workers[index].mayGive ? 0 : 1
                workers[index].mayGive = true
                workers[index].isWaiting = false
                workers[index].ahead = isShared ? settings.quantum : settings.aheadAlone
            case .take(let id):
                workers[Int(id.rawValue)].mayGive = false
                arbiter.observe(id, workers[Int(id.rawValue)].seen, at: now)
                carryOut(arbiter.decide(at: now))
            case .end(let id): ended.append(Int(id.rawValue))
            }
        }
    }

    /// The worker whose command has ended.
    private mutating func carryOut() -> [Int] {
        guard let (index, left) = queue.first else {
            idle += Self.step
            return []
        }
        guard left <= Self.step else {
            queue[0].left = left - Self.step
            return []
        }
        queue.removeFirst()
        workers[index].outstanding -= 1
        workers[index].busy += workers[index].behaviour.duration
        workers[index].readyAt = elapsed + (workers[index].behaviour.pause ?? .zero)
        return workers[index].outstanding == 0 ? [index] : []
    }

    /// Whether the worker has something new to show.
    private mutating func giveCommands(_ index: Int) -> Bool {
        let behaviour = workers[index].behaviour
        guard behaviour.active.contains(elapsed), !ended.contains(index) else { return false }
        while workers[index].outstanding == 0 || behaviour.pause == nil, workers[index].readyAt <= elapsed {
            guard workers[index].mayGive else {
                defer { workers[index].isWaiting = true }
                return !workers[index].isWaiting
            }
            guard
                workers[index].outstanding == 0
                    || behaviour.duration * workers[index].outstanding < workers[index].ahead
            else { return false }
            workers[index].outstanding += 1
            queue.append((index, behaviour.duration))
        }
        return false
    }
}
