import FleetModel
import GRDB

/// What is kept for the loss of GPU servers. Version 3 also had a table of those that were drained, which version 5 takes in
/// among maintenance windows.
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

    static func backup(_ row: Row) throws -> PriorityClass.Backup {
        guard let backup = PriorityClass.Backup(rawValue: row["backup"] as String) else {
            throw FleetStoreError(.corrupt, "a class has a malformed backup")
        }
        return backup
    }
}
