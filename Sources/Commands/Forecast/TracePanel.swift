import FleetModel
import ForecastCore
import TraceFiles

/// A telemetry trace as the panel on which forecasters are judged and trained.
enum TracePanel {
    /// Instance-seconds that are held in memory: about 100 bytes each.
    private static let greatestSize = 40_000_000

    /// Reads a trace; seconds of an instance without a row are seconds without demand.
    /// - Throws: ``CommandFailure`` when the file cannot be read, is empty, or is too large to be held.
    static func read(_ path: String) throws(CommandFailure) -> DemandPanel {
        let rows: [TelemetryTraceRow]
        do { rows = try TelemetryTrace.read(path: path).rows } catch {
            throw CommandFailure(.noInput, "\(error)", advice: "name a telemetry trace: see docs/traces.md")
        }
        guard let first = rows.first.map({ Int64($0.time) }), let last = rows.last.map({ Int64($0.time) }) else {
            throw CommandFailure(.noInput, "\(path) has no rows", advice: "record one with 'presync record'")
        }
        var places: [InstanceID: Int] = [:]
        var instances: [InstanceDescription] = []
        for row in rows where places[row.instance] == nil {
            places[row.instance] = instances.count
            instances.append(
                InstanceDescription(
                    id: row.instance, tenant: TenantID(unchecked: "trace"), application: row.application))
        }
        let seconds = Int(last - first) + 1
        guard seconds <= Self.greatestSize / instances.count else {
            throw CommandFailure(
                .noInput, "\(path) has \(instances.count) instances over \(seconds) s, too much to hold",
                advice: "cut it to \(Self.greatestSize) instance-seconds")
        }
        let idle = (0..<seconds).map { LoadObservation(second: Int64($0), gpuMemory: 0, gpuCompute: 0) }
        var observations = [[LoadObservation]](repeating: idle, count: instances.count)
        for row in rows {
            guard let place = places[row.instance] else { continue }
            var observation = row.observation
            observation.second = Int64(row.time) - first
            observations[place][Int(observation.second)] = observation
        }
        guard let panel = DemandPanel(instances: instances, observations: observations) else {
            throw CommandFailure(.software, "the trace does not make a panel")
        }
        return panel
    }
}
