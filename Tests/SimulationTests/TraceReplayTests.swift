import FleetModel
import Simulation
import Testing

@Suite struct TraceReplayTests {
    /// Instances that work for 5 s every 40 s, and receive something 2 s before each time.
    static func periodicInstances(_ count: Int, seconds: Int64 = 600) -> [ReplayInstance] {
        (0..<count).map { index in
            let description = InstanceDescription(
                id: InstanceID(unchecked: "i\(index)"), tenant: TenantID(unchecked: "t"),
                application: ApplicationType(unchecked: "chat"))
            let loads = (0..<seconds).map { second in
                let place = (second + Int64(index) * 10) % 40
                let isBusy = place >= 35
                return LoadObservation(
                    second: second, gpuMemory: isBusy ? 256 * 1_048_576 : 0, gpuCompute: isBusy ? 200 : 0,
                    cpuMilli: place >= 33 ? 800 : 5, networkIn: place >= 33 ? 500_000 : 100)
            }
            return ReplayInstance(description: description, loads: loads)
        }
    }

    static let replay = TraceReplay(instances: periodicInstances(3), devices: 1, deviceMemory: .gibibytes(4))

    @Test(arguments: ReplayPolicy.allCases)
    func everyStartOfTheTraceIsCountedAndServed(_ policy: ReplayPolicy) {
        let report = Self.replay.run(policy)
        #expect(report.starts == 45)
        #expect(report.unserved == 0)
        #expect(report.violation == nil, "\(report.violation?.detail ?? "")")
    }

    @Test func preparingAheadFindsMoreReserved() {
        let (ahead, reactive) = (Self.replay.run(.presync), Self.replay.run(.reactive))
        #expect(ahead.foundReserved > reactive.foundReserved)
        #expect(ahead.totals.reservedSeconds >= reactive.totals.reservedSeconds)
    }

    @Test func equalReplaysAreEqual() {
        #expect(Self.replay.run(.presync).hash == Self.replay.run(.presync).hash)
    }

    @Test func anEmptyTraceHasNoStarts() {
        let report = TraceReplay(instances: [], devices: 1, deviceMemory: .gibibytes(1)).run(.presync)
        #expect(report.starts == 0)
        #expect(report.violation == nil)
    }
}
