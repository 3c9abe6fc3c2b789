import ControlLoop
import FleetModel
import Observability

/// A GPU server's own metrics.
struct GPUServerMetrics: Sendable {
    private let sessions: MetricGauge
    private let reservedMemory: MetricGauge
    private let usedMemory: MetricGauge
    private let deviceMemory: MetricGauge
    private let queueDepth: MetricGauge
    private let commands: MetricCounter
    private let bytes: MetricCounter
    private let busySeconds: MetricCounter
    private let answers: MetricCounter
    private let ended: MetricCounter
    private let persistFailures: MetricCounter
    private let linkOpen: MetricGauge
    private let cacheBytes: MetricGauge
    private let removedFromCaches: MetricCounter

    init(_ registry: MetricsRegistry = MetricsRegistry()) {
        sessions = registry.gauge("presync_gpu_server_sessions", help: "Sessions by device and level.")
        reservedMemory = registry.gauge(
            "presync_gpu_server_reserved_memory_bytes", help: "Device memory set aside for sessions.")
        usedMemory = registry.gauge(
            "presync_gpu_server_used_memory_bytes", help: "Device memory that sessions' buffers take.")
        deviceMemory = registry.gauge(
            "presync_gpu_server_device_memory_bytes", help: "Device memory that may be granted.")
        queueDepth = registry.gauge(
            "presync_gpu_server_queue_depth",
            help: "Commands that a device had been given and that had not ended: the greatest of a session.")
        commands = registry.counter(
            "presync_gpu_server_device_commands_total", help: "Commands that devices were given by sessions.")
        bytes = registry.counter(
            "presync_gpu_server_session_bytes_total", help: "Bytes over sessions' connections, by direction.")
        busySeconds = registry.counter(
            "presync_gpu_server_device_busy_seconds_total", help: "Device time of sessions' commands.")
        answers = registry.counter(
            "presync_gpu_server_commands_answered_total", help: "Commands of the manager by what became of them.")
        ended = registry.counter(
            "presync_gpu_server_grants_ended_total",
            help: "Grants that ended without a command: why, how the worker ended, and whether a program used it.")
        persistFailures = registry.counter(
            "presync_gpu_server_epoch_write_failures_total", help: "Epochs that could not be made durable at once.")
        cacheBytes = registry.gauge(
            "presync_gpu_server_kernel_cache_bytes", help: "Disk that instances' caches of compiled kernels take.")
        removedFromCaches = registry.counter(
            "presync_gpu_server_kernel_cache_removals_total",
            help: "What was removed from caches of compiled kernels: whole caches, and single programs or drafts.")
        linkOpen = registry.gauge(
            "presync_gpu_server_link_open", help: "1 while the stream to the manager is open.")
    }

    func holding(_ held: [HeldGrant], on devices: [DeviceDescription]) {
        var levels: [(MetricLabels, Double)] = []
        var reserved: [(MetricLabels, Double)] = []
        var used: [(MetricLabels, Double)] = []
        for device in devices {
            let here = held.filter { $0.device == device.id }
            let label = ("device", device.id.description)
            for level in [Readiness.warm, .reserved, .attached] {
                let count = here.count { $0.level == level }
                levels.append((MetricLabels([label, ("level", level.description)]), Double(count)))
            }
            reserved.append((MetricLabels([label]), Double(here.reduce(0) { $0 + $1.slice.memory.rawValue })))
            used.append((MetricLabels([label]), Double(here.reduce(0) { $0 + $1.usedMemory.rawValue })))
        }
        queueDepth.replaceAll(
            devices.map { device in
                let depth = held.lazy.filter { $0.device == device.id }.map(\.activity.queueDepth).max() ?? 0
                return (MetricLabels([("device", device.id.description)]), Double(depth))
            })
        sessions.replaceAll(levels)
        reservedMemory.replaceAll(reserved)
        usedMemory.replaceAll(used)
        deviceMemory.replaceAll(
            devices.map { (MetricLabels([("device", $0.id.description)]), Double($0.memory.rawValue)) })
    }

    /// What the caches of compiled kernels came to.
    func pruned(_ pruning: KernelCaches.Pruning) {
        cacheBytes.set(Double(pruning.remaining.rawValue))
        removedFromCaches.add(Double(pruning.removedFolders), ["what": "cache"])
        removedFromCaches.add(Double(pruning.removedPrograms), ["what": "program"])
    }

    /// Takes in what a session used; by device, of which there are few, not by session.
    func used(_ status: WorkerStatus, on device: DeviceID) {
        let name = device.description
        commands.add(Double(status.usage.commands), ["device": name])
        bytes.add(Double(status.usage.received.rawValue), ["device": name, "direction": "received"])
        bytes.add(Double(status.usage.sent.rawValue), ["device": name, "direction": "sent"])
        busySeconds.add(status.busy.inSeconds, ["device": name])
    }

    func sent(_ message: GPUServerMessage) {
        switch message {
        case .commandAnswered(let answer): answers.add(1, ["outcome": Self.name(answer.outcome)])
        case .grantEnded(let end):
            ended.add(
                1,
                [
                    "reason": end.reason.rawValue, "worker": end.worker?.name ?? "unknown",
                    "in_use": end.wasInUse ? "yes" : "no",
                ])
        case .hello, .heartbeat, .interfaceInstalled, .interfaceUnavailable, .interfaceMeasured: break
        }
    }

    func persistFailed() { persistFailures.add() }
    func link(isOpen: Bool) { linkOpen.set(isOpen ? 1 : 0) }

    private static func name(_ outcome: GrantCommandAnswer.Outcome) -> String {
        switch outcome {
        case .inForce: "in-force"
        case .refusedStale: "refused-stale"
        case .refusedMemory: "refused-memory"
        case .refusedAttached: "refused-attached"
        case .failed: "failed"
        }
    }
}
