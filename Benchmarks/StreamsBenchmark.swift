import ControlProtocol
import FleetModel
import Foundation

/// Reporting streams at 1 Hz on a real manager, over sockets: what they cost it, what it writes meanwhile, and how soon
/// it notices those that die. Beside it a server that only reads and answers the same streams.
enum StreamsBenchmark {
    /// Streams of a process that dies; with 100 noticed deaths each way a p99 is the second greatest.
    private static let dying = 100

    @Sendable static func run(isSmall: Bool, _ report: @Sendable (Measurement) -> Void) async throws {
        let (connections, streams) = isSmall ? (2, 5) : (100, 100)
        try await withFolder { folder in
            let manager = try await ManagerProcess(folder: folder, links: connections * streams + 4 * dying)
            defer { manager.end() }
            let load = ReportingPeers(
                .agents, of: manager.address, name: "load", connections: connections, streams: streams)
            let peers = try load.start()
            defer { peers.end() }
            try await waitUntilOpened(load.count, by: manager)
            report(try await steadyState(of: manager, load, seconds: isSmall ? 1 : 15))
            try await deaths(of: .agents, isSmall ? 5 : dying, beside: load, manager, report)
            try await deaths(of: .servers, isSmall ? 5 : dying, beside: load, manager, report)
        }
        report(try await transportAlone(connections, streams, seconds: isSmall ? 1 : 10))
    }

    /// Runs `body` with a folder that is removed afterwards.
    static func withFolder(_ body: (String) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/presync-bench-\(getpid())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await body(folder)
    }

    static func waitUntilOpened(_ streams: Int, by manager: ManagerProcess) async throws {
        for _ in 0..<120 {
            let figures = try manager.figures(usageLast: false)
            if figures.counter("presync_links_opened_total") >= Double(streams) { return }
            try await Task.sleep(for: .milliseconds(500))
        }
        throw BenchmarkHost.NotServed(description: "\(streams) streams were not open within a minute")
    }

    private static func steadyState(
        of manager: ManagerProcess, _ load: ReportingPeers, seconds: Int
    ) async throws -> Measurement {
        // What came with the hellos is over by then.
        try await Task.sleep(for: .seconds(5))
        let before = try manager.figures(usageLast: true)
        let begin = ContinuousClock.now
        try await Task.sleep(for: .seconds(seconds))
        let elapsed = (ContinuousClock.now - begin) / .seconds(1)
        let after = try manager.figures(usageLast: false)
        func grown(_ name: String, _ part: String = "") -> Double {
            after.counter(name, part) - before.counter(name, part)
        }
        let handled = "presync_manager_handle_seconds_sum"
        return Measurement(
            name: "streams",
            conditions: "\(load.count) agents over \(load.connections) connections, an instance each, \(seconds) s",
            figures: [
                ("CPU", (after.usage.cpuSeconds - before.usage.cpuSeconds) / elapsed, "cores"),
                ("of it steps", grown(handled, "step") / elapsed, "cores"),
                ("and other events", grown(handled, "other") / elapsed, "cores"),
                ("resident", after.usage.residentMebibytes, "MiB"),
                ("messages", grown("presync_messages_received_total") / elapsed, "/s"),
                ("commits", grown("presync_store_commits_total"), ""),
                ("stored", (after.usage.storedBytes - before.usage.storedBytes) / 1_024, "KiB"),
                ("streams lost", grown("presync_links_closed_total"), ""),
            ])
    }

    /// What a process of the same messages costs that has no manager behind it.
    private static func transportAlone(_ connections: Int, _ streams: Int, seconds: Int) async throws -> Measurement {
        let address = ManagerAddress(host: "127.0.0.1", port: try LocalSocket.freePort())
        let server = try BenchmarkProcess("presync-bench", [EchoPeer.command, "\(address)"])
        defer { server.end() }
        try await Task.sleep(for: .seconds(1))
        let load = ReportingPeers(.agents, of: address, name: "load", connections: connections, streams: streams)
        let peers = try load.start()
        defer { peers.end() }
        try await Task.sleep(for: .milliseconds(3_000 + 20 * connections))
        guard let before = ProcessUsage(of: server.pid) else { throw NotRunning() }
        try await Task.sleep(for: .seconds(seconds))
        guard let after = ProcessUsage(of: server.pid) else { throw NotRunning() }
        return Measurement(
            name: "streams", conditions: "the same streams on a server that only reads and answers, \(seconds) s",
            figures: [
                ("CPU", (after.cpuSeconds - before.cpuSeconds) / Double(seconds), "cores"),
                ("resident", after.residentMebibytes, "MiB"),
            ])
    }

    private struct NotRunning: Error {}
}

extension StreamsBenchmark {
    /// Kills a process of peers, stops another, and reports when the manager noticed each peer of them.
    private static func deaths(
        of role: ReportingPeers.Role, _ count: Int, beside load: ReportingPeers, _ manager: ManagerProcess,
        _ report: @Sendable (Measurement) -> Void
    ) async throws {
        for (way, end) in [
            ("killed", { (process: BenchmarkProcess) in process.kill() }), ("stopped", { $0.stop() }),
        ] {
            let opened = try manager.figures(usageLast: false).counter("presync_links_opened_total")
            let peers = ReportingPeers(
                role, of: manager.address, name: "\(way)-\(role)", connections: 1, streams: count)
            let process = try peers.start()
            defer { process.kill() }
            try await waitUntilOpened(Int(opened) + count, by: manager)
            try await Task.sleep(for: .seconds(1))
            let times = try await noticed(peers, at: manager.address) { end(process) }
            report(
                Measurement(
                    name: "streams",
                    conditions: "\(role) of a process that is \(way), beside \(load.count) streams, until noticed",
                    figures: [
                        ("noticed", Double(times.count), ""), ("of", Double(count), ""),
                        ("p50", times.quantile(0.5), "ms"), ("p99", times.quantile(0.99), "ms"),
                        ("max", times.quantile(1), "ms"),
                    ]))
        }
    }

    /// Milliseconds from `end` to the event of each peer's loss.
    private static func noticed(
        _ peers: ReportingPeers, at manager: ManagerAddress, _ end: () -> Void
    ) async throws -> [Double] {
        let last = try await AdminClient.withConnection(to: manager) { try await $0.events(limit: 1) }
        let begin = Date().timeIntervalSince1970 * 1e3
        end()
        // The goal is 3 s; what is not noticed after this is counted as missing.
        try await Task.sleep(for: .milliseconds(4_500))
        let kind: FleetEvent.Kind = peers.role == .agents ? .agentLost : .serverLost
        let from = (last.last?.sequence ?? 0) + 1
        return try await AdminClient.withConnection(to: manager) { try await $0.events(from: from) }
            .filter { $0.event.kind == kind && $0.event.detail.hasPrefix(peers.name) }
            .map { Double($0.recordedAtUnixMs) - begin }
    }
}
