import FleetModel
import Foundation
import InterfaceSelfTest

/// What the self-tests of a version measured on a GPU server: of several devices, the slowest.
struct SelfTestRecord: Hashable, Codable {
    var timeToOpenNs: Int64 = 0
    /// Commands a second; 0 before the first device.
    var commandRate = 0.0

    mutating func add(_ report: SelfTestReport) {
        commandRate = commandRate == 0 ? report.commandRate : min(commandRate, report.commandRate)
        timeToOpenNs = max(timeToOpenNs, report.timeToOpenNs)
    }

    /// Nil where nothing was measured.
    func measurement(of version: InterfaceVersion) -> InterfaceMeasurement? {
        guard commandRate > 0, timeToOpenNs > 0 else { return nil }
        return InterfaceMeasurement(
            version: version, timeToOpen: .nanoseconds(timeToOpenNs), commandRate: commandRate)
    }
}

/// Which versions have passed their self-test on this host, as it is: a file for each, by the bundle's digest.
///
/// A file that is missing, damaged, or of other circumstances is none: the version is tested again.
struct SelfTestRecords: Sendable {
    private struct Stored: Codable {
        var circumstances: String
        var record: SelfTestRecord
    }

    private let directory: String
    /// What a result depends on beside the bundle.
    private let circumstances: String

    /// - Parameters:
    ///   - software: the version of the program that tests.
    ///   - boot: the host's boot.
    init(directory: String, devices: [DeviceDescription], software: String, boot: String = Self.boot) {
        self.directory = directory
        circumstances = ([boot, software] + devices.flatMap { [$0.model, $0.driverVersion, $0.apiVersion] })
            .joined(separator: "\n")
    }

    func read(_ version: InterfaceVersion) -> SelfTestRecord? {
        guard let data = try? Data(contentsOf: file(version)),
            let stored = try? JSONDecoder().decode(Stored.self, from: data), stored.circumstances == circumstances
        else { return nil }
        return stored.record
    }

    /// A record that cannot be written costs another test, no more.
    func write(_ record: SelfTestRecord, for version: InterfaceVersion) {
        try? FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let stored = Stored(circumstances: circumstances, record: record)
        try? JSONEncoder().encode(stored).write(to: file(version), options: .atomic)
    }

    func remove(_ version: InterfaceVersion) { try? FileManager.default.removeItem(at: file(version)) }

    private func file(_ version: InterfaceVersion) -> URL {
        URL(filePath: "\(directory)/\(version.digest).json")
    }

    /// Empty where the kernel does not say, as in tests of another system.
    static var boot: String {
        ((try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)) ?? "")
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
