package import FleetModel
import SwiftProtobuf

extension TelemetrySource: WireMapped {
    package init(wire: WireTelemetrySource) throws(ProtocolError) {
        switch wire {
        case .cgroupV2: self = .cgroupV2
        case .cgroupV1: self = .cgroupV1
        case .processTree: self = .processTree
        case .host: self = .host
        case .trace: self = .trace
        case .unspecified: throw ProtocolError("", .missing)
        case .UNRECOGNIZED(let raw): throw ProtocolError("", .unknownValue(raw))
        }
    }

    package var wire: WireTelemetrySource {
        switch self {
        case .cgroupV2: .cgroupV2
        case .cgroupV1: .cgroupV1
        case .processTree: .processTree
        case .host: .host
        case .trace: .trace
        }
    }
}

extension TelemetrySample: WireMapped {
    package init(wire: WireTelemetrySample) throws(ProtocolError) {
        self.init(
            at: try Read.moment(wire.atNs, "at_ns"),
            cpuMilli: wire.hasCpuMilli ? try Read.rate(wire.cpuMilli, "cpu_milli") : nil,
            memory: wire.hasMemoryBytes ? try Read.memory(wire.memoryBytes, "memory_bytes") : nil,
            networkInRate: wire.hasNetworkInRate ? try Read.rate(wire.networkInRate, "network_in_rate") : nil,
            networkOutRate: wire.hasNetworkOutRate ? try Read.rate(wire.networkOutRate, "network_out_rate") : nil,
            gpuMemory: wire.hasGpuMemoryBytes ? try Read.memory(wire.gpuMemoryBytes, "gpu_memory_bytes") : nil,
            gpuCompute: wire.hasGpuComputeMilli ? try Read.share(wire.gpuComputeMilli, "gpu_compute_milli") : nil,
            workInFlight: wire.hasWorkInFlight ? try Read.rate(wire.workInFlight, "work_in_flight") : nil,
            userIdle: wire.hasUserIdleNs ? try Read.duration(wire.userIdleNs, "user_idle_ns") : nil)
    }

    package var wire: WireTelemetrySample {
        .with {
            $0.atNs = at.rawValue
            if let cpuMilli { $0.cpuMilli = cpuMilli }
            if let memory { $0.memoryBytes = memory.rawValue }
            if let networkInRate { $0.networkInRate = networkInRate }
            if let networkOutRate { $0.networkOutRate = networkOutRate }
            if let gpuMemory { $0.gpuMemoryBytes = gpuMemory.rawValue }
            if let gpuCompute { $0.gpuComputeMilli = gpuCompute.rawValue }
            if let workInFlight { $0.workInFlight = workInFlight }
            if let userIdle { $0.userIdleNs = userIdle.nanoseconds }
        }
    }
}

extension InstanceTelemetry: WireMapped {
    package init(wire: WireInstanceTelemetry) throws(ProtocolError) {
        self.init(
            instance: try Read.identifier(wire.instance, "instance"), incarnation: wire.incarnation,
            source: try Read.required(wire.source, "source"),
            samples: try Read.list(wire.samples, "samples", limit: InstanceTelemetry.maximumSamples))
    }

    package var wire: WireInstanceTelemetry {
        .with {
            $0.instance = instance.rawValue
            $0.incarnation = incarnation
            $0.source = source.wire
            $0.samples = samples.suffix(InstanceTelemetry.maximumSamples).map(\.wire)
        }
    }
}

extension PredictionReport: WireMapped {
    package init(wire: WirePredictionReport) throws(ProtocolError) {
        self.init(
            sequence: wire.sequence, sentAt: try Read.moment(wire.sentAtNs, "sent_at_ns"),
            telemetry: try Read.list(wire.telemetry, "telemetry", limit: ProtocolLimits.instances),
            heartbeat: try Read.optional(wire.hasHeartbeat ? wire.heartbeat : nil, "heartbeat"))
    }

    package var wire: WirePredictionReport {
        .with {
            $0.sequence = sequence
            $0.sentAtNs = sentAt.rawValue
            $0.telemetry = telemetry.map(\.wire)
            if let heartbeat { $0.heartbeat = heartbeat.wire }
        }
    }
}
