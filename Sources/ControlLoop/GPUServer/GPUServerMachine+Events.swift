package import FleetModel

/// What can happen to a GPU server.
package enum GPUServerEvent: Sendable {
    /// A period is over: send a heartbeat, end what has lapsed.
    case periodEnded
    case linkOpened
    case linkClosed
    case managerMessageReceived(ManagerToGPUServerMessage)
    /// The answer to ``GPUServerEffect/persistEpoch(_:_:)``.
    case epochPersisted(DeviceID, Epoch)
    /// The answers to ``GPUServerEffect/startWorker(_:)``.
    case workerStarted(GrantID, SessionEndpoint)
    case workerFailed(GrantID, String)
    /// What a worker reports, about once a period and when its session attaches.
    case workerReported(GrantID, WorkerStatus)
    /// The answer to ``GPUServerEffect/applyLimit(_:_:)``: the worker enforces this slice.
    case limitApplied(GrantID, Slice)
    /// A worker's process is gone: nothing of it remains.
    case workerExited(GrantID, WorkerEnd)
    case interfaceInstalled(InterfaceVersion)
    /// A version could not be made ready, or may not be used here any longer: why.
    case interfaceFailed(InterfaceVersion, String)
    /// What the self-test of a version measured.
    case interfaceMeasured(InterfaceMeasurement)
}

/// What a GPU server wants done. Effects are carried out in order.
package enum GPUServerEffect: Hashable, Sendable {
    /// Make durable that no epoch before this one is obeyed for the device; answer with
    /// ``GPUServerEvent/epochPersisted(_:_:)``. What the epoch's command asks for waits for the answer.
    case persistEpoch(DeviceID, Epoch)
    /// Start a worker of the command's version, with the command's slice as its limit, and answer.
    case startWorker(GrantCommand)
    case applyLimit(GrantID, Slice)
    /// End the worker's process; answer with ``GPUServerEvent/workerExited(_:_:)`` once it is gone.
    case stopWorker(GrantID)
    /// Send on the open stream; dropped by the shell when there is none.
    case send(GPUServerMessage)
    case installInterface(InterfaceVersion, from: InterfaceSources)
    case record(FleetEvent)
}

/// One worker's own account.
package struct WorkerStatus: Hashable, Sendable {
    /// Whether a program has sent a command on the session.
    package var attached: Bool
    /// Whether the session's connection is open: the agent's, or the program's after hand-over.
    package var connected: Bool
    /// The greatest memory in use since the last status.
    package var peakMemory: Bytes
    /// Time that the device was busy for this session since the last status.
    package var busy: Duration
    /// Whether anything, a keep-alive included, came over the session since the last status.
    package var traffic: Bool
    /// Memory of the host that only this worker's process holds; 0 where that is not known.
    package var hostMemory: Bytes
    /// Processor time of the host that the worker's process took since the last status; 0 where that is not known.
    package var processorTime: Duration
    /// What else it did since the last status.
    package var usage: SessionUsage

    package init(
        attached: Bool, connected: Bool, peakMemory: Bytes, busy: Duration, traffic: Bool, hostMemory: Bytes = .zero,
        processorTime: Duration = .zero, usage: SessionUsage = SessionUsage()
    ) {
        self.hostMemory = hostMemory
        self.processorTime = processorTime
        self.usage = usage
        self.attached = attached
        self.connected = connected
        self.peakMemory = peakMemory
        self.busy = busy
        self.traffic = traffic
    }
}

/// A worker that was found running when its GPU server came back.
package struct RecoveredWorker: Hashable, Sendable {
    package var grant: GrantID
    package var instance: InstanceID
    package var device: DeviceID
    package var epoch: Epoch
    /// What the worker says that it enforces.
    package var slice: Slice
    package var endpoint: SessionEndpoint
    package var attached: Bool

    package init(
        grant: GrantID, instance: InstanceID, device: DeviceID, epoch: Epoch, slice: Slice,
        endpoint: SessionEndpoint, attached: Bool
    ) {
        self.grant = grant
        self.instance = instance
        self.device = device
        self.epoch = epoch
        self.slice = slice
        self.endpoint = endpoint
        self.attached = attached
    }
}
