package import FleetModel

/// What a GPU server tells one of its workers. Each is answered, except ``terminate``, whose answer is the end of the
/// process.
package enum WorkerCommand: Hashable, Sendable {
    /// The secret that opens the worker's session: the first line on the connection that the worker is started with,
    /// and accepted nowhere else.
    case ticket(SessionTicket)
    /// Answered with ``WorkerAnswer/identity(_:)``.
    case identify
    /// Answered with ``WorkerAnswer/limit(_:_:)`` or ``WorkerAnswer/limitRefused(seen:)``.
    case setLimit(Slice, Epoch)
    /// Answered with ``WorkerAnswer/status(_:)``.
    case reportStatus
    /// The connection tells from now on of the worker's turns on its device, in bytes without a meaning of their own, and
    /// carries no more lines. With the first byte comes the worker's ``SharePage``.
    case share
    case terminate

    /// Nil when the line is not a command.
    package init?(line: some Collection<UInt8>) {
        guard let line = ControlLine(line) else { return nil }
        switch line.word {
        case "ticket":
            guard let ticket = line.ticket else { return nil }
            self = .ticket(ticket)
        case "identify": self = .identify
        case "set-limit":
            guard let slice = line.slice, let epoch = line.epoch else { return nil }
            self = .setLimit(slice, epoch)
        case "status": self = .reportStatus
        case "share": self = .share
        case "terminate": self = .terminate
        default: return nil
        }
    }

    package var encoded: [UInt8] {
        var line: ControlLine
        switch self {
        case .ticket(let ticket):
            line = ControlLine("ticket")
            line.ticket = ticket
        case .identify: line = ControlLine("identify")
        case .setLimit(let slice, let epoch):
            line = ControlLine("set-limit")
            line.slice = slice
            line.epoch = epoch
        case .reportStatus: line = ControlLine("status")
        case .share: line = ControlLine("share")
        case .terminate: line = ControlLine("terminate")
        }
        return line.encoded
    }
}

/// What a worker tells its GPU server.
package enum WorkerAnswer: Hashable, Sendable {
    /// Who the worker is. Also sent unasked once, when the worker is ready for its session.
    case identity(WorkerIdentity)
    /// The worker cannot do its work and ends.
    case failed(String)
    /// The limit that the worker enforces from now on.
    case limit(Slice, Epoch)
    /// A newer epoch has been seen: nothing was changed.
    case limitRefused(seen: Epoch)
    /// Also sent unasked when the session connects and when its first command comes.
    case status(WorkerReport)

    /// Nil when the line is not an answer.
    package init?(line: some Collection<UInt8>) {
        guard let line = ControlLine(line) else { return nil }
        switch line.word {
        case "identity":
            guard let identity = WorkerIdentity(line) else { return nil }
            self = .identity(identity)
        case "failed":
            let reason = line["reason"] ?? "no reason given"
            self = .failed(String(decoding: reason.utf8.prefix(ControlLimits.reason), as: UTF8.self))
        case "limit":
            guard let slice = line.slice, let epoch = line.epoch else { return nil }
            self = .limit(slice, epoch)
        case "limit-refused":
            guard let epoch = line.epoch else { return nil }
            self = .limitRefused(seen: epoch)
        case "status":
            guard let report = WorkerReport(line) else { return nil }
            self = .status(report)
        default: return nil
        }
    }

    package var encoded: [UInt8] {
        var line: ControlLine
        switch self {
        case .identity(let identity): line = identity.line
        case .failed(let reason):
            line = ControlLine("failed")
            line["reason"] = String(decoding: reason.utf8.prefix(ControlLimits.reason), as: UTF8.self)
        case .limit(let slice, let epoch):
            line = ControlLine("limit")
            line.slice = slice
            line.epoch = epoch
        case .limitRefused(let seen):
            line = ControlLine("limit-refused")
            line.epoch = seen
        case .status(let report): line = report.line
        }
        return line.encoded
    }
}

/// Who a worker is: all that a GPU server which has forgotten it must know to take it up again.
package struct WorkerIdentity: Hashable, Sendable {
    package var grant: GrantID
    package var instance: InstanceID
    package var device: DeviceID
    /// The epoch of the last command that the worker obeyed.
    package var epoch: Epoch
    /// What the worker enforces.
    package var slice: Slice
    /// Where the worker's one session is or was to be opened.
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

    init?(_ line: ControlLine) {
        guard let grant = line["grant"].flatMap({ UInt64($0) }),
            let instance = line["instance"].flatMap(InstanceID.init(rawValue:)),
            let server = line["server"].flatMap(GPUServerID.init(rawValue:)),
            let index = line["device"].flatMap({ UInt16($0) }), index <= ControlLimits.device,
            let epoch = line.epoch, let slice = line.slice, let endpoint = line.endpoint,
            let attached = line.flag("attached")
        else { return nil }
        self.init(
            grant: GrantID(rawValue: grant), instance: instance, device: DeviceID(server: server, index: Int(index)),
            epoch: epoch, slice: slice, endpoint: endpoint, attached: attached)
    }

    var line: ControlLine {
        var line = ControlLine("identity")
        line["grant"] = String(grant.rawValue)
        line["instance"] = instance.rawValue
        line["server"] = device.server.rawValue
        line["device"] = String(device.index)
        line.epoch = epoch
        line.slice = slice
        line.endpoint = endpoint
        line["attached"] = String(attached)
        return line
    }
}

/// One worker's own account since its last report.
package struct WorkerReport: Hashable, Sendable {
    /// Whether a program has sent a command on the session.
    package var attached: Bool
    /// Whether the session's connection is open.
    package var connected: Bool
    /// The greatest memory in use since the last report.
    package var peakMemory: Bytes
    /// Time that the device was busy for the session since the last report.
    package var busy: Duration
    /// Whether anything, a keep-alive included, came over the session since the last report.
    package var traffic: Bool
    /// What else it did since the last report; nothing of a worker of an earlier version.
    package var usage: SessionUsage

    package init(
        attached: Bool, connected: Bool, peakMemory: Bytes, busy: Duration, traffic: Bool,
        usage: SessionUsage = SessionUsage()
    ) {
        self.usage = usage
        self.attached = attached
        self.connected = connected
        self.peakMemory = peakMemory
        self.busy = busy
        self.traffic = traffic
    }

    init?(_ line: ControlLine) {
        guard let attached = line.flag("attached"), let connected = line.flag("connected"),
            let peak = line.amount("peak", to: ControlLimits.memory),
            let busy = line.amount("busy-ns", to: ControlLimits.duration), let traffic = line.flag("traffic")
        else { return nil }
        func count(_ key: String) -> Int64 { line.amount(key, to: SessionUsage.greatestCount) ?? 0 }
        let names = (line["uses"] ?? "").split(separator: ",").filter { $0.utf8.count <= ControlLimits.capability }
        self.init(
            attached: attached, connected: connected, peakMemory: Bytes(peak), busy: .nanoseconds(busy),
            traffic: traffic,
            usage: SessionUsage(
                commands: count("commands"), received: Bytes(count("received")), sent: Bytes(count("sent")),
                queueDepth: Int32(clamping: count("depth")),
                capabilities: Set(names.prefix(SessionUsage.greatestCapabilities).map(String.init))))
    }

    var line: ControlLine {
        var line = ControlLine("status")
        line["attached"] = String(attached)
        line["connected"] = String(connected)
        line["peak"] = String(peakMemory.rawValue)
        line["busy-ns"] = String(busy.nanoseconds)
        line["traffic"] = String(traffic)
        line["commands"] = String(usage.commands)
        line["received"] = String(usage.received.rawValue)
        line["sent"] = String(usage.sent.rawValue)
        line["depth"] = String(usage.queueDepth)
        if !usage.capabilities.isEmpty { line["uses"] = usage.capabilities.sorted().joined(separator: ",") }
        return line
    }
}
