package import FleetModel
import SessionCore

/// What a GPU server is told at its start.
package struct GPUServerMachineConfiguration: Sendable {
    package var server: GPUServerID
    package var softwareVersion: String
    package var devices: [DeviceDescription]
    /// The most sessions that are held at once; commands for more are refused.
    package var maximumGrants: Int
    /// What the server's host can load.
    package var platform: HostPlatform
    /// The base URL from which agents may fetch what is installed; empty for none.
    package var bundleSource: String
    /// What fails together with it, and what memory it has for workers.
    package var host: GPUServerHost
    package var bugs: Set<SeededBug>

    package init(
        server: GPUServerID, softwareVersion: String, devices: [DeviceDescription], maximumGrants: Int = 4_096,
        platform: HostPlatform = HostPlatform(), bundleSource: String = "", host: GPUServerHost = GPUServerHost(),
        bugs: Set<SeededBug> = []
    ) {
        self.server = server
        self.softwareVersion = softwareVersion
        self.devices = devices
        self.maximumGrants = maximumGrants
        self.platform = platform
        self.bundleSource = bundleSource
        self.host = host
        self.bugs = bugs
    }
}

/// The GPU server: it carries out the manager's commands on its devices, and is the last authority on what they hold.
///
/// Duties: obey no epoch older than it has seen for a device, and remember that over a restart; set aside no more memory
/// than a device has; end what is not attached when its lease is over; leave what is attached alone, manager or no
/// manager; report all that it holds every period, complete.
///
/// A grant's states: starting (its worker comes up) → running → stopping (its worker goes) → gone. Memory counts from
/// the moment a grant starts until its worker's process is gone.
///
/// Expected races, dropped in silence: an answer of the shell about a grant that is gone; a message of the manager
/// while there is no link. A peer's fault is answered with a refusal.
package struct GPUServerMachine: Sendable {
    let configuration: GPUServerMachineConfiguration
    /// One per device, by index.
    var fences: [EpochFence]
    /// Commands that wait for their epoch to be durable, per device; bounded by ``maximumWaiting``.
    var waiting: [[GrantCommand]]
    /// Ascending by grant, so that reports have one order.
    var grants: [GrantID: Grant] = [:]
    /// Grants that ended here: a late repeat of their command does not begin them again. Oldest first, bounded by
    /// ``maximumEnded``: what is older than that many is not still on its way.
    var ended: [GrantID] = []
    var installed: [InterfaceVersion]
    var isLinked = false
    /// The term of the manager to which this server introduces itself again once its fences are durable.
    var awaitedTerm: UInt64?
    /// The term that the last hello was under.
    var introducedTerm: UInt64 = 0
    var sequence: UInt64 = 0
    /// When the last heartbeat was sent: usage is reported as a share of the time since.
    var lastHeartbeat: MonotonicTime

    static let maximumWaiting = 1_024
    static let maximumEnded = 4_096

    /// A machine for a server that starts, with what it found from its life before.
    /// - Parameters:
    ///   - recovered: workers that still run.
    ///   - epochs: for each device index, the durable epoch bound.
    package init(
        configuration: GPUServerMachineConfiguration, recovered: [RecoveredWorker] = [], epochs: [Epoch] = [],
        installed: [InterfaceVersion] = [], now: MonotonicTime
    ) {
        self.configuration = configuration
        self.installed = installed
        lastHeartbeat = now
        fences = configuration.devices.indices.map { index in
            EpochFence(durableBound: index < epochs.count ? epochs[index] : .zero)
        }
        waiting = configuration.devices.map { _ in [] }
        guard !configuration.bugs.contains(.forgetWorkersOnRestart) else { return }
        for worker in recovered where worker.device.server == configuration.server {
            grants[worker.grant] = Grant(recovered: worker, timeToLive: Self.recoveryTimeToLive, now: now)
        }
    }

    /// How long a worker found at the start stands before a manager has renewed it.
    static let recoveryTimeToLive: Duration = .seconds(10)

    /// Takes in one event.
    /// - Returns: what is to be done, in order. O(grants) for the end of a period, O(waiting commands) otherwise.
    package mutating func handle(_ event: GPUServerEvent, now: MonotonicTime) -> [GPUServerEffect] {
        switch event {
        case .periodEnded: periodEnded(now)
        case .linkOpened: linkOpened()
        case .linkClosed: linkClosed()
        case .managerMessageReceived(let message): received(message, now: now)
        case .epochPersisted(let device, let epoch): epochPersisted(device, epoch, now: now)
        case .workerStarted(let grant, let endpoint): workerStarted(grant, endpoint)
        case .workerFailed(let grant, let reason): workerFailed(grant, reason, now: now)
        case .workerReported(let grant, let status): workerReported(grant, status, now: now)
        case .limitApplied(let grant, let slice): limitApplied(grant, slice)
        case .workerExited(let grant, let end): workerExited(grant, end, now: now)
        case .interfaceInstalled(let version): interfaceInstalled(version, now: now)
        case .interfaceFailed(let version, let reason): interfaceFailed(version, reason, now: now)
        case .interfaceMeasured(let measurement): [.send(.interfaceMeasured(measurement))]
        }
    }

    /// Memory not set aside on a device; the whole of it where the device is unknown is 0.
    package func freeMemory(of device: DeviceID) -> Bytes {
        guard let description = self.device(device) else { return .zero }
        return description.memory - heldMemory(on: device)
    }

    /// The versions of the workers that there are: what they need must stay on the disk.
    package var versionsInUse: Set<InterfaceVersion> { Set(grants.values.compactMap(\.version)) }

    /// Everything held, ascending by grant.
    package func holdings() -> [HeldGrant] {
        grants.keys.sorted().compactMap { grant in grants[grant]?.holding(now: lastHeartbeat, since: lastHeartbeat) }
    }

    /// Where a grant is held; nil for one that is not.
    package func device(of grant: GrantID) -> DeviceID? { grants[grant]?.device }

    /// Checks what must always hold; for tests and simulation. O(grants × devices).
    package func checkInvariants() {
        for device in configuration.devices {
            precondition(heldMemory(on: device.id) <= device.memory, "memory of \(device.id) is promised twice")
        }
    }

    func device(_ id: DeviceID) -> DeviceDescription? {
        guard id.server == configuration.server, configuration.devices.indices.contains(id.index) else { return nil }
        return configuration.devices[id.index]
    }

    func heldMemory(on device: DeviceID) -> Bytes {
        // A sum of integers: the dictionary's order does not show.
        grants.values.reduce(.zero) { $1.device == device ? $0 + $1.chargedMemory : $0 }
    }
}

extension GPUServerMachine {
    /// One grant on this server.
    struct Grant: Sendable {
        enum Phase: Hashable, Sendable {
            case starting
            case running(SessionEndpoint)
            case stopping(ReclaimReason)
        }

        let id: GrantID
        let instance: InstanceID
        let device: DeviceID
        let version: InterfaceVersion?
        var phase: Phase
        /// The last command obeyed: answers carry its epoch.
        var epoch: Epoch
        var goal: GrantCommand.Goal
        /// What the worker enforces, and what it has been told to enforce.
        var enforced: Slice
        var wanted: Slice
        var lease: Lease
        var timeToLive: Duration
        var isAttached = false
        /// The command whose answer waits for the worker to start, change its limit or end.
        var unanswered: Epoch?
        var peakMemory = Bytes.zero
        /// What its worker held of the host's memory at its last report.
        var workerMemory = Bytes.zero
        var busy: Duration = .zero
        /// Processor time that its worker took since a heartbeat last told of a command that had ended.
        var processorTime: Duration = .zero
        /// A command that has begun counts only once it has ended, and what the processors do for it waits for that; but not what
        /// they do without any command.
        static let longestWait: Duration = .seconds(60)

        var commandTime: CommandTime {
            busy > .zero ? CommandTime(busy: busy, processors: processorTime) : CommandTime()
        }

        var usage = SessionUsage()

        init(command: GrantCommand, now: MonotonicTime) {
            id = command.grant
            instance = command.instance
            device = command.device
            version = command.version
            phase = .starting
            epoch = command.epoch
            goal = command.goal
            enforced = command.enforcedSlice
            wanted = command.enforcedSlice
            lease = Lease(from: now, timeToLive: command.timeToLive)
            timeToLive = command.timeToLive
            unanswered = command.epoch
        }

        init(recovered worker: RecoveredWorker, timeToLive: Duration, now: MonotonicTime) {
            id = worker.grant
            instance = worker.instance
            device = worker.device
            version = nil
            phase = .running(worker.endpoint)
            epoch = worker.epoch
            goal = worker.slice.memory > .zero ? .reserved : .warm
            enforced = worker.slice
            wanted = worker.slice
            lease = Lease(from: now, timeToLive: timeToLive)
            self.timeToLive = timeToLive
            isAttached = worker.attached
        }

        /// The greater of what is enforced and what has been asked for: a change counts from its beginning upward, and
        /// from its end downward.
        var chargedMemory: Bytes { max(enforced.memory, wanted.memory) }

        var isStopping: Bool {
            if case .stopping = phase { true } else { false }
        }

        /// The grant for a report; nil while its worker starts: nothing of it can be used yet.
        func holding(now: MonotonicTime, since: MonotonicTime) -> HeldGrant? {
            var endpoint: SessionEndpoint?
            if case .running(let place) = phase { endpoint = place }
            // A limit that the worker does not enforce yet is not a reservation: nobody may be told of it.
            let isReserved = goal == .reserved && enforced == wanted
            let level: Readiness = isAttached ? .attached : isReserved ? .reserved : .warm
            let elapsed = max((now - since).inSeconds, 0.001)
            let share = min(1_000, busy.inSeconds / elapsed * 1_000)
            return HeldGrant(
                grant: id, instance: instance, device: device, epoch: epoch, level: level, slice: enforced,
                endpoint: endpoint, usedMemory: peakMemory, usedCompute: MilliShare(Int32(share)),
                workerMemory: workerMemory, commandTime: commandTime,
                activity: SessionActivity(usage, in: now - since))
        }
    }
}

extension GrantCommand {
    /// What a worker is to enforce: a warm session has no memory.
    var enforcedSlice: Slice { goal == .reserved ? slice : .zero }
}
