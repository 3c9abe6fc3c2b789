import FleetModel
import Observability

/// Measures all instances once a period on a thread of its own, so that neither a program nor the manager waits for it.
final class TelemetryThread: Sendable {
    private enum Command: Sendable {
        case setPeriod(Duration)
        case stop
    }

    /// What one look at all instances gave and cost.
    struct Round: Sendable {
        var samples: [InstanceTelemetry]
        var recognized: [RecognizedApplication]
        var cost: Duration
        var unattributedBytes: (received: UInt64, sent: UInt64)
    }

    private let commands: LoopInbox<Command>
    private let thread: DedicatedThread

    /// Begins to measure; nil when the system has no thread or descriptor left.
    init?(
        configuration: TelemetryConfiguration, requests: TelemetryRequests, period: Duration,
        onRound: @escaping @Sendable (Round) -> Void
    ) {
        guard let commands = LoopInbox<Command>(limit: 64) else { return nil }
        self.commands = commands
        let thread = DedicatedThread(name: "presync-sampler") {
            Self.run(configuration, requests, commands, period: period, onRound)
        }
        guard let thread else { return nil }
        self.thread = thread
    }

    func setPeriod(_ period: Duration) { commands.post(.setPeriod(period)) }

    /// Ends the measuring and waits until it has ended. To be called once.
    func stop() {
        commands.post(.stop)
        thread.join()
    }

    private static func run(
        _ configuration: TelemetryConfiguration, _ requests: TelemetryRequests, _ commands: LoopInbox<Command>,
        period: Duration, _ onRound: (Round) -> Void
    ) {
        let poller = Poller()
        _ = poller.add(commands.descriptor, .read)
        var collector = TelemetryCollector(configuration: configuration, requests: requests)
        var schedule = LookSchedule(
            period: period, looksPerPeriod: configuration.socketLooksPerPeriod, start: MonotonicClock.now())
        while true {
            if !poller.wait(atMost: schedule.next - MonotonicClock.now()).isEmpty {
                for command in commands.take() {
                    switch command {
                    case .setPeriod(let period): schedule.setPeriod(period)
                    case .stop: return
                    }
                }
            }
            let now = MonotonicClock.now()
            switch schedule.due(at: now) {
            case .nothing:
                continue
            case .sockets:
                collector.lookAtSockets()
            case .sample:
                let samples = collector.sample(now: now)
                onRound(
                    Round(
                        samples: samples, recognized: collector.recognized, cost: MonotonicClock.now() - now,
                        unattributedBytes: collector.unattributedBytes))
            }
        }
    }
}
