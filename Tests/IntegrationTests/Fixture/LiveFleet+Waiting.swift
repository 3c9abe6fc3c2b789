import ControlProtocol
import FleetModel
import Foundation
import FoundationNetworking

/// What did not come true in time.
struct NotInTime: Error, CustomStringConvertible {
    let description: String
}

/// Looks again and again until `look` has an answer, and throws when there is none within `patience`.
func eventually<Answer>(
    _ what: String, within patience: Duration = .seconds(60), _ look: () async throws -> Answer?
) async throws -> Answer {
    let deadline = ContinuousClock.now + patience
    while true {
        if let answer = try await look() { return answer }
        guard ContinuousClock.now < deadline else { throw NotInTime(description: "not within \(patience): \(what)") }
        try await Task.sleep(for: .milliseconds(20))
    }
}

extension LiveFleet {
    /// The manager's view; nil while no manager answers.
    func overview(forecasts: Bool = false) async throws -> FleetOverview? {
        do {
            return try await AdminClient.withConnection(to: manager) { try await $0.overview(forecasts: forecasts) }
        } catch is AdminError {
            return nil
        }
    }

    /// The first view of a manager that `isMet` accepts.
    @discardableResult
    func overview(
        when what: String, within patience: Duration = .seconds(60), _ isMet: (FleetOverview) throws -> Bool
    ) async throws -> FleetOverview {
        var last: FleetOverview?
        do {
            return try await eventually(what, within: patience) {
                last = try await overview()
                return try last.flatMap { try isMet($0) ? $0 : nil }
            }
        } catch let error as NotInTime {
            throw NotInTime(description: "\(error); last seen: \(last.map(\.summary) ?? "no manager")")
        }
    }

    /// Waits until every daemon says that it can do its work and programs find the client library.
    func waitUntilReady() async throws {
        for role in Role.allCases {
            _ = try await eventually("\(role) is ready") { await page("readyz", of: role) }
        }
        try await overview(when: "all devices are available") { fleet in
            !fleet.devices.isEmpty && fleet.devices.allSatisfy(\.available)
        }
        try await eventually("the client library is installed") {
            FileManager.default.isReadableFile(atPath: clientLibrary) ? () : nil
        }
    }

    /// Waits until nothing is held of any device and no worker is left.
    func waitUntilFree() async throws {
        try await overview(when: "all devices are free") { fleet in
            !fleet.devices.isEmpty && fleet.devices.allSatisfy(\.isFree)
        }
        try await eventually("all workers have ended") { workers.isEmpty ? () : nil }
    }

    /// The metrics of a daemon as they are now.
    func metrics(of role: Role) async throws -> PrometheusText {
        let text = try await eventually("\(role) shows its metrics") {
            await page("metrics", of: role)
        }
        return try PrometheusText(parsing: text)
    }

    /// The text of a page that is answered with success.
    private func page(_ name: String, of role: Role) async -> String? {
        guard let url = URL(string: "http://127.0.0.1:\(httpPort(of: role))/\(name)") else { return nil }
        guard let (data, response) = try? await URLSession.shared.data(from: url),
            (response as? HTTPURLResponse)?.statusCode == 200
        else { return nil }
        return String(decoding: data, as: UTF8.self)
    }
}

extension FleetOverview {
    var attachedSessions: Int { devices.reduce(0) { $0 + $1.attachedSessions } }
    /// The instances that telemetry comes of, as the fleet's period makes it.
    var measuredInstances: [InstanceID] {
        instances.filter { $0.latest?.cpuMilli != nil && $0.telemetryAge < .seconds(2) }.map(\.description.id)
    }
    var sessions: Int { devices.reduce(0) { $0 + $1.sessions } }
    var reservedMemory: Bytes { devices.reduce(.zero) { $0 + $1.reservedMemory } }

    /// One line for a message.
    var summary: String {
        let instances = instances.map { "\($0.description.id) \($0.readiness) \($0.shortfall ?? "")" }
        let devices = devices.map { device in
            "\(device.description.id) available \(device.available) reserved \(device.reservedMemory.rawValue)"
                + " used \(device.usedMemory.rawValue) warm \(device.warmSessions)"
                + " reserved \(device.reservedSessions) attached \(device.attachedSessions)"
        }
        return "term \(term); " + (instances + devices).joined(separator: "; ")
    }
}

extension DeviceOverview {
    var sessions: Int { warmSessions + reservedSessions + attachedSessions }
    var isFree: Bool { available && sessions == 0 && reservedMemory == .zero && usedMemory == .zero }
}
