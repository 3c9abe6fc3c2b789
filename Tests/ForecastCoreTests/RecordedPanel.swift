import FleetModel
import ForecastCore
import Foundation
import Testing
import TraceFiles

/// Where the recorded panel S lies, beside the others; nil where there are none.
let recordedPanelPath: String? = {
    guard let folder = ProcessInfo.processInfo.environment["PRESYNC_DATA"] else { return nil }
    let path = folder + "/forecast/panel_S.telemetry.csv.gz"
    return FileManager.default.isReadableFile(atPath: path) ? path : nil
}()

/// The first `seconds` of one in `step` instances.
func readPanel(_ path: String, every step: Int, seconds: Int) throws -> DemandPanel {
    let reader = try TelemetryTraceReader(path: path)
    var rows: [InstanceID: Int] = [:]
    var instances: [InstanceDescription] = []
    var observations: [[LoadObservation]] = []
    while let row = try reader.next(), Int(row.time) < seconds {
        let number = rows[row.instance] ?? rows.count
        rows[row.instance] = number
        guard number % step == 0 else { continue }
        if number / step == instances.count {
            instances.append(
                InstanceDescription(
                    id: row.instance, tenant: TenantID(unchecked: "t"), application: row.application))
            observations.append([])
        }
        observations[number / step].append(row.observation)
    }
    return try #require(DemandPanel(instances: instances, observations: observations))
}
