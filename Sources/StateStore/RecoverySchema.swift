import FleetModel
import GRDB

/// The tables of what is kept for the loss and the maintenance of GPU servers.
enum RecoverySchema {
    /// Adds them to a store of version 2, which is then of version 3.
    static func addTables(_ database: Database) throws {
        try database.execute(
            sql: """
                CREATE TABLE draining (server TEXT PRIMARY KEY) STRICT;
                ALTER TABLE classes ADD COLUMN backup TEXT NOT NULL DEFAULT 'none';
                PRAGMA user_version = 3;
                """)
    }

    static func replace(_ draining: Set<GPUServerID>, _ database: Database) throws {
        try database.execute(sql: "DELETE FROM draining")
        for server in draining.sorted() {
            try database.cachedStatement(sql: "INSERT INTO draining VALUES (?)").execute(arguments: [server.rawValue])
        }
    }

    static func read(_ database: Database) throws -> Set<GPUServerID> {
        var draining: Set<GPUServerID> = []
        let rows = try Row.fetchCursor(database, sql: "SELECT server FROM draining")
        while let row = try rows.next() { draining.insert(try Schema.identifier(row, "server")) }
        return draining
    }

    static func backup(_ row: Row) throws -> PriorityClass.Backup {
        guard let backup = PriorityClass.Backup(rawValue: row["backup"] as String) else {
            throw FleetStoreError(.corrupt, "a class has a malformed backup")
        }
        return backup
    }
}
