import FleetModel
import Glibc
import TraceFiles

@testable import ForecastCore

/// Decoders of files.
extension FuzzTarget {
    /// The fields of a forecaster's snapshot: length and checksum are put right before it is read. One that is taken goes on
    /// forecasting.
    static let snapshot = FuzzTarget(name: "snapshot") {
        var forecaster = FleetForecaster()
        let slots = (0..<3).map { index in
            forecaster.admit(
                InstanceDescription(
                    id: InstanceID(unchecked: "i\(index)"), tenant: TenantID(unchecked: "t"),
                    application: ApplicationType(unchecked: "a\(index % 2)")))
        }
        for second in 0..<90 as Range<Int64> {
            for (index, slot) in slots.enumerated() {
                let isBusy = (second / 7 + Int64(index)) % 3 == 0
                forecaster.observe(
                    slot, LoadObservation(second: second, gpuMemory: isBusy ? 1e9 : 0, gpuCompute: isBusy ? 300 : 0))
            }
            _ = forecaster.forecast(slots, madeAt: .seconds(Double(second)))
        }
        return forecaster.snapshot().map { [$0.encoded()] } ?? []
    } run: { bytes in
        guard bytes.count >= FleetSnapshot.headLength + 8 else { return }
        var whole = SnapshotWriter(newest: 0)
        whole.put(Array(bytes.prefix(FleetSnapshot.headLength - 4)))
        whole.put(UInt32(bytes.count - FleetSnapshot.headLength - 8))
        whole.put(Array(bytes.dropFirst(FleetSnapshot.headLength).dropLast(8)))
        var sum = Checksum()
        for byte in whole.bytes { sum.add(byte) }
        whole.put(sum.value)
        guard var taken = try? FleetForecaster(snapshot: whole.bytes) else { return }
        let slot = taken.admit(
            InstanceDescription(
                id: InstanceID(unchecked: "i0"), tenant: TenantID(unchecked: "t"),
                application: ApplicationType(unchecked: "a0")))
        taken.observe(slot, LoadObservation(second: 1_000, gpuMemory: 1e9, gpuCompute: 100))
        for forecast in taken.forecast([slot], madeAt: .zero) {
            precondition(forecast.onsetProbability(within: .short).isFinite, "a probability that is no number")
        }
        _ = taken.snapshot()?.encoded()
    }

    static let telemetryTrace = trace(
        "telemetry-trace", "time_s,instance,application,gpu_memory_bytes,gpu_compute_millishare\n0,a,c,0,0\n1,b,c,5,6\n"
    ) { path in
        guard let rows = try? TelemetryTrace.read(path: path).rows else { return }
        for row in rows { precondition(row.time >= 0 && row.gpuCompute.isFinite, "out of range") }
    }

    static let requestTrace = trace(
        "request-trace", "timestamp_s,context_tokens,generated_tokens,client\n0.5,12,3,32\n"
    ) { _ = try? RequestTrace.read(path: $0) }

    static let clusterNodes = trace("cluster-nodes", "sn,cpu_milli,memory_mib,gpu,model\nn1,64000,262144,2,V100\n") {
        _ = try? ClusterTrace.nodes(path: $0)
    }

    static let clusterPods = trace(
        "cluster-pods", "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\np1,4000,1024,1,500,V100|T4\n"
    ) { _ = try? ClusterTrace.pods(path: $0) }

    /// A reader of a file, which is memory here. It may be gzip.
    private static func trace(
        _ name: String, _ text: String, _ read: @escaping @Sendable (String) -> Void
    ) -> FuzzTarget {
        FuzzTarget(name: name) {
            [Array(text.utf8)]
        } run: { bytes in
            let path = "/dev/shm/presync-fuzz-\(getpid())"
            let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
            precondition(file >= 0, "no file in memory")
            _ = bytes.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
            close(file)
            read(path)
            unlink(path)
        }
    }
}
