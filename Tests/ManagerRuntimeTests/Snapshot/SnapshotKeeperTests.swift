import ControlProtocol
import FleetModel
import ForecastCore
import Foundation
import Logging
import Observability
import StateStore
import Synchronization
import Testing

@testable import ManagerRuntime

/// What is logged.
private final class Lines: Sendable {
    let all = Mutex<[String]>([])
}

@Suite struct SnapshotKeeperTests {
    private let folder = StateFolder()
    private let registry = MetricsRegistry()
    private let lines = Lines()
    private let file: SnapshotFile

    init() throws {
        try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
        file = SnapshotFile(stateDirectory: folder.path)
    }

    @Test func aManagerGoesOnFromWhatTheLastOneKept() async throws {
        let size = try file.write(try snapshot(of: 3))
        #expect(forecaster().rememberedInstances == 3)
        #expect(size > 100_000)
        #expect(logged.map(\.level) == ["info"])
        #expect(logged[0].text.contains("go on from the snapshot"))
        #expect(await metric("presync_snapshot_restored_instances") == 3)
        #expect(try names == ["forecasts.snapshot"])
    }

    @Test func thatNothingWasKeptYetIsNoCauseForAlarm() async {
        #expect(forecaster().rememberedInstances == 0)
        #expect(logged.map(\.level) == ["info"])
        #expect(await metric("presync_snapshot_failures_total{operation=\"read\"}") == 0)
    }

    enum Damage: CaseIterable {
        case changed, cutShort, empty, foreign, olderVersion, tooLong, folder

        func apply(to path: String) throws {
            let url = URL(fileURLWithPath: path)
            var bytes = try Data(contentsOf: url)
            switch self {
            case .changed: bytes[bytes.count / 2] ^= 4
            case .cutShort: bytes = bytes.prefix(bytes.count / 2)
            case .empty: bytes = Data()
            case .foreign: bytes = Data("#!/bin/sh\nexit 0\n".utf8) + bytes
            case .olderVersion: bytes[4] = 1
            case .tooLong: bytes += Data(count: FleetSnapshot.greatestSize)
            case .folder:
                try FileManager.default.removeItem(at: url)
                return try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
            }
            try bytes.write(to: url)
        }

        /// What the operator reads as the cause.
        var cause: String {
            switch self {
            case .changed: "checksum"
            case .cutShort: "ends early"
            case .empty, .foreign, .tooLong: "not a forecaster's snapshot"
            case .olderVersion: "version 1"
            case .folder: "not a regular file"
            }
        }
    }

    @Test(arguments: Damage.allCases)
    func whatCannotBeReadIsSetAsideAndSaidWhy(damage: Damage) async throws {
        for count in 1...2 {
            _ = try file.write(try snapshot(of: 3))
            try damage.apply(to: file.path)
            #expect(forecaster().rememberedInstances == 0)
            let line = try #require(logged.last)
            #expect(line.level == "warning")
            #expect(line.text.contains("forecasts begin from the shipped networks"))
            #expect(line.text.contains(damage.cause))
            #expect(line.text.contains("kept-as=\(file.refusedPath)"))
            #expect(await metric("presync_snapshot_failures_total{operation=\"read\"}") == Double(count))
            // One, however often.
            #expect(try names == ["forecasts.snapshot.refused"])
            if damage == .folder { try FileManager.default.removeItem(atPath: file.refusedPath) }
        }
    }

    @Test func networksThatAreNamedChallengeThoseOfTheSnapshot() throws {
        _ = try file.write(try snapshot(of: 1))
        let named = ShippedNetworks.all.map { QuantileNetwork(hidden: $0.hidden, ignored: $0.ignored, seed: 1) }
        let restored = file.forecaster(
            .init(networks: named), named: named, metrics: SnapshotMetrics(registry: registry), logger: logger)
        #expect(restored.rememberedInstances == 1)
        #expect(restored.networks == ShippedNetworks.all)
    }

    @Test func aDiskThatCannotBeWrittenToIsToldOfOnceAndDoesNoOtherHarm() async throws {
        let keeper = SnapshotKeeper(file: file, metrics: SnapshotMetrics(registry: registry), logger: logger)
        _ = try file.write(try snapshot(of: 2))
        let before = try Data(contentsOf: URL(fileURLWithPath: file.path))
        let snapshot = try snapshot(of: 3)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await keeper.run() }
            for failures in 1...3 {
                try FileManager.default.createSymbolicLink(
                    atPath: file.path + ".new", withDestinationPath: "/dev/full")
                #expect(keeper.snapshots.offer(snapshot) == .accepted)
                while await metric("presync_snapshot_failures_total{operation=\"write\"}") != Double(failures) {
                    try await Task.sleep(for: .milliseconds(5))
                }
            }
            #expect(logged.map(\.level) == ["error"])
            #expect(logged[0].text.contains("No space left on device"))
            #expect(try Data(contentsOf: URL(fileURLWithPath: file.path)) == before)
            for _ in 1...2 { await keeper.snapshots.put(snapshot) }
            keeper.snapshots.finish()
            try await group.waitForAll()
        }
        #expect(logged.map(\.level) == ["error", "notice"])
        #expect(try #require(try file.restore(.init())).rememberedInstances == 3)
        #expect(await metric("presync_snapshot_bytes") == Double(snapshot.encoded().count))
        #expect(try #require(await metric("presync_snapshot_age_seconds")) < 60)
    }

    // MARK: -

    private var logger: Logger {
        Logger(label: "manager") { label in
            LineLogHandler(
                label: label, configuration: LogConfiguration(),
                sink: .init { line in lines.all.withLock { $0.append(line) } })
        }
    }

    private var logged: [(level: String, text: String)] {
        lines.all.withLock { $0 }.map { line in
            (line.split(separator: " ").first { $0.hasPrefix("level=") }.map { String($0.dropFirst(6)) } ?? "", line)
        }
    }

    private var names: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() }
    }

    private func metric(_ series: String) async -> Double? {
        let line = await registry.exposition().split(separator: "\n").first { $0.hasPrefix(series + " ") }
        return line?.split(separator: " ").last.flatMap { Double($0) }
    }

    private func forecaster() -> FleetForecaster {
        file.forecaster(.init(), named: nil, metrics: SnapshotMetrics(registry: registry), logger: logger)
    }

    /// What a forecaster has learned of so many instances.
    private func snapshot(of count: Int) throws -> FleetSnapshot {
        var forecaster = FleetForecaster()
        let slots = (0..<count).map { number in
            forecaster.admit(
                InstanceDescription(
                    id: InstanceID(unchecked: "i\(number)"), tenant: TenantID(unchecked: "t"),
                    application: ApplicationType(unchecked: "chat")))
        }
        for slot in slots {
            forecaster.observe(slot, LoadObservation(second: 1, gpuMemory: 1e8, gpuCompute: 100))
        }
        return try #require(forecaster.snapshot())
    }
}
