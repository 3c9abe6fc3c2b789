import ControlProtocol
import FleetModel
import Foundation

/// A million instances that their hosts report of in batches once a second, over sockets, on a real manager: what
/// taking them in costs. The manager steps once a minute here, so that no step falls into the measurement.
enum HostBatchesBenchmark {
    @Sendable static func run(isSmall: Bool, _ report: @Sendable (Measurement) -> Void) async throws {
        let (hosts, instances, seconds) = isSmall ? (2, 50, 1) : (100, 10_000, 15)
        try await StreamsBenchmark.withFolder { folder in
            let manager = try await ManagerProcess(folder: folder, links: hosts, period: "60s")
            defer { manager.end() }
            let load = ReportingPeers(
                .agents, of: manager.address, name: "host", connections: hosts, streams: 1, instances: instances)
            let peers = try load.start()
            defer { peers.end() }
            try await StreamsBenchmark.waitUntilOpened(hosts, by: manager)
            // The hellos of so many instances, and the first report of each host.
            try await Task.sleep(for: .seconds(seconds))
            let before = try manager.figures(usageLast: true)
            let begin = ContinuousClock.now
            try await Task.sleep(for: .seconds(seconds))
            let elapsed = (ContinuousClock.now - begin) / .seconds(1)
            let after = try manager.figures(usageLast: false)
            let cpu = after.usage.cpuSeconds - before.usage.cpuSeconds
            func grown(_ name: String, _ part: String = "") -> Double {
                after.counter(name, part) - before.counter(name, part)
            }
            // Half of the messages are heartbeats.
            let reported = grown("presync_messages_received_total") / 2 * Double(instances)
            let handled = "presync_manager_handle_seconds_sum"
            report(
                Measurement(
                    name: "host-batches",
                    conditions: "\(hosts) hosts of \(instances) instances each at 1 Hz, \(seconds) s",
                    figures: [
                        ("CPU", cpu / elapsed, "cores"), ("reported", reported / elapsed, "instances/s"),
                        ("CPU a million", cpu / max(reported, 1) * 1e6, "s"),
                        ("of it the machine's", grown(handled, "other") / max(reported, 1) * 1e6, "s"),
                        ("steps meanwhile", grown(handled, "step"), "s"),
                        ("resident", after.usage.residentMebibytes, "MiB"),
                    ]))
        }
    }
}
