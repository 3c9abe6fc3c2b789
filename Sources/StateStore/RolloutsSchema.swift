import FleetModel
import Foundation
import GRDB

/// The tables of rollouts, and what version 5 made of drained GPU servers.
///
/// A rollout's record is a text in JSON: it is read and written whole, and grows with what is judged by. Who takes part is
/// many rows, of which a stage adds some.
enum RolloutsSchema {
    /// Adds the tables and columns to a store of version 4, which is then of version 5: a drained GPU server becomes one whose
    /// maintenance began long ago and has no end.
    static func addTables(_ database: Database) throws {
        try database.execute(
            sql: """
                CREATE TABLE rollouts (id INTEGER PRIMARY KEY, record TEXT NOT NULL) STRICT;
                CREATE TABLE rollout_members (
                    rollout INTEGER NOT NULL,
                    kind TEXT NOT NULL CHECK (kind IN ('instance', 'server')),
                    member TEXT NOT NULL,
                    stage INTEGER NOT NULL,
                    PRIMARY KEY (rollout, kind, member)
                ) STRICT, WITHOUT ROWID;
                ALTER TABLE maintenance ADD COLUMN deadline_unix_ms INTEGER;
                ALTER TABLE maintenance ADD COLUMN at_deadline TEXT NOT NULL DEFAULT 'wait';
                CREATE TABLE returning_servers (server TEXT PRIMARY KEY) STRICT;
                INSERT OR IGNORE INTO maintenance (server, from_unix_ms) SELECT server, 0 FROM draining;
                DROP TABLE draining;
                PRAGMA user_version = 5;
                """)
    }

    // MARK: Writing

    static func apply(_ write: RolloutWrite, _ database: Database) throws {
        for id in write.removals {
            try clear(id, database)
            try database.cachedStatement(sql: "DELETE FROM rollouts WHERE id = ?").execute(arguments: [number(id)])
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        for record in write.records.values {
            let text = String(decoding: try encoder.encode(record), as: UTF8.self)
            try database.cachedStatement(sql: "INSERT OR REPLACE INTO rollouts VALUES (?, ?)")
                .execute(arguments: [number(record.id), text])
        }
        for (id, change) in write.members {
            if change.isCleared { try clear(id, database) }
            for (instance, stage) in change.instances {
                try set(stage, of: "instance", instance.rawValue, in: id, database)
            }
            for (server, stage) in change.servers { try set(stage, of: "server", server.rawValue, in: id, database) }
        }
    }

    private static func number(_ id: RolloutID) -> Int64 { Int64(bitPattern: id.rawValue) }

    private static func clear(_ id: RolloutID, _ database: Database) throws {
        try database.cachedStatement(sql: "DELETE FROM rollout_members WHERE rollout = ?")
            .execute(arguments: [number(id)])
    }

    private static func set(
        _ stage: Int?, of kind: String, _ member: String, in id: RolloutID, _ database: Database
    ) throws {
        guard let stage else {
            try database.cachedStatement(
                sql: "DELETE FROM rollout_members WHERE rollout = ? AND kind = ? AND member = ?"
            ).execute(arguments: [number(id), kind, member])
            return
        }
        try database.cachedStatement(sql: "INSERT OR REPLACE INTO rollout_members VALUES (?, ?, ?, ?)")
            .execute(arguments: [number(id), kind, member, stage])
    }

    // MARK: Reading

    static func read(_ database: Database) throws -> StoredRollouts {
        var rollouts = StoredRollouts()
        let rows = try Row.fetchCursor(database, sql: "SELECT id, record FROM rollouts ORDER BY id")
        let decoder = JSONDecoder()
        while let row = try rows.next() {
            let text: String = row["record"]
            do { rollouts.records.append(try decoder.decode(RolloutRecord.self, from: Data(text.utf8))) } catch {
                throw FleetStoreError(.corrupt, "rollout \(row["id"] as Int64) has a malformed record")
            }
        }
        let members = try Row.fetchCursor(database, sql: "SELECT rollout, kind, member, stage FROM rollout_members")
        while let row = try members.next() {
            let id = RolloutID(rawValue: UInt64(bitPattern: row["rollout"]))
            guard let stage = Int(exactly: row["stage"] as Int64), stage >= 0 else {
                throw FleetStoreError(.corrupt, "a member of \(id) has a malformed stage")
            }
            if row["kind"] as String == "instance" {
                let instance: InstanceID = try Schema.identifier(row, "member")
                rollouts.members[id, default: RolloutMembers()].instances[instance] = stage
            } else {
                let server: GPUServerID = try Schema.identifier(row, "member")
                rollouts.members[id, default: RolloutMembers()].servers[server] = stage
            }
        }
        return rollouts
    }
}
