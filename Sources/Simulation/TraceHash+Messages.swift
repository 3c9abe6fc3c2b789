import FleetModel

/// What of each message enters the hash: every field that a decision can show in.
extension TraceHash {
    mutating func add(_ epoch: Epoch) {
        add(epoch.term)
        add(epoch.counter)
    }

    mutating func add(_ slice: Slice) {
        add(UInt64(bitPattern: slice.memory.rawValue))
        add(Int(slice.compute.rawValue))
    }

    mutating func add(_ event: FleetEvent) {
        add(event.at)
        add(event.kind.rawValue)
        add(event.grant?.rawValue ?? 0)
        add(event.detail)
    }

    mutating func add(_ payload: Payload) {
        switch payload {
        case .agentToManager(let message): add(message)
        case .managerToAgent(let message): add(message)
        case .serverToManager(let message): add(message)
        case .managerToServer(let message): add(message)
        }
    }

    private mutating func add(_ heartbeat: AgentHeartbeat) {
        add(heartbeat.sequence)
        for session in heartbeat.held { add(session) }
    }

    private mutating func add(_ message: AgentMessage) {
        switch message {
        case .hello(let hello):
            add("hello")
            for session in hello.held { add(session) }
        case .report(let report):
            add(report.sequence)
            add(report.sentAt)
            if let heartbeat = report.heartbeat { add(heartbeat) }
        case .heartbeat(let heartbeat): add(heartbeat)
        case .instanceChanged(let description, let present):
            add(description.id.rawValue)
            add(present ? 1 : 0)
        case .gpuRequested(let request): add(request.request.rawValue)
        case .gpuRequestCancelled(let request): add(~request.rawValue)
        case .acknowledged(let acknowledgement):
            add(acknowledgement.grant.rawValue)
            add(acknowledgement.epoch)
            add(acknowledgement.outcome.ordinal)
        case .interfaceInstalled(let version): add(version.version.description)
        case .interfaceUnavailable(let version, _): add(version.version.description)
        }
    }

    private mutating func add(_ session: HeldSession) {
        add(session.grant.rawValue)
        add(session.epoch)
        add(Int(session.state.rawValue))
    }

    private mutating func add(_ message: ManagerToAgentMessage) {
        switch message {
        case .welcome(let welcome): add(welcome.term)
        case .allocation(let notification):
            add(notification.grant.rawValue)
            add(notification.epoch)
            add(notification.slice)
            add(Int(notification.level.rawValue))
            add(notification.ticket.low)
            add(notification.request?.rawValue ?? 0)
        case .withdrawal(let withdrawal):
            add(withdrawal.grant.rawValue)
            add(withdrawal.epoch)
            add(withdrawal.reason.rawValue)
        case .requestRefused(let request, let reason):
            add(request.rawValue)
            add(reason)
        case .notice(let notice):
            add(notice.grant.rawValue)
            add(Int(notice.endsIn.nanoseconds))
        case .heartbeatAcknowledged(let sequence): add(sequence)
        case .prepareInterface(let version, _): add(version.version.description)
        case .useInterface(let version, let instances):
            add(version.version.description)
            for instance in instances { add(instance.rawValue) }
        }
    }

    private mutating func add(_ message: GPUServerMessage) {
        switch message {
        case .hello(let hello):
            for epoch in hello.epochs { add(epoch) }
            for grant in hello.held { add(grant) }
        case .heartbeat(let heartbeat):
            add(heartbeat.sequence)
            for grant in heartbeat.held { add(grant) }
        case .commandAnswered(let answer):
            add(answer.grant.rawValue)
            add(answer.epoch)
            add(answer.outcome.ordinal)
        case .grantEnded(let end):
            add(end.grant.rawValue)
            add(end.reason.rawValue)
        case .interfaceInstalled(let version): add(version.version.description)
        case .interfaceUnavailable(let version, _): add(version.version.description)
        case .interfaceMeasured(let measurement): add(measurement.version.version.description)
        }
    }

    private mutating func add(_ grant: HeldGrant) {
        add(grant.grant.rawValue)
        add(grant.epoch)
        add(Int(grant.level.rawValue))
        add(grant.slice)
    }

    private mutating func add(_ message: ManagerToGPUServerMessage) {
        switch message {
        case .welcome(let welcome): add(welcome.term)
        case .command(let command):
            add(command.grant.rawValue)
            add(command.epoch)
            add(Int(command.goal.rawValue))
            add(command.slice)
            add(command.ticket.low)
        case .renew(let epoch, let grants, _):
            add(epoch)
            for grant in grants { add(grant.rawValue) }
        case .heartbeatAcknowledged(let sequence): add(sequence)
        case .prepareInterface(let version, _): add(version.version.description)
        }
    }
}

extension NotificationAcknowledgement.Outcome {
    fileprivate var ordinal: Int {
        switch self {
        case .ready: 0
        case .handedOver: 1
        case .failed: 2
        case .released: 3
        case .ended: 4
        }
    }
}

extension GrantCommandAnswer.Outcome {
    fileprivate var ordinal: Int {
        switch self {
        case .inForce: 0
        case .refusedStale: 1
        case .refusedMemory: 2
        case .refusedAttached: 3
        case .failed: 4
        }
    }
}
