import FleetModel
import Foundation
import GRDB

/// The tables of the SQLite store, and how a grant becomes a row.
///
/// Unsigned 64-bit numbers are kept as the signed number of the same bits. A column for each field, so that a person
/// with `sqlite3` can read what a manager knew.
enum Schema {
    /// Written to `PRAGMA user_version`; grows with each change of the tables.
    static let version = 6
    /// `PSYN`, written to `PRAGMA application_id`, so that another program's file is not taken for a store.
    static let applicationID: Int64 = 0x5053_594E

    static func checkIntegrity(_ database: Database) throws {
        let answer = try String.fetchOne(database, sql: "PRAGMA quick_check(1)")
        guard answer == "ok" else { throw FleetStoreError(.corrupt, answer ?? "the integrity check gave no answer") }
    }

    /// Creates the tables of an empty file, and refuses what is not a store of this version.
    static func migrate(_ database: Database) throws {
        let application = try Int64.fetchOne(database, sql: "PRAGMA application_id") ?? 0
        let version = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
        let tables = try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_schema") ?? 0
        if application == 0, version == 0, tables == 0 { return try create(database) }
        guard application == applicationID else { throw FleetStoreError(.corrupt, "not a Presync state store") }
        if version == 1 { try RulesSchema.addTables(database) }
        if (1...2).contains(version) { try RecoverySchema.addTables(database) }
        if (1...3).contains(version) { try OrdersSchema.addTables(database) }
        if (1...4).contains(version) { try RolloutsSchema.addTables(database) }
        if (1...5).contains(version) { try VersionRulesSchema.addTables(database) }
        guard version <= self.version else {
            throw FleetStoreError(.newerSchema, "schema \(version), this program knows up to \(self.version)")
        }
        _ = try readPosition(database)
    }

    /// The tables that version 1 had, and what was added since.
    private static func create(_ database: Database) throws {
        try createFirst(database)
        try RulesSchema.addTables(database)
        try RecoverySchema.addTables(database)
        try OrdersSchema.addTables(database)
        try RolloutsSchema.addTables(database)
        try VersionRulesSchema.addTables(database)
    }

    private static func createFirst(_ database: Database) throws {
        try database.execute(
            sql: """
                PRAGMA application_id = \(applicationID);
                PRAGMA user_version = 1;
                CREATE TABLE meta (
                    id INTEGER PRIMARY KEY CHECK (id = 1),
                    term INTEGER NOT NULL,
                    revision INTEGER NOT NULL,
                    next_grant INTEGER NOT NULL
                ) STRICT;
                INSERT INTO meta VALUES (1, 0, 0, 1);
                CREATE TABLE grants (
                    grant_id INTEGER PRIMARY KEY,
                    instance TEXT NOT NULL,
                    tenant TEXT NOT NULL,
                    application TEXT NOT NULL,
                    priority_class TEXT NOT NULL,
                    agent TEXT NOT NULL,
                    server TEXT NOT NULL,
                    device_index INTEGER NOT NULL,
                    memory_bytes INTEGER NOT NULL,
                    compute_milli INTEGER NOT NULL,
                    epoch_term INTEGER NOT NULL,
                    epoch_counter INTEGER NOT NULL,
                    ticket_high INTEGER NOT NULL,
                    ticket_low INTEGER NOT NULL,
                    interface_kind TEXT NOT NULL,
                    interface_version TEXT NOT NULL,
                    interface_digest BLOB NOT NULL
                ) STRICT;
                """)
    }

    static func readPosition(_ database: Database) throws -> (term: UInt64, revision: UInt64) {
        let statement = try database.cachedStatement(sql: "SELECT term, revision FROM meta")
        guard let row = try Row.fetchOne(statement) else { throw FleetStoreError(.corrupt, "the meta row is missing") }
        return (UInt64(bitPattern: row[0]), UInt64(bitPattern: row[1]))
    }

    static func writePosition(revision: UInt64, nextGrant: UInt64, _ database: Database) throws {
        try database.cachedStatement(sql: "UPDATE meta SET revision = ?, next_grant = ?")
            .execute(arguments: [Int64(bitPattern: revision), Int64(bitPattern: nextGrant)])
    }

    static func readFleet(_ database: Database) throws -> StoredFleet {
        let (term, revision) = try readPosition(database)
        let nextGrant = try Int64.fetchOne(database, sql: "SELECT next_grant FROM meta") ?? 1
        // By name: in a damaged file a column may be missing, and asking a row for it ends the program.
        let rows = try Row.fetchCursor(
            database,
            sql: """
                SELECT grant_id, instance, tenant, application, priority_class, agent, server, device_index, memory_bytes,
                    compute_milli, epoch_term, epoch_counter, ticket_high, ticket_low, interface_kind, interface_version,
                    interface_digest
                FROM grants ORDER BY grant_id
                """)
        var fleet = StoredFleet(term: term, revision: revision, nextGrant: UInt64(bitPattern: nextGrant))
        while let row = try rows.next() { fleet.grants.append(try grant(row)) }
        fleet.rules = try RulesSchema.read(database)
        fleet.orders = try OrdersSchema.read(database)
        fleet.rollouts = try RolloutsSchema.read(database)
        return fleet
    }

    static func upsert(_ grant: StoredGrant, _ database: Database) throws {
        try database.cachedStatement(
            sql: "INSERT OR REPLACE INTO grants VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        ).execute(arguments: [
            Int64(bitPattern: grant.grant.rawValue), grant.instance.id.rawValue, grant.instance.tenant.rawValue,
            grant.instance.application.rawValue, grant.instance.priorityClass.rawValue, grant.agent.rawValue,
            grant.device.server.rawValue, grant.device.index, grant.slice.memory.rawValue,
            grant.slice.compute.rawValue, Int64(bitPattern: grant.epoch.term), Int64(bitPattern: grant.epoch.counter),
            Int64(bitPattern: grant.ticket.high), Int64(bitPattern: grant.ticket.low), grant.version.kind,
            grant.version.version.description, Data(grant.version.digest.bytes),
        ])
    }

    static func remove(_ grant: GrantID, _ database: Database) throws {
        try database.cachedStatement(sql: "DELETE FROM grants WHERE grant_id = ?")
            .execute(arguments: [Int64(bitPattern: grant.rawValue)])
    }

    private static func grant(_ row: Row) throws -> StoredGrant {
        let id = GrantID(rawValue: UInt64(bitPattern: row["grant_id"]))
        let digestBytes: Data = row["interface_digest"]
        guard let version = SemanticVersion(row["interface_version"] as String),
            let digest = ContentDigest(bytes: digestBytes)
        else { throw FleetStoreError(.corrupt, "grant \(id) has a malformed interface version") }
        // Read at full width: the library traps on a number that does not fit.
        guard let compute = Int32(exactly: row["compute_milli"] as Int64) else {
            throw FleetStoreError(.corrupt, "grant \(id) has a malformed compute_milli")
        }
        return StoredGrant(
            grant: id,
            instance: InstanceDescription(
                id: try identifier(row, "instance"), tenant: try identifier(row, "tenant"),
                application: try identifier(row, "application"),
                priorityClass: try identifier(row, "priority_class")),
            agent: try identifier(row, "agent"),
            device: DeviceID(server: try identifier(row, "server"), index: row["device_index"]),
            slice: Slice(memory: Bytes(row["memory_bytes"] as Int64), compute: MilliShare(compute)),
            epoch: Epoch(
                term: UInt64(bitPattern: row["epoch_term"]), counter: UInt64(bitPattern: row["epoch_counter"])),
            ticket: SessionTicket(
                high: UInt64(bitPattern: row["ticket_high"]), low: UInt64(bitPattern: row["ticket_low"])),
            version: InterfaceVersion(kind: row["interface_kind"], version: version, digest: digest))
    }

    static func identifier<ID: FleetIdentifier>(_ row: Row, _ column: String) throws -> ID {
        guard let id = ID(rawValue: row[column] as String) else {
            throw FleetStoreError(.corrupt, "a row has a malformed \(column)")
        }
        return id
    }
}
