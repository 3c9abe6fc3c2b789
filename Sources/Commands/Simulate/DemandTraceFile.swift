import FleetModel
import Foundation
import Simulation
import TraceFiles

/// Recorded demand for a comparison of policies: a telemetry trace, or a request trace, whose requests are dealt to
/// instances where the file does not say whose they are.
struct DemandTraceFile {
    var path: String
    /// For requests without a client.
    var instances: Int
    /// Zipf's exponent: 0 deals to all alike.
    var exponent: Double
    var seed: UInt64

    /// Every second is simulated, those without rows as well: thirty days.
    static let longestTrace = 2_592_000.0

    /// - Throws: ``CommandFailure`` with what is wrong with the file.
    func read() throws(CommandFailure) -> DemandTrace {
        let trace: DemandTrace
        do {
            switch try TraceKind.of(path: path, limits: limits) {
            case .requests: trace = try readRequests()
            case .telemetry: trace = try readTelemetry()
            }
        } catch {
            throw CommandFailure(
                .noInput, "\(error)", advice: "name a telemetry or a request trace: see docs/traces.md")
        }
        guard trace.length > 0 else {
            throw CommandFailure(.noInput, "\(path) has no rows", advice: "record one with 'presync record'")
        }
        return trace
    }

    private var name: String { ReportPage.fileName(path) }
    private var limits: TraceLimits { TraceLimits(seconds: Self.longestTrace) }

    private func readTelemetry() throws -> DemandTrace {
        let rows = try TelemetryTrace.read(path: path, limits: limits).rows
        let names = Set(rows.map(\.instance)).sorted()
        let indices = Dictionary(zip(names, 0...)) { first, _ in first }
        var types: [InstanceID: ApplicationType] = [:]
        for row in rows where types[row.instance] == nil { types[row.instance] = row.application }
        let first = rows.first.map { Int($0.time) } ?? 0
        let entries = rows.compactMap { row -> DemandTrace.Entry? in
            guard let index = indices[row.instance] else { return nil }
            // Within its second a telemetry row's demand may begin at any time: in the middle.
            return DemandTrace.Entry(
                second: Int(row.time) - first, instance: index, load: row.observation, offset: 0.5)
        }
        return DemandTrace(
            name: name, instances: names.map { description($0, types[$0] ?? Self.service) },
            length: (rows.last.map { Int($0.time) - first } ?? -1) + 1, entries: entries)
    }

    private func readRequests() throws -> DemandTrace {
        let rows = try RequestTrace.read(path: path, limits: limits).rows
        let clients = Set(rows.compactMap(\.client)).sorted()
        let dealt = rows.contains { $0.client == nil }
        let names = dealt ? (0..<instances).map { "i\($0)" } : clients
        let indices = Dictionary(zip(clients, 0...)) { first, _ in first }
        var dealer = WeightedDealer(
            weights: (1...max(instances, 1)).map { pow(Double($0), -exponent) }, seed: seed)
        var demand = RequestDemand(instances: names.count)
        let first = (rows.first?.timestamp ?? 0).rounded(.down)
        for row in rows {
            let client = dealt ? nil : row.client.flatMap { indices[$0] }
            demand.add(
                ServiceRequest(
                    arrival: row.timestamp - first, contextTokens: row.contextTokens,
                    generatedTokens: row.generatedTokens, instance: client ?? dealer.deal()))
        }
        return demand.trace(
            name: name, instances: names.map { description(InstanceID(unchecked: $0), Self.service) })
    }

    private static let service = ApplicationType(unchecked: "service")

    private func description(_ id: InstanceID, _ type: ApplicationType) -> InstanceDescription {
        InstanceDescription(id: id, tenant: TenantID(unchecked: "trace"), application: type)
    }
}
