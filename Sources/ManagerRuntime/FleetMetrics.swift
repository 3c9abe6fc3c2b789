import FleetModel
import Observability

/// The fleet's figures, taken from an overview.
struct FleetMetrics: Sendable {
    private let instances: MetricGauge
    private let memory: MetricGauge
    private let compute: MetricGauge
    private let available: MetricGauge
    private let sessions: MetricGauge
    private let term: MetricGauge
    private let inputs: MetricGauge
    private let requests: MetricCounter
    private let seconds: MetricCounter
    private let contention: MetricCounter
    private let reclaimed: MetricCounter
    private let grants: MetricCounter
    private let violations: MetricCounter
    private let operators: OperatorMetrics
    private let readiness: ReadinessMetrics
    private let accuracy: ForecastMetrics

    init(registry: MetricsRegistry) {
        instances = registry.gauge("presync_instances", help: "Instances by how far they are prepared.")
        memory = registry.gauge(
            "presync_device_memory_bytes", help: "Memory of a device by what it is: total, reserved, used.")
        compute = registry.gauge(
            "presync_device_compute_ratio",
            help: "Compute of a device: what is promised at most, reserved and used; 1 for all of it.")
        available = registry.gauge("presync_device_available", help: "1 if the device's GPU server is connected.")
        sessions = registry.gauge("presync_device_sessions", help: "Sessions on a device by level.")
        term = registry.gauge("presync_manager_term", help: "The manager's term.")
        inputs = registry.gauge("presync_manager_inputs_waiting", help: "Inputs that wait for the manager's loop.")
        requests = registry.counter("presync_requests_total", help: "Programs that asked, by what they found.")
        seconds = registry.counter("presync_slice_seconds_total", help: "Slice time by use; idle is part of reserved.")
        contention = registry.counter("presync_contention_total", help: "Raises wanted while resources were short.")
        reclaimed = registry.counter("presync_reclaimed_total", help: "Grants taken back.")
        grants = registry.counter("presync_grants_total", help: "Grants given.")
        violations = registry.counter(
            "presync_safety_violations_total", help: "What may never happen and was seen to happen: always 0.")
        accuracy = ForecastMetrics(registry: registry)
        operators = OperatorMetrics(registry: registry)
        readiness = ReadinessMetrics(registry: registry)
    }

    /// O(instances + devices)
    func set(_ fleet: FleetOverview, inputsWaiting: Int) {
        term.set(Double(fleet.term))
        inputs.set(Double(inputsWaiting))
        var counts = [Double](repeating: 0, count: Readiness.allCases.count)
        for instance in fleet.instances { counts[Int(instance.readiness.rawValue)] += 1 }
        for level in Readiness.allCases {
            instances.set(counts[Int(level.rawValue)], ["readiness": level.description])
        }
        set(fleet.devices)
        set(fleet.totals)
        for rule in SafetyRule.allCases {
            violations.raise(to: Double(fleet.violations[rule] ?? 0), ["rule": rule.rawValue])
        }
        accuracy.set(fleet.accuracy)
        operators.set(fleet)
        readiness.set(fleet)
    }

    private func set(_ devices: [DeviceOverview]) {
        func series(_ values: (DeviceOverview) -> [(String, Double)], label: String) -> [(MetricLabels, Double)] {
            devices.flatMap { device in
                values(device).map { (["device": device.description.id.description, label: $0.0], $0.1) }
            }
        }
        memory.replaceAll(
            series(
                {
                    [
                        ("total", Double($0.description.memory.rawValue)),
                        ("reserved", Double($0.reservedMemory.rawValue)), ("used", Double($0.usedMemory.rawValue)),
                    ]
                }, label: "kind"))
        compute.replaceAll(
            series(
                {
                    [
                        ("promisable", Double($0.promisableCompute.rawValue) / 1_000),
                        ("reserved", Double($0.reservedCompute.rawValue) / 1_000),
                        ("used", Double($0.usedCompute.rawValue) / 1_000),
                    ]
                }, label: "kind"))
        sessions.replaceAll(
            series(
                {
                    [
                        ("warm", Double($0.warmSessions)), ("reserved", Double($0.reservedSessions)),
                        ("attached", Double($0.attachedSessions)),
                    ]
                }, label: "level"))
        available.replaceAll(
            devices.map { (["device": $0.description.id.description], $0.available ? 1 : 0) })
    }

    private func set(_ totals: FleetTotals) {
        let foundOther =
            totals.requests
            - min(
                totals.requests, totals.requestsFoundReserved + totals.requestsFoundWarm + totals.requestsRefused)
        requests.raise(to: Double(totals.requestsFoundReserved), ["found": "reserved"])
        requests.raise(to: Double(totals.requestsFoundWarm), ["found": "warm"])
        requests.raise(to: Double(totals.requestsRefused), ["found": "refused"])
        requests.raise(to: Double(foundOther), ["found": "unprepared"])
        seconds.raise(to: totals.reservedSeconds, ["use": "reserved"])
        seconds.raise(to: totals.reservedIdleSeconds, ["use": "idle"])
        seconds.raise(to: totals.usedSeconds, ["use": "attached"])
        contention.raise(to: Double(totals.contention))
        reclaimed.raise(to: Double(totals.reclaimed))
        grants.raise(to: Double(totals.grants))
    }
}
