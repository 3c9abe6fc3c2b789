import AllocationCore
import ControlLoop
import Determinism
package import FleetModel

/// What one instance did, second by second, as a trace recorded it.
package struct ReplayInstance: Sendable {
    package var description: InstanceDescription
    /// Ascending by second; a second that is missing is one without demand.
    package var loads: [LoadObservation]

    package init(description: InstanceDescription, loads: [LoadObservation]) {
        self.description = description
        self.loads = loads
    }
}

/// When GPUs are prepared in a replay.
package enum ReplayPolicy: String, CaseIterable, Sendable {
    /// Ahead of demand, by forecast.
    case presync
    /// When a program asks.
    case reactive
}

/// Runs the shipped machines over recorded telemetry, in a world without faults: one manager, one agent for all
/// instances, one GPU server.
///
/// A program of an instance starts in the second in which its GPU demand begins, and ends when there has been none for
/// ``idleSeconds``. The checkers of the faulty world watch here, too.
package struct TraceReplay: Sendable {
    package var instances: [ReplayInstance]
    package var devices: Int
    package var deviceMemory: Bytes
    package var seed: UInt64

    /// How long an instance without demand keeps its program.
    package static let idleSeconds: Int64 = 2

    package init(instances: [ReplayInstance], devices: Int, deviceMemory: Bytes, seed: UInt64 = 1) {
        self.instances = instances
        self.devices = devices
        self.deviceMemory = deviceMemory
        self.seed = seed
    }

    /// Replays the whole trace under one policy. O(seconds × instances)
    package func run(_ policy: ReplayPolicy) -> ReplayReport {
        var configuration = ManagerMachineConfiguration(softwareVersion: "replayed")
        configuration.allocation.mode = policy == .presync ? .presync : .reactive
        let server = GPUServerID(unchecked: "server")
        let fleet = SimulatedFleet(
            servers: [
                SimulatedFleet.Server(
                    id: server,
                    devices: (0..<devices).map {
                        SimulatedFleet.device(DeviceID(server: server, index: $0), deviceMemory)
                    })
            ],
            agents: [SimulatedFleet.Agent(id: AgentID(unchecked: "agent"), instances: instances.map(\.description))])
        var world = FaultyWorld(fleet: fleet, seed: seed, configuration: configuration)
        let run = world.replay(ReplayDemand(instances))
        return ReplayReport(policy: policy, world: world, run: run)
    }
}

/// What a replay came to. Every start of the trace is counted.
package struct ReplayReport: Sendable {
    package let policy: ReplayPolicy
    /// Programs that asked for their GPU.
    package let starts: Int
    /// Of these, how many found it reserved.
    package let foundReserved: Int
    /// Of these, how many found a warm session without memory.
    package let foundWarm: Int
    /// Of these, how many were refused or ended before they were served.
    package let unserved: Int
    /// Of those served, how many wanted more memory at some time than their slice.
    package let shortOfMemory: Int
    /// From the request to the hand-over, ascending; those that found it reserved, and the rest.
    package let readyWaits: [Duration]
    package let otherWaits: [Duration]
    /// The manager's own accounts.
    package let totals: FleetTotals
    package let accuracy: AccuracyOverview
    /// Nil where no rule was broken.
    package let violation: Violation?
    package let hash: TraceHash

    init(policy: ReplayPolicy, world: FaultyWorld, run: FaultyRun) {
        let records = world.replayed?.records ?? []
        let manager = world.managers.last?.machine
        self.policy = policy
        starts = records.count
        foundReserved = records.count { $0.found == .reserved }
        foundWarm = records.count { $0.found == .warm }
        unserved = records.count { $0.served == nil }
        shortOfMemory = records.count { $0.isShortOfMemory }
        readyWaits = records.compactMap { $0.found == .reserved ? $0.wait : nil }.sorted()
        otherWaits = records.compactMap { $0.found == .reserved ? nil : $0.wait }.sorted()
        totals = manager?.totals ?? FleetTotals()
        accuracy = manager?.overview(at: world.now).accuracy ?? AccuracyOverview()
        violation = run.violation
        hash = run.hash
    }
}
