import FleetModel

// How messages read in a scenario; nil for those that only say that all is well.

extension Bytes {
    var mebibytes: Int64 { rawValue >> 20 }
}

extension StoreTransaction {
    var summary: String {
        let parts =
            upserts.map { "\($0.grant)=\($0.slice.memory.mebibytes) MiB" } + removals.map { "\($0) removed" }
        return parts.joined(separator: ", ")
    }
}

extension FleetEvent {
    var summary: String {
        [kind.rawValue, instance?.rawValue, grant?.description, detail].compactMap { $0 }.filter { !$0.isEmpty }
            .joined(separator: " ")
    }
}

extension AgentMessage {
    var summary: String? {
        switch self {
        case .hello(let hello): "hello, holds \(hello.held.map { "\($0.grant) \($0.state)" })"
        case .report, .heartbeat: nil
        case .instanceChanged(let instance, let present): "\(instance.id) \(present ? "appeared" : "gone")"
        case .gpuRequested(let request): "\(request.request) of \(request.instance) asks"
        case .gpuRequestCancelled(let request): "\(request) cancelled"
        case .acknowledged(let acknowledgement): "\(acknowledgement.grant) \(acknowledgement.outcome)"
        case .interfaceInstalled(let version): "installed \(version.version)"
        case .interfaceUnavailable(let version, let reason): "cannot use \(version.version): \(reason)"
        }
    }
}

extension GPUServerMessage {
    var summary: String? {
        switch self {
        case .hello(let hello): "hello, holds \(hello.held.map { "\($0.grant) \($0.level)" })"
        case .heartbeat: nil
        case .commandAnswered(let answer): "\(answer.grant) \(answer.outcome.summary)"
        case .grantEnded(let end):
            "\(end.grant) ended, \(end.reason.rawValue)" + (end.worker.map { ": the worker \($0)" } ?? "")
        case .interfaceInstalled(let version): "installed \(version.version)"
        case .interfaceUnavailable(let version, let reason): "cannot use \(version.version): \(reason)"
        case .interfaceMeasured(let measurement): "measured \(measurement.version.version)"
        }
    }
}

extension GrantCommandAnswer.Outcome {
    var summary: String {
        switch self {
        case .inForce(let endpoint): "in force" + (endpoint.map { " at \($0)" } ?? ", nothing left")
        case .refusedStale(let seen): "refused, seen \(seen)"
        case .refusedMemory(let free): "refused, \(free.mebibytes) MiB free"
        case .refusedAttached: "refused, attached"
        case .failed(let reason): "failed, \(reason)"
        }
    }
}

extension ManagerToAgentMessage {
    var summary: String? {
        switch self {
        case .welcome(let welcome): "welcome, term \(welcome.term)"
        case .allocation(let notification):
            "\(notification.grant) \(notification.level) \(notification.slice.memory.mebibytes) MiB"
                + (notification.request.map { " for \($0)" } ?? "")
        case .withdrawal(let withdrawal): "\(withdrawal.grant) withdrawn, \(withdrawal.reason.rawValue)"
        case .requestRefused(let request, let reason): "\(request) refused, \(reason)"
        case .notice(let notice): "\(notice.grant) ends in \(notice.endsIn.inSeconds) s, \(notice.reason)"
        case .heartbeatAcknowledged: nil
        case .prepareInterface(let version, _): "prepare \(version.version)"
        case .useInterface(let version, let instances):
            "\(instances.map(\.rawValue).joined(separator: ", ")) uses \(version.version)"
        }
    }
}

extension ManagerToGPUServerMessage {
    var summary: String? {
        switch self {
        case .welcome(let welcome): "welcome, term \(welcome.term)"
        case .command(let command): "\(command.grant) \(command.goal) \(command.slice.memory.mebibytes) MiB"
        case .renew, .heartbeatAcknowledged: nil
        case .prepareInterface(let version, _): "prepare \(version.version)"
        }
    }
}
