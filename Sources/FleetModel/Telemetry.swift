/// What one instance did in one sampling period. Rates are means over the period; absent values were not to be had.
package struct TelemetrySample: Hashable, Sendable, Codable {
    /// The end of the period, on the sampling agent's monotonic clock.
    package var at: MonotonicTime
    /// CPU time used, in thousandths of one core.
    package var cpuMilli: Double?
    /// Host memory held.
    package var memory: Bytes?
    /// Bytes received per second, Presync's own traffic left out.
    package var networkInRate: Double?
    /// Bytes sent per second, Presync's own traffic left out.
    package var networkOutRate: Double?
    /// GPU memory held by the instance's sessions, the greatest in the period. An agent leaves it out: the GPU servers
    /// report what their workers account for, and the manager joins the two.
    package var gpuMemory: Bytes?
    /// GPU compute used over the period; left out by agents, as above.
    package var gpuCompute: MilliShare?
    /// Requests or work items in flight, where an application reports them.
    package var workInFlight: Double?
    /// How long the user has been idle, where watching that is allowed.
    package var userIdle: Duration?

    package init(
        at: MonotonicTime, cpuMilli: Double? = nil, memory: Bytes? = nil, networkInRate: Double? = nil,
        networkOutRate: Double? = nil, gpuMemory: Bytes? = nil, gpuCompute: MilliShare? = nil,
        workInFlight: Double? = nil, userIdle: Duration? = nil
    ) {
        self.at = at
        self.cpuMilli = cpuMilli
        self.memory = memory
        self.networkInRate = networkInRate
        self.networkOutRate = networkOutRate
        self.gpuMemory = gpuMemory
        self.gpuCompute = gpuCompute
        self.workInFlight = workInFlight
        self.userIdle = userIdle
    }
}

/// Where an instance's CPU and memory figures come from, best first.
package enum TelemetrySource: String, Hashable, Sendable, Codable {
    case cgroupV2 = "cgroup-v2"
    case cgroupV1 = "cgroup-v1"
    case processTree = "process-tree"
    case host
    case trace
}

/// The samples of one instance since the last report.
package struct InstanceTelemetry: Hashable, Sendable, Codable {
    package var instance: InstanceID
    /// Changes whenever the instance starts anew: counters and history before it belong to an earlier life.
    package var incarnation: UInt64
    package var source: TelemetrySource
    /// Oldest first; at most ``maximumSamples``.
    package var samples: [TelemetrySample]

    package static let maximumSamples = 64

    package init(
        instance: InstanceID, incarnation: UInt64, source: TelemetrySource, samples: [TelemetrySample]
    ) {
        self.instance = instance
        self.incarnation = incarnation
        self.source = source
        self.samples = samples
    }
}

/// What one instance did in one second, with what a recording has to know of the instance.
package struct InstanceObservation: Hashable, Sendable {
    package var instance: InstanceID
    package var application: ApplicationType
    package var load: LoadObservation

    package init(instance: InstanceID, application: ApplicationType, load: LoadObservation) {
        self.instance = instance
        self.application = application
        self.load = load
    }
}
