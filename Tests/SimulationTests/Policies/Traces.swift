import FleetModel

@testable import Simulation

extension DemandTrace {
    /// Demand of 1 GiB and 100 thousandths in the seconds given, an instance for each list.
    static func busy(_ seconds: [[Int]], length: Int, memory: Int64 = 1 << 30) -> DemandTrace {
        let instances = seconds.indices.map { index in
            InstanceDescription(
                id: InstanceID(unchecked: "i\(index)"), tenant: TenantID(unchecked: "t"),
                application: ApplicationType(unchecked: "chat"))
        }
        let entries = seconds.enumerated().flatMap { index, busy in
            busy.map { second in
                Entry(
                    second: second, instance: index,
                    load: LoadObservation(second: Int64(second), gpuMemory: Double(memory), gpuCompute: 100),
                    offset: 0.5)
            }
        }
        return DemandTrace(name: "test", instances: instances, length: length, entries: entries)
    }

    /// One second of demand every `period` seconds.
    static func periodic(_ instances: Int, every period: Int, length: Int) -> DemandTrace {
        busy((0..<instances).map { first in Array(stride(from: first, to: length, by: period)) }, length: length)
    }
}
