/// What a GPU server tells the manager. One stream per server; the first message is ``hello(_:)``.
package enum GPUServerMessage: Hashable, Sendable {
    case hello(GPUServerHello)
    /// Everything that is held, and what of it is used; once a period.
    case heartbeat(GPUServerHeartbeat)
    /// The answer to a ``GrantCommand``. Repeats are harmless.
    case commandAnswered(GrantCommandAnswer)
    /// A worker ended, by itself or by its lease: nothing of the grant remains.
    case grantEnded(GrantEnd)
    /// A bundle is verified and active on this server, and has passed its self-test.
    case interfaceInstalled(InterfaceVersion)
    /// A version cannot be used on this server, or no longer: it could not be fetched or verified, was revoked, failed its
    /// self-test, or made room for others. Says why, in at most 512 bytes.
    case interfaceUnavailable(InterfaceVersion, reason: String)
    /// What the self-test of a version measured.
    case interfaceMeasured(InterfaceMeasurement)
}

/// A GPU server's introduction: after it, all that the server holds is accounted for. A server that has not yet heard of
/// the manager's term makes it durable first, and then introduces itself again, on the same link: only then is its word
/// taken.
package struct GPUServerHello: Hashable, Sendable {
    package var server: GPUServerID
    package var softwareVersion: String
    package var protocolRevision: UInt32
    package var devices: [DeviceDescription]
    package var held: [HeldGrant]
    /// The epoch before which nothing is obeyed any more, durably, per device index.
    package var epochs: [Epoch]
    package var installed: [InterfaceVersion]
    package var host: GPUServerHost
    package var platform: HostPlatform
    /// The base URL from which agents may fetch what is installed here; empty for none.
    package var bundleSource: String

    package init(
        server: GPUServerID, softwareVersion: String, protocolRevision: UInt32 = controlProtocolRevision,
        devices: [DeviceDescription], held: [HeldGrant] = [], epochs: [Epoch] = [],
        installed: [InterfaceVersion] = [], platform: HostPlatform = HostPlatform(), bundleSource: String = "",
        host: GPUServerHost = GPUServerHost()
    ) {
        self.host = host
        self.server = server
        self.softwareVersion = softwareVersion
        self.protocolRevision = protocolRevision
        self.devices = devices
        self.held = held
        self.epochs = epochs
        self.installed = installed
        self.platform = platform
        self.bundleSource = bundleSource
    }
}

/// What a GPU server says of the host that it runs on.
package struct GPUServerHost: Hashable, Sendable, Codable {
    /// What fails together with it: a rack, a power feed, a zone. Nil where its operator has named none: then it fails
    /// alone.
    package var failureDomain: FailureDomain?
    /// Memory for workers; nil where unknown: then it is not counted.
    package var memory: Bytes?
    /// Processors for workers, above 0; nil where unknown: then they are not counted.
    package var processors: Double?

    package init(failureDomain: FailureDomain? = nil, memory: Bytes? = nil, processors: Double? = nil) {
        self.failureDomain = failureDomain
        self.memory = memory
        self.processors = processors
    }
}

/// One grant as its GPU server holds it.
package struct HeldGrant: Hashable, Sendable {
    package var grant: GrantID
    package var instance: InstanceID
    package var device: DeviceID
    /// The epoch of the last command that was carried out for this grant.
    package var epoch: Epoch
    /// ``Readiness/warm``, ``Readiness/reserved`` or ``Readiness/attached``.
    package var level: Readiness
    package var slice: Slice
    package var endpoint: SessionEndpoint?
    /// The greatest memory that the worker's buffers took since the last heartbeat.
    package var usedMemory: Bytes
    /// Compute used since the last heartbeat, as a share of the device.
    package var usedCompute: MilliShare
    /// What the worker's process holds of the host's memory; 0 where unknown.
    package var workerMemory: Bytes
    /// How long the device was busy for it, by commands that have ended since the last heartbeat, and what processor time of the
    /// host its worker took for them; 0 where unknown.
    package var commandTime: CommandTime
    /// What it did since the last heartbeat.
    package var activity: SessionActivity

    package init(
        grant: GrantID, instance: InstanceID, device: DeviceID, epoch: Epoch, level: Readiness, slice: Slice,
        endpoint: SessionEndpoint? = nil, usedMemory: Bytes = .zero, usedCompute: MilliShare = .zero,
        workerMemory: Bytes = .zero, commandTime: CommandTime = CommandTime(),
        activity: SessionActivity = SessionActivity()
    ) {
        self.activity = activity
        self.workerMemory = workerMemory
        self.commandTime = commandTime
        self.grant = grant
        self.instance = instance
        self.device = device
        self.epoch = epoch
        self.level = level
        self.slice = slice
        self.endpoint = endpoint
        self.usedMemory = usedMemory
        self.usedCompute = usedCompute
    }
}

/// What commands took.
package struct CommandTime: Hashable, Sendable {
    /// Of a device.
    package var busy: Duration
    /// Of the host's processors, all together.
    package var processors: Duration

    package init(busy: Duration = .zero, processors: Duration = .zero) {
        self.busy = busy
        self.processors = processors
    }
}

package struct GPUServerHeartbeat: Hashable, Sendable {
    package var sequence: UInt64
    /// Complete: a grant that is not listed is not held.
    package var held: [HeldGrant]

    package init(sequence: UInt64, held: [HeldGrant]) {
        self.sequence = sequence
        self.held = held
    }
}

/// What the manager wants of one grant on one device: the desired state, not a change. Sent again, under a newer
/// epoch, until the answer shows that it is in force.
package struct GrantCommand: Hashable, Sendable {
    package enum Goal: UInt8, Hashable, Sendable {
        /// A worker with an open context and no memory.
        case warm
        /// A worker with `slice` set aside for it.
        case reserved
        /// Nothing: the worker is ended and the slice is free.
        case released
        /// Nothing, though a program uses it: it has had its notice.
        case taken

        /// Whether nothing of the grant is to remain.
        package var isEnd: Bool { self == .released || self == .taken }
    }
    package var grant: GrantID
    package var instance: InstanceID
    package var device: DeviceID
    package var epoch: Epoch
    package var goal: Goal
    package var slice: Slice
    package var ticket: SessionTicket
    package var version: InterfaceVersion
    /// How long the grant stands without renewal while it is not attached.
    package var timeToLive: Duration

    package init(
        grant: GrantID, instance: InstanceID, device: DeviceID, epoch: Epoch, goal: Goal, slice: Slice,
        ticket: SessionTicket, version: InterfaceVersion, timeToLive: Duration
    ) {
        self.grant = grant
        self.instance = instance
        self.device = device
        self.epoch = epoch
        self.goal = goal
        self.slice = slice
        self.ticket = ticket
        self.version = version
        self.timeToLive = timeToLive
    }
}

/// What became of a command.
package struct GrantCommandAnswer: Hashable, Sendable {
    package enum Outcome: Hashable, Sendable {
        /// In force. `endpoint` is where the worker listens; nil when released.
        case inForce(endpoint: SessionEndpoint?)
        /// Older than the newest epoch seen for the device.
        case refusedStale(seen: Epoch)
        /// The device has not that much memory free.
        case refusedMemory(free: Bytes)
        /// A program holds the session: what is attached is neither lowered nor released.
        case refusedAttached
        /// The worker did not start, or does not run that version.
        case failed(String)
    }
    package var grant: GrantID
    package var epoch: Epoch
    package var outcome: Outcome

    package init(grant: GrantID, epoch: Epoch, outcome: Outcome) {
        self.grant = grant
        self.epoch = epoch
        self.outcome = outcome
    }
}

/// What the manager tells a GPU server.
package enum ManagerToGPUServerMessage: Hashable, Sendable {
    case welcome(ManagerWelcome)
    case command(GrantCommand)
    /// Renews the grants named, for one time to live from receipt. A renewal never brings back what has lapsed.
    case renew(epoch: Epoch, grants: [GrantID], timeToLive: Duration)
    case heartbeatAcknowledged(sequence: UInt64)
    case prepareInterface(InterfaceVersion, from: InterfaceSources)
}
