package import FleetModel
import SwiftProtobuf

extension GPUServerHello: WireMapped {
    package init(wire: WireGpuServerHello) throws(ProtocolError) {
        let devices: [DeviceDescription] = try Read.list(wire.devices, "devices", limit: ProtocolLimits.devices)
        let epochs: [Epoch] = try Read.list(wire.epochs, "epochs", limit: ProtocolLimits.devices)
        guard epochs.isEmpty || epochs.count == devices.count else { throw ProtocolError("epochs", .outOfRange) }
        let server: GPUServerID = try Read.identifier(wire.server, "server")
        for (index, device) in devices.enumerated() where device.id != DeviceID(server: server, index: index) {
            throw ProtocolError("devices[\(index)].id", .outOfRange)
        }
        guard !wire.hasHostProcessors || wire.hostProcessors > 0 else {
            throw ProtocolError("host_processors", .outOfRange)
        }
        self.init(
            server: server,
            softwareVersion: try Read.text(
                wire.softwareVersion, "software_version", limit: ProtocolLimits.softwareVersionBytes),
            protocolRevision: wire.protocolRevision, devices: devices,
            held: try Read.list(wire.held, "held", limit: ProtocolLimits.grants), epochs: epochs,
            installed: try Read.list(wire.installed, "installed", limit: ProtocolLimits.interfaceVersions),
            platform: try Read.optional(wire.hasPlatform ? wire.platform : nil, "platform") ?? HostPlatform(),
            bundleSource: try Read.text(wire.bundleSource, "bundle_source", limit: ProtocolLimits.urlBytes),
            host: GPUServerHost(
                failureDomain: wire.hasFailureDomain
                    ? try Read.identifier(wire.failureDomain, "failure_domain") : nil,
                memory: wire.hasHostMemoryBytes ? try Read.memory(wire.hostMemoryBytes, "host_memory_bytes") : nil,
                processors: wire.hasHostProcessors ? try Read.rate(wire.hostProcessors, "host_processors") : nil))
    }

    package var wire: WireGpuServerHello {
        .with {
            $0.server = server.rawValue
            $0.softwareVersion = softwareVersion.clipped(to: ProtocolLimits.softwareVersionBytes)
            $0.protocolRevision = protocolRevision
            $0.devices = devices.map(\.wire)
            $0.held = held.map(\.wire)
            $0.epochs = epochs.map(\.wire)
            $0.installed = installed.map(\.wire)
            if let domain = host.failureDomain { $0.failureDomain = domain.rawValue }
            if let memory = host.memory { $0.hostMemoryBytes = memory.rawValue }
            if let processors = host.processors { $0.hostProcessors = processors }
            if platform != HostPlatform() { $0.platform = platform.wire }
            $0.bundleSource = bundleSource.clipped(to: ProtocolLimits.urlBytes)
        }
    }
}

extension HeldGrant: WireMapped {
    package init(wire: WireHeldGrant) throws(ProtocolError) {
        let level: Readiness = try Read.required(wire.level, "level")
        guard level >= .warm else { throw ProtocolError("level", .outOfRange) }
        self.init(
            grant: GrantID(rawValue: wire.grant), instance: try Read.identifier(wire.instance, "instance"),
            device: try Read.required(wire.hasDevice ? wire.device : nil, "device"),
            epoch: try Read.required(wire.hasEpoch ? wire.epoch : nil, "epoch"), level: level,
            slice: try Read.required(wire.hasSlice ? wire.slice : nil, "slice"),
            endpoint: try Read.optional(wire.hasEndpoint ? wire.endpoint : nil, "endpoint"),
            usedMemory: try Read.memory(wire.usedMemoryBytes, "used_memory_bytes"),
            usedCompute: try Read.share(wire.usedComputeMilli, "used_compute_milli"),
            workerMemory: try Read.memory(wire.workerHostMemoryBytes, "worker_host_memory_bytes"),
            commandTime: CommandTime(
                busy: try Read.duration(wire.commandBusyNs, "command_busy_ns"),
                processors: try Read.duration(wire.commandProcessorNs, "command_processor_ns")),
            activity: try Read.optional(wire.hasActivity ? wire.activity : nil, "activity") ?? SessionActivity())
    }

    package var wire: WireHeldGrant {
        .with {
            $0.grant = grant.rawValue
            $0.instance = instance.rawValue
            $0.device = device.wire
            $0.epoch = epoch.wire
            $0.level = level.wire
            $0.slice = slice.wire
            if let endpoint { $0.endpoint = endpoint.wire }
            $0.usedMemoryBytes = usedMemory.rawValue
            $0.usedComputeMilli = usedCompute.rawValue
            $0.workerHostMemoryBytes = workerMemory.rawValue
            $0.commandBusyNs = commandTime.busy.nanoseconds
            $0.commandProcessorNs = commandTime.processors.nanoseconds
            $0.activity = activity.wire
        }
    }
}

extension SessionActivity: WireMapped {
    package init(wire: WireSessionActivity) throws(ProtocolError) {
        guard wire.queueDepth >= 0 else { throw ProtocolError("queue_depth", .outOfRange) }
        guard wire.capabilities.count <= ProtocolLimits.capabilities else {
            throw ProtocolError("capabilities", .tooMany(limit: ProtocolLimits.capabilities))
        }
        var capabilities: Set<String> = []
        for name in wire.capabilities {
            capabilities.insert(try Read.text(name, "capabilities", limit: ProtocolLimits.capabilityBytes))
        }
        self.init(
            commandRate: try Read.rate(wire.commandRate, "command_rate"),
            receiveRate: try Read.rate(wire.receiveRate, "receive_rate"),
            sendRate: try Read.rate(wire.sendRate, "send_rate"), queueDepth: wire.queueDepth,
            capabilities: capabilities)
    }

    package var wire: WireSessionActivity {
        .with {
            $0.commandRate = commandRate
            $0.receiveRate = receiveRate
            $0.sendRate = sendRate
            $0.queueDepth = queueDepth
            $0.capabilities = Array(capabilities.sorted().prefix(ProtocolLimits.capabilities))
        }
    }
}

extension GPUServerHeartbeat: WireMapped {
    package init(wire: WireGpuServerHeartbeat) throws(ProtocolError) {
        self.init(
            sequence: wire.sequence, held: try Read.list(wire.held, "held", limit: ProtocolLimits.grants))
    }

    package var wire: WireGpuServerHeartbeat {
        .with {
            $0.sequence = sequence
            $0.held = held.map(\.wire)
        }
    }
}

extension GrantCommandAnswer: WireMapped {
    package init(wire: WireGrantCommandAnswer) throws(ProtocolError) {
        let outcome: Outcome
        switch wire.outcome {
        case .inForce(let inForce):
            let endpoint = inForce.hasEndpoint ? inForce.endpoint : nil
            outcome = .inForce(endpoint: try Read.optional(endpoint, "in_force.endpoint"))
        case .refusedStale(let seen): outcome = .refusedStale(seen: try Read.required(seen, "refused_stale"))
        case .refusedMemoryFreeBytes(let free):
            outcome = .refusedMemory(free: try Read.memory(free, "refused_memory_free_bytes"))
        case .refusedAttached: outcome = .refusedAttached
        case .failed(let why): outcome = .failed(try Read.text(why, "failed", limit: ProtocolLimits.reasonBytes))
        case nil: throw ProtocolError("outcome", .missing)
        }
        self.init(
            grant: GrantID(rawValue: wire.grant), epoch: try Read.required(wire.hasEpoch ? wire.epoch : nil, "epoch"),
            outcome: outcome)
    }

    package var wire: WireGrantCommandAnswer {
        .with {
            $0.grant = grant.rawValue
            $0.epoch = epoch.wire
            switch outcome {
            case .inForce(let endpoint):
                $0.outcome = .inForce(.with { if let endpoint { $0.endpoint = endpoint.wire } })
            case .refusedStale(let seen): $0.outcome = .refusedStale(seen.wire)
            case .refusedMemory(let free): $0.outcome = .refusedMemoryFreeBytes(free.rawValue)
            case .refusedAttached: $0.outcome = .refusedAttached(WireNothing())
            case .failed(let why): $0.outcome = .failed(why.clipped(to: ProtocolLimits.reasonBytes))
            }
        }
    }
}

extension GrantCommand: WireMapped {
    package init(wire: WireGrantCommand) throws(ProtocolError) {
        self.init(
            grant: GrantID(rawValue: wire.grant), instance: try Read.identifier(wire.instance, "instance"),
            device: try Read.required(wire.hasDevice ? wire.device : nil, "device"),
            epoch: try Read.required(wire.hasEpoch ? wire.epoch : nil, "epoch"),
            goal: try Read.required(wire.goal, "goal"),
            slice: try Read.required(wire.hasSlice ? wire.slice : nil, "slice"),
            ticket: try Read.required(wire.hasTicket ? wire.ticket : nil, "ticket"),
            version: try Read.required(wire.hasVersion ? wire.version : nil, "version"),
            timeToLive: try Read.duration(wire.timeToLiveNs, "time_to_live_ns", least: 1))
    }

    package var wire: WireGrantCommand {
        .with {
            $0.grant = grant.rawValue
            $0.instance = instance.rawValue
            $0.device = device.wire
            $0.epoch = epoch.wire
            $0.goal = goal.wire
            $0.slice = slice.wire
            $0.ticket = ticket.wire
            $0.version = version.wire
            $0.timeToLiveNs = timeToLive.nanoseconds
        }
    }
}

extension GrantCommand.Goal: WireMapped {
    package init(wire: WireGrantCommand.Goal) throws(ProtocolError) {
        switch wire {
        case .warm: self = .warm
        case .reserved: self = .reserved
        case .released: self = .released
        case .taken: self = .taken
        case .unspecified: throw ProtocolError("", .missing)
        case .UNRECOGNIZED(let raw): throw ProtocolError("", .unknownValue(raw))
        }
    }

    package var wire: WireGrantCommand.Goal {
        switch self {
        case .warm: .warm
        case .reserved: .reserved
        case .released: .released
        case .taken: .taken
        }
    }
}
