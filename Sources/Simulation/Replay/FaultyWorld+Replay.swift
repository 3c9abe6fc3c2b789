import ControlLoop
import Determinism
import FleetModel

/// The world without faults: demand comes from a trace.
extension FaultyWorld {
    /// Runs over the whole of a trace and a little beyond.
    mutating func replay(_ demand: ReplayDemand) -> FaultyRun {
        replayed = demand
        phase = .replaying
        beginFleet()
        let length = demand.seconds.upperBound - demand.seconds.lowerBound
        end = ReplayDemand.begins + .seconds(length + 10)
        maximumEvents = .max
        queue.insert(.replaySecond(demand.seconds.lowerBound), at: ReplayDemand.begins)
        return run()
    }

    mutating func replaySecond(_ second: Int64) {
        guard let instances = replayed?.instances, let last = replayed?.seconds.upperBound else { return }
        for instance in instances {
            switch replayed?.advance(instance, to: second) {
            case .starts:
                // The record comes first: the agent may serve at once.
                replayed?.started(programs.count, of: instance, at: now)
                _ = ask(0, instance, isProbe: false)
            case .ends(let program):
                programEnds(program)
            case .some(.none), nil:
                break
            }
        }
        if second <= last + TraceReplay.idleSeconds { schedule(.replaySecond(second + 1), after: .seconds(1)) }
    }

    func replayedTelemetry(_ index: Int, at local: MonotonicTime) -> [InstanceTelemetry] {
        agents[index].instances.compactMap { instance in
            guard let load = replayed?.load(instance.id) else { return nil }
            let sample = TelemetrySample(
                at: local, cpuMilli: load.cpuMilli, memory: load.hostMemory.map { Bytes(Int64($0)) },
                networkInRate: load.networkIn, networkOutRate: load.networkOut, workInFlight: load.workInFlight)
            return InstanceTelemetry(instance: instance.id, incarnation: 1, source: .trace, samples: [sample])
        }
    }

    /// What a worker's program uses: what the trace says, up to its slice's memory.
    mutating func replayedStatus(_ worker: Int) -> WorkerStatus {
        var status = workers[worker].takeStatus(at: now)
        guard status.attached, let load = replayed?.load(workers[worker].command.instance) else {
            status.peakMemory = .zero
            status.busy = .zero
            return status
        }
        let memory = Bytes(Int64(load.gpuMemory))
        let limit = workers[worker].limit.memory
        if case .program(let program) = workers[worker].connection { replayed?.used(memory, of: limit, by: program) }
        status.peakMemory = min(memory, limit)
        // The status's own figure is a third of the time since the last one.
        status.busy = status.busy * 3 / 1_000 * Int(min(max(load.gpuCompute, 0), 1_000))
        return status
    }
}
