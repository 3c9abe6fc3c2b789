package import FleetModel
import SwiftProtobuf

extension FleetOverview: WireMapped {
    package init(wire: WireFleetOverview) throws(ProtocolError) {
        self.init(
            at: try Read.moment(wire.atNs, "at_ns"), term: wire.term,
            instances: try Read.list(wire.instances, "instances", limit: .max),
            devices: try Read.list(wire.devices, "devices", limit: .max),
            totals: try Read.required(wire.hasTotals ? wire.totals : nil, "totals"),
            violations: try Self.violations(wire.violations),
            accuracy: try Read.required(wire.hasAccuracy ? wire.accuracy : nil, "accuracy"),
            recovery: try Read.optional(wire.hasRecovery ? wire.recovery : nil, "recovery") ?? RecoveryOverview(),
            ladder: try Read.optional(wire.hasLadder ? wire.ladder : nil, "ladder") ?? LadderOverview(),
            mode: try ManagerMode.optional(wire.mode, "mode") ?? .active,
            audit: try Read.optional(wire.hasAudit ? wire.audit : nil, "audit") ?? FleetAudit(),
            waiting: try Read.list(wire.waiting, "waiting", limit: WaitingOverview.limit),
            uptime: try Read.duration(wire.uptimeNs, "uptime_ns"), startedAtUnixMs: wire.startedAtUnixMs)
    }

    private static func violations(_ wire: [String: UInt64]) throws(ProtocolError) -> [SafetyRule: UInt64] {
        var violations: [SafetyRule: UInt64] = [:]
        for (name, count) in wire {
            guard let rule = SafetyRule(rawValue: name) else { throw ProtocolError("violations", .malformed) }
            violations[rule] = count
        }
        return violations
    }

    package var wire: WireFleetOverview {
        .with {
            $0.atNs = at.rawValue
            $0.term = term
            $0.instances = instances.map(\.wire)
            $0.devices = devices.map(\.wire)
            $0.totals = totals.wire
            $0.violations = Dictionary(uniqueKeysWithValues: violations.map { ($0.key.rawValue, $0.value) })
            $0.accuracy = accuracy.wire
            $0.recovery = recovery.wire
            $0.ladder = ladder.wire
            $0.mode = ManagerMode?.some(mode).wire
            $0.audit = audit.wire
            $0.waiting = waiting.prefix(WaitingOverview.limit).map(\.wire)
            $0.uptimeNs = min(max(uptime.nanoseconds, 0), ProtocolLimits.durationNanoseconds)
            $0.startedAtUnixMs = startedAtUnixMs
        }
    }
}

extension InstanceOverview: WireMapped {
    package init(wire: WireInstanceOverview) throws(ProtocolError) {
        let shortfall = try Read.text(wire.shortfall, "shortfall", limit: ProtocolLimits.detailBytes)
        self.init(
            description: try Read.required(wire.hasDescription_p ? wire.description_p : nil, "description"),
            agent: try Read.identifier(wire.agent, "agent"),
            readiness: try Read.required(wire.readiness, "readiness"),
            slice: try Read.required(wire.hasSlice ? wire.slice : nil, "slice"),
            device: try Read.optional(wire.hasDevice ? wire.device : nil, "device"),
            latest: try Read.optional(wire.hasLatest ? wire.latest : nil, "latest"),
            source: try Read.required(wire.source, "source"),
            telemetryAge: try Read.duration(wire.telemetryAgeNs, "telemetry_age_ns"),
            forecast: try Read.optional(wire.hasForecast ? wire.forecast : nil, "forecast"),
            trust: try Read.optional(wire.hasTrust ? wire.trust : nil, "trust"),
            shortfall: wire.hasShortfall ? shortfall : nil,
            activity: try Read.optional(wire.hasActivity ? wire.activity : nil, "activity"))
    }

    package var wire: WireInstanceOverview {
        .with {
            $0.description_p = description.wire
            $0.agent = agent.rawValue
            $0.readiness = readiness.wire
            $0.slice = slice.wire
            if let device { $0.device = device.wire }
            if let latest { $0.latest = latest.wire }
            $0.source = source.wire
            $0.telemetryAgeNs = min(max(telemetryAge.nanoseconds, 0), ProtocolLimits.durationNanoseconds)
            if let forecast { $0.forecast = forecast.wire }
            if let trust { $0.trust = trust.wire }
            if let shortfall { $0.shortfall = shortfall.clipped(to: ProtocolLimits.detailBytes) }
            if let activity { $0.activity = activity.wire }
        }
    }
}

extension LoadObservation: WireMapped {
    package init(wire: WireLoadObservation) throws(ProtocolError) {
        self.init(
            second: wire.second, gpuMemory: try Read.rate(wire.gpuMemoryBytes, "gpu_memory_bytes"),
            gpuCompute: try Read.rate(wire.gpuComputeMilli, "gpu_compute_milli"),
            cpuMilli: wire.hasCpuMilli ? try Read.rate(wire.cpuMilli, "cpu_milli") : nil,
            hostMemory: wire.hasHostMemoryBytes ? try Read.rate(wire.hostMemoryBytes, "host_memory_bytes") : nil,
            networkIn: wire.hasNetworkInRate ? try Read.rate(wire.networkInRate, "network_in_rate") : nil,
            networkOut: wire.hasNetworkOutRate ? try Read.rate(wire.networkOutRate, "network_out_rate") : nil,
            workInFlight: wire.hasWorkInFlight ? try Read.rate(wire.workInFlight, "work_in_flight") : nil,
            userIdleSeconds: wire.hasUserIdleSeconds ? try Read.rate(wire.userIdleSeconds, "user_idle_seconds") : nil)
    }

    package var wire: WireLoadObservation {
        .with {
            $0.second = second
            $0.gpuMemoryBytes = gpuMemory
            $0.gpuComputeMilli = gpuCompute
            if let cpuMilli { $0.cpuMilli = cpuMilli }
            if let hostMemory { $0.hostMemoryBytes = hostMemory }
            if let networkIn { $0.networkInRate = networkIn }
            if let networkOut { $0.networkOutRate = networkOut }
            if let workInFlight { $0.workInFlight = workInFlight }
            if let userIdleSeconds { $0.userIdleSeconds = userIdleSeconds }
        }
    }
}

extension InstanceObservation: WireMapped {
    package init(wire: WireInstanceObservation) throws(ProtocolError) {
        self.init(
            instance: try Read.identifier(wire.instance, "instance"),
            application: try Read.identifier(wire.application, "application"),
            load: try Read.required(wire.hasLoad ? wire.load : nil, "load"))
    }

    package var wire: WireInstanceObservation {
        .with {
            $0.instance = instance.rawValue
            $0.application = application.rawValue
            $0.load = load.wire
        }
    }
}

extension DeviceOverview: WireMapped {
    package init(wire: WireDeviceOverview) throws(ProtocolError) {
        self.init(
            description: try Read.required(wire.hasDescription_p ? wire.description_p : nil, "description"),
            available: wire.available,
            reservedMemory: try Read.memory(wire.reservedMemoryBytes, "reserved_memory_bytes"),
            reservedCompute: MilliShare(wire.reservedComputeMilli),
            usedMemory: try Read.memory(wire.usedMemoryBytes, "used_memory_bytes"),
            usedCompute: MilliShare(wire.usedComputeMilli), warmSessions: Int(wire.warmSessions),
            reservedSessions: Int(wire.reservedSessions), attachedSessions: Int(wire.attachedSessions),
            promisableCompute: wire.hasPromisableComputeMilli
                ? try Read.share(wire.promisableComputeMilli, "promisable_compute_milli") : .wholeDevice)
    }

    package var wire: WireDeviceOverview {
        .with {
            $0.description_p = description.wire
            $0.available = available
            $0.reservedMemoryBytes = reservedMemory.rawValue
            $0.reservedComputeMilli = reservedCompute.rawValue
            $0.usedMemoryBytes = usedMemory.rawValue
            $0.usedComputeMilli = usedCompute.rawValue
            $0.warmSessions = UInt32(clamping: warmSessions)
            $0.reservedSessions = UInt32(clamping: reservedSessions)
            $0.attachedSessions = UInt32(clamping: attachedSessions)
            $0.promisableComputeMilli = promisableCompute.rawValue
        }
    }
}

extension FleetTotals: WireMapped {
    package init(wire: WireFleetTotals) throws(ProtocolError) {
        self.init()
        requests = wire.requests
        requestsFoundReserved = wire.requestsFoundReserved
        requestsFoundWarm = wire.requestsFoundWarm
        requestsRefused = wire.requestsRefused
        reservedSeconds = try Read.rate(wire.reservedSeconds, "reserved_seconds")
        reservedIdleSeconds = try Read.rate(wire.reservedIdleSeconds, "reserved_idle_seconds")
        usedSeconds = try Read.rate(wire.usedSeconds, "used_seconds")
        contention = wire.contention
        reclaimed = wire.reclaimed
        grants = wire.grants
        rehearsedSteps = wire.rehearsedSteps
        rehearsedFoundReserved = wire.rehearsedFoundReserved
        rehearsedFoundWarm = wire.rehearsedFoundWarm
        rehearsedIdleSeconds = try Read.rate(wire.rehearsedIdleSeconds, "rehearsed_idle_seconds")
        taken = wire.taken
    }

    package var wire: WireFleetTotals {
        .with {
            $0.requests = requests
            $0.requestsFoundReserved = requestsFoundReserved
            $0.requestsFoundWarm = requestsFoundWarm
            $0.requestsRefused = requestsRefused
            $0.reservedSeconds = reservedSeconds
            $0.reservedIdleSeconds = reservedIdleSeconds
            $0.usedSeconds = usedSeconds
            $0.contention = contention
            $0.reclaimed = reclaimed
            $0.grants = grants
            $0.rehearsedSteps = rehearsedSteps
            $0.rehearsedFoundReserved = rehearsedFoundReserved
            $0.rehearsedFoundWarm = rehearsedFoundWarm
            $0.rehearsedIdleSeconds = rehearsedIdleSeconds
            $0.taken = taken
        }
    }
}
