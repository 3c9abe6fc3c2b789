import DeviceDrivers
import FleetModel
import InterfaceCore
import InterfaceSelfTest
import InterfaceStore
import Logging
import Synchronization

/// The self-tests of a GPU server: a version is used here only after it has computed right on every device, and what it
/// measured on the way is told to the manager.
///
/// What was passed counts until something that it depends on changes: the bundle, a device, a driver, this program, or the
/// host's boot. So a start after a crash is as fast as before, and after work on a driver everything is tested anew.
final class DeviceSelfTests: Sendable {
    private struct Passed {
        var report: SelfTestRecord
        var at: ContinuousClock.Instant
    }

    /// Nil where this server tests nothing.
    private let process: SelfTestProcess?
    private let devices: [DiscoveredDevice]
    private let workerExecutable: String?
    private let records: SelfTestRecords
    private let logger: Logger
    private let passed = Mutex<[InterfaceVersion: Passed]>([:])

    /// For how long a test that was just passed is not repeated: a manager asks again for what it has not heard of.
    private static let freshness = Duration.seconds(10)

    init(_ configuration: GPUServerConfiguration, _ inventory: DeviceInventory, logger: Logger) {
        process = configuration.selfTest
        // Devices that do not exist are all the same.
        devices = configuration.synthetic == nil ? inventory.devices : Array(inventory.devices.prefix(1))
        workerExecutable = configuration.workerExecutable
        records = SelfTestRecords(
            directory: configuration.stateDirectory + "/self-tests", devices: devices.map(\.description),
            software: configuration.softwareVersion)
        self.logger = logger
    }

    /// What the keeper of interface versions runs before it calls one ready.
    var gate: BundleSelfTest {
        BundleSelfTest(
            isPassed: { [self] bundle in
                guard process != nil else { return true }
                guard let record = records.read(bundle.version) else { return false }
                note(record, for: bundle.version, at: .now - Self.freshness)
                return true
            },
            run: { [self] bundle in try await test(bundle) })
    }

    /// What the test of a version measured; nil where it has not been tested.
    func measurement(of version: InterfaceVersion) -> InterfaceMeasurement? {
        passed.withLock { $0[version] }?.report.measurement(of: version)
    }

    /// What is known of every version that was tested, in the order of their names.
    var measurements: [InterfaceMeasurement] {
        passed.withLock { $0 }.sorted { "\($0.key)" < "\($1.key)" }.compactMap { $1.report.measurement(of: $0) }
    }

    /// - Throws: ``SelfTestFailure``, which names the device, where the version must not be used here.
    private func test(_ bundle: ActiveBundle) async throws {
        guard let process else { return }
        let version = bundle.version
        if let last = passed.withLock({ $0[version] }), last.at + Self.freshness > .now { return }
        records.remove(version)
        passed.withLock { $0[version] = nil }
        var record = SelfTestRecord()
        for device in devices {
            let report = await process.run(
                SelfTestOrder(
                    interface: version, servedClients: bundle.bundle.manifest.testedWith,
                    clientLibrary: bundle.clientLibrary, worker: workerExecutable ?? bundle.worker,
                    device: device.selector, clientRevisions: bundle.bundle.manifest.wireRevisions))
            if let failure = report.failure {
                throw SelfTestFailure("the self-test on \(device.description.model) (\(report.device)): \(failure)")
            }
            record.add(report)
        }
        logger.info(
            "a bundle has passed its self-test",
            metadata: [
                "version": "\(version)", "open-ms": "\(record.timeToOpenNs / 1_000_000)",
                "commands-per-second": "\(Int(record.commandRate))",
            ])
        records.write(record, for: version)
        note(record, for: version, at: .now)
    }

    private func note(_ record: SelfTestRecord, for version: InterfaceVersion, at time: ContinuousClock.Instant) {
        passed.withLock { $0[version] = Passed(report: record, at: time) }
    }
}
