package import FleetModel
import Foundation
import GRDB
import Synchronization

/// The embedded store: one SQLite file, in write-ahead mode with every commit synced (`synchronous = FULL`).
///
/// A commit costs one sync of the disk, whatever it carries: the manager puts all grants of a decision into one
/// transaction. The file holds session tickets and is readable by its owner alone.
package final class SQLiteFleetStore: FleetStore {
    private let path: String
    /// Nil once closed. The connection ends when the last call that uses it has returned: the library must not be
    /// called on a connection that was closed under it.
    private let queue: Mutex<DatabaseQueue?>

    /// Opens the store at `path`, or creates it. The folder must exist.
    ///
    /// Throws ``FleetStoreError`` with ``FleetStoreError/Code/corrupt`` if the file is damaged or is something else,
    /// ``FleetStoreError/Code/newerSchema`` if a later version wrote it. Reads the whole file once.
    package init(path: String) throws(FleetStoreError) {
        self.path = path
        do {
            try Self.createPrivateFile(path)
            var configuration = Configuration()
            configuration.journalMode = .wal
            configuration.busyMode = .timeout(5)
            configuration.label = "presync.state"
            let queue = try DatabaseQueue(path: path, configuration: configuration)
            try queue.writeWithoutTransaction { database in
                // Here and not earlier: the library lowers it to NORMAL when it turns write-ahead mode on.
                try database.execute(sql: "PRAGMA synchronous = FULL")
            }
            try queue.write { database in
                try Schema.checkIntegrity(database)
                try Schema.migrate(database)
            }
            self.queue = Mutex(queue)
        } catch {
            throw Self.storeError(error, path: path)
        }
    }

    package func load() async throws(FleetStoreError) -> StoredFleet {
        do { return try await open().read(Schema.readFleet) } catch { throw Self.storeError(error, path: path) }
    }

    package func beginTerm() async throws(FleetStoreError) -> StoredFleet {
        do {
            return try await open().write { database in
                try database.execute(sql: "UPDATE meta SET term = term + 1, revision = revision + 1")
                return try Schema.readFleet(database)
            }
        } catch {
            throw Self.storeError(error, path: path)
        }
    }

    package func raiseTerm(to term: UInt64) async throws(FleetStoreError) {
        // SQLite's integers are signed.
        guard let term = Int64(exactly: term) else { throw FleetStoreError(.unavailable, "\(path): no term \(term)") }
        do {
            try await open().write { database in
                try database.execute(
                    sql: "UPDATE meta SET term = max(term, ?), next_grant = max(next_grant, ?)",
                    arguments: [term, Int64(clamping: StoredFleet.firstGrant(above: UInt64(term)))])
            }
        } catch {
            throw Self.storeError(error, path: path)
        }
    }

    package func commit(_ transaction: StoreTransaction) async -> CommitOutcome {
        do {
            return try await open().write { database in
                let (term, revision) = try Schema.readPosition(database)
                if let conflict = StoreConflict.between(term: term, revision: revision, and: transaction) {
                    return .conflict(conflict)
                }
                for grant in transaction.upserts { try Schema.upsert(grant, database) }
                for grant in transaction.removals { try Schema.remove(grant, database) }
                if let rules = transaction.rules { try RulesSchema.replace(rules, database) }
                if let orders = transaction.orders { try OrdersSchema.replace(orders, database) }
                if let write = transaction.rollouts { try RolloutsSchema.apply(write, database) }
                try Schema.writePosition(revision: revision + 1, nextGrant: transaction.nextGrant, database)
                return .committed(revision: revision + 1)
            }
        } catch {
            return .unknown(Self.storeError(error, path: path).description)
        }
    }

    package func close() async { queue.withLock { $0 = nil } }

    private func open() throws(FleetStoreError) -> DatabaseQueue {
        guard let queue = queue.withLock({ $0 }) else { throw FleetStoreError(.closed, "the store is closed") }
        return queue
    }

    /// The settings in force on the connection that commits, as SQLite itself names them.
    func durabilitySettings() async throws -> (journalMode: String?, synchronous: Int?) {
        try await open().read { database in
            (
                try String.fetchOne(database, sql: "PRAGMA journal_mode"),
                try Int.fetchOne(database, sql: "PRAGMA synchronous")
            )
        }
    }

    private static let sqliteHeaderBytes = 100

    /// SQLite gives its side files the permissions of the main one.
    private static func createPrivateFile(_ path: String) throws(FleetStoreError) {
        let descriptor = Foundation.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FleetStoreError(.unavailable, String(cString: strerror(errno))) }
        defer { Foundation.close(descriptor) }
        // SQLite takes a file shorter than its header for an empty one, and would start over.
        let size = lseek(descriptor, 0, SEEK_END)
        guard size == 0 || size >= sqliteHeaderBytes else {
            throw FleetStoreError(.corrupt, "truncated to \(size) bytes")
        }
    }

    private static func storeError(_ error: any Error, path: String) -> FleetStoreError {
        if let error = error as? FleetStoreError { return FleetStoreError(error.code, "\(path): \(error.message)") }
        guard let error = error as? DatabaseError else { return FleetStoreError(.unavailable, "\(path): \(error)") }
        let text = "\(path): \(error.message ?? "SQLite error") (SQLite result \(error.extendedResultCode.rawValue))"
        switch error.resultCode {
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: return FleetStoreError(.corrupt, text)
        case .SQLITE_MISUSE: return FleetStoreError(.closed, text)
        default: return FleetStoreError(.unavailable, text)
        }
    }
}
