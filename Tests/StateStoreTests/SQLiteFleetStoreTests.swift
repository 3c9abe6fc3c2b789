import Determinism
import FleetModel
import Foundation
import GRDB
import Testing

@testable import StateStore

/// What concerns the file: durability settings, permissions, and damage.
struct SQLiteFleetStoreTests {
    /// A store file with 50 grants, closed.
    private func filledStore() async throws -> StoreFixture {
        let fixture = try StoreFixture(.sqlite)
        let store = try fixture.open()
        let fleet = try await store.beginTerm()
        _ = await store.commit(fleet.transaction(upserts: try (1...50).map { try sampleGrant($0) }))
        await store.close()
        return fixture
    }

    @Test func commitsAreSyncedAndWrittenAhead() async throws {
        let fixture = try StoreFixture(.sqlite)
        let store = try SQLiteFleetStore(path: fixture.path)
        let settings = try await store.durabilitySettings()
        #expect(settings.journalMode == "wal")
        #expect(settings.synchronous == 2)
    }

    @Test func onlyTheOwnerCanReadTheTickets() async throws {
        let fixture = try await filledStore()
        let attributes = try FileManager.default.attributesOfItem(atPath: fixture.path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
    }

    @Test(arguments: [1, 100, 4_096, 5_000])
    func aTruncatedFileIsReported(length: Int) async throws {
        let fixture = try await filledStore()
        let whole = try Data(contentsOf: URL(filePath: fixture.path))
        try whole.prefix(length).write(to: URL(filePath: fixture.path))
        let error = try #require(throws: FleetStoreError.self) { try SQLiteFleetStore(path: fixture.path) }
        #expect(error.code == .corrupt)
        #expect(error.message.contains(fixture.path))
    }

    @Test func anotherProgramsDatabaseIsRefused() async throws {
        let fixture = try StoreFixture(.sqlite)
        let other = try DatabaseQueue(path: fixture.path)
        try await other.write { try $0.execute(sql: "CREATE TABLE notes (text TEXT)") }
        try other.close()
        let error = try #require(throws: FleetStoreError.self) { try SQLiteFleetStore(path: fixture.path) }
        #expect(error.code == .corrupt)
    }

    private static let withoutVersionRules = "DROP TABLE version_rules; "
    private static let withoutRollouts =
        "DROP TABLE rollouts; DROP TABLE rollout_members; DROP TABLE returning_servers;"
    private static let withoutOrders =
        withoutVersionRules + withoutRollouts
        + "DROP TABLE orders; DROP TABLE pins; DROP TABLE manual_reservations; DROP TABLE maintenance;"

    /// Version 4 had a table of drained GPU servers beside maintenance windows: each becomes a window without an end.
    @Test func aStoreFromBeforeRolloutsIsTakenOver() async throws {
        let fixture = try await filledStore()
        let earlier = try DatabaseQueue(path: fixture.path)
        try await earlier.write {
            try $0.execute(
                sql: Self.withoutVersionRules + Self.withoutRollouts + """
                    ALTER TABLE maintenance DROP COLUMN deadline_unix_ms; ALTER TABLE maintenance DROP COLUMN at_deadline;
                    INSERT INTO maintenance VALUES ('s1', 10, 20);
                    CREATE TABLE draining (server TEXT PRIMARY KEY) STRICT; INSERT INTO draining VALUES ('s2');
                    PRAGMA user_version = 4
                    """)
        }
        try earlier.close()
        let fleet = try await SQLiteFleetStore(path: fixture.path).load()
        let (first, second) = (GPUServerID(unchecked: "s1"), GPUServerID(unchecked: "s2"))
        #expect(
            fleet.orders.maintenance == [
                MaintenanceWindow(server: first, from: WallTime(rawValue: 10), until: WallTime(rawValue: 20)),
                MaintenanceWindow(server: second, from: WallTime(rawValue: 0)),
            ])
        #expect(fleet.grants.count == 50 && fleet.rollouts == StoredRollouts())
    }

    /// Version 2 had classes, rules and quotas, and no orders: what it had stays.
    @Test func aStoreFromBeforeOrdersIsTakenOver() async throws {
        let fixture = try await filledStore()
        let earlier = try DatabaseQueue(path: fixture.path)
        try await earlier.write {
            try $0.execute(
                sql: Self.withoutOrders + """
                    ALTER TABLE classes DROP COLUMN backup;
                    ALTER TABLE classes DROP COLUMN notice_ns; ALTER TABLE classes DROP COLUMN patience_ns;
                    ALTER TABLE class_rules DROP COLUMN user;
                    INSERT INTO classes VALUES ('night', 0.5, 0.9, 0, 1, 1, 1);
                    INSERT INTO class_rules VALUES (0, 't*', NULL, NULL, 'night'); PRAGMA user_version = 2
                    """)
        }
        try earlier.close()
        let store = try SQLiteFleetStore(path: fixture.path)
        let fleet = try await store.beginTerm()
        #expect(fleet.grants.count == 50 && fleet.orders == OperatorOrders())
        #expect(fleet.rules.classes.map(\.weight) == [0.5] && fleet.rules.classes.first?.patience == nil)
        var transaction = fleet.transaction()
        let server = GPUServerID(unchecked: "s1")
        let now = WallTime(rawValue: 1_000)
        transaction.orders = OperatorOrders(
            revision: 7, mode: .forecastOnly,
            pins: [
                InstanceID(unchecked: "i1"): .server(server),
                InstanceID(unchecked: "i2"): .device(DeviceID(server: server, index: 3)),
            ],
            reservations: [
                ManualReservation(
                    instance: InstanceID(unchecked: "i1"),
                    slice: Slice(memory: .mebibytes(5), compute: MilliShare(100)), from: now, until: now + .seconds(9))
            ],
            maintenance: [
                MaintenanceWindow(server: server, from: now, deadline: now + .seconds(60), atDeadline: .end)
            ], returning: [GPUServerID(unchecked: "s2")],
            versionRules: VersionRules([
                .instance(InstanceID(unchecked: "i1")): VersionRule(only: SemanticVersion(1, 2, 0)),
                .priorityClass(PriorityClass.standard.name): try #require(VersionRule(">=1.0.0 <2.0.0")),
            ]))
        _ = await store.commit(transaction)
        await store.close()
        #expect(try await SQLiteFleetStore(path: fixture.path).load().orders == transaction.orders)
    }

    @Test func aStoreFromBeforeRulesIsTakenOver() async throws {
        let fixture = try await filledStore()
        let earlier = try DatabaseQueue(path: fixture.path)
        try await earlier.write {
            try $0.execute(
                sql: Self.withoutOrders + """
                    DROP TABLE classes; DROP TABLE class_rules; DROP TABLE quotas;
                    PRAGMA user_version = 1;
                    """)
        }
        try earlier.close()
        let store = try SQLiteFleetStore(path: fixture.path)
        let fleet = try await store.beginTerm()
        #expect(fleet.grants.count == 50 && fleet.rules == ClassRules())
        var transaction = fleet.transaction()
        transaction.rules = ClassRules(quotas: [TenantID(unchecked: "t"): 0.5])
        _ = await store.commit(transaction)
        await store.close()
        #expect(try await SQLiteFleetStore(path: fixture.path).load().rules == transaction.rules)
    }

    @Test func aLaterSchemaIsRefused() async throws {
        let fixture = try await filledStore()
        let later = try DatabaseQueue(path: fixture.path)
        try await later.write { try $0.execute(sql: "PRAGMA user_version = \(Schema.version + 1)") }
        try later.close()
        let error = try #require(throws: FleetStoreError.self) { try SQLiteFleetStore(path: fixture.path) }
        #expect(error.code == .newerSchema)
    }

    @Test(arguments: [
        "UPDATE grants SET instance = 'no spaces allowed' WHERE grant_id = 7",
        "UPDATE grants SET interface_digest = x'00' WHERE grant_id = 7",
        "UPDATE grants SET interface_version = 'one' WHERE grant_id = 7",
        "UPDATE grants SET compute_milli = 9000000000 WHERE grant_id = 7",
        "DELETE FROM meta", "INSERT INTO quotas VALUES ('t', 2)",
        "INSERT INTO classes VALUES ('c', 0, 0.9, 0, 1, 1, 1, 'none', NULL, NULL)",
        "INSERT INTO classes VALUES ('c', 1, 0.9, 0, 1, 1, 1, 'none', -1, NULL)",
        "INSERT INTO class_rules VALUES (0, NULL, NULL, NULL, 'c', NULL)",
        "DELETE FROM orders", "UPDATE orders SET mode = 'asleep'",
        "INSERT INTO pins VALUES ('i1', 's1', -1)",
        "INSERT INTO manual_reservations VALUES ('i1', 0, 1, 0, NULL)",
        "INSERT INTO maintenance VALUES ('s1', 10, 5, NULL, 'wait')",
        "INSERT INTO maintenance VALUES ('s1', 10, NULL, NULL, 'sometimes')",
        "INSERT INTO rollouts VALUES (1, '{}')", "INSERT INTO rollout_members VALUES (1, 'instance', 'i1', -1)",
        "INSERT INTO rollout_members VALUES (1, 'server', 'no spaces allowed', 0)",
    ])
    func aMalformedRowIsReported(change: String) async throws {
        let fixture = try await filledStore()
        let editor = try DatabaseQueue(path: fixture.path)
        try await editor.write { try $0.execute(sql: change) }
        try editor.close()
        let error = await #expect(throws: FleetStoreError.self) {
            try await SQLiteFleetStore(path: fixture.path).load()
        }
        #expect(error?.code == .corrupt)
    }

    @Test func aFolderThatIsMissingIsReported() async throws {
        let error = try #require(throws: FleetStoreError.self) {
            try SQLiteFleetStore(path: "/nonexistent/state.sqlite")
        }
        #expect(error.code == .unavailable)
    }

    /// Bytes overwritten at random: an error or a fleet, never a crash.
    @Test func aDamagedFileNeverCrashes() async throws {
        let fixture = try await filledStore()
        let whole = try Data(contentsOf: URL(filePath: fixture.path))
        var generator = SeededGenerator(seed: 11)
        for _ in 0..<100 {
            var damaged = whole
            for _ in 0..<(1 + generator.below(40)) {
                damaged[Int(generator.below(UInt64(damaged.count)))] = UInt8(truncatingIfNeeded: generator.next())
            }
            try damaged.write(to: URL(filePath: fixture.path))
            do {
                let store = try SQLiteFleetStore(path: fixture.path)
                let fleet = try await store.beginTerm()
                _ = await store.commit(fleet.transaction(upserts: [try sampleGrant(60)]))
                await store.close()
            } catch is FleetStoreError {}
        }
    }
}
