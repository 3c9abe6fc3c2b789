import FleetModel
import GRDB

/// The tables of what operators have ordered beside classes, rules and quotas. A change replaces them whole: they are small.
enum OrdersSchema {
    /// Adds the tables and columns to a store of version 3, which is then of version 4.
    static func addTables(_ database: Database) throws {
        try database.execute(
            sql: """
                ALTER TABLE classes ADD COLUMN notice_ns INTEGER;
                ALTER TABLE classes ADD COLUMN patience_ns INTEGER;
                ALTER TABLE class_rules ADD COLUMN user TEXT;
                CREATE TABLE orders (
                    id INTEGER PRIMARY KEY CHECK (id = 1),
                    revision INTEGER NOT NULL,
                    mode TEXT
                ) STRICT;
                INSERT INTO orders VALUES (1, 0, NULL);
                CREATE TABLE pins (instance TEXT PRIMARY KEY, server TEXT NOT NULL, device_index INTEGER) STRICT;
                CREATE TABLE manual_reservations (
                    instance TEXT PRIMARY KEY,
                    memory_bytes INTEGER NOT NULL,
                    compute_milli INTEGER NOT NULL,
                    from_unix_ms INTEGER NOT NULL,
                    until_unix_ms INTEGER
                ) STRICT;
                CREATE TABLE maintenance (
                    server TEXT NOT NULL,
                    from_unix_ms INTEGER NOT NULL,
                    until_unix_ms INTEGER,
                    PRIMARY KEY (server, from_unix_ms)
                ) STRICT;
                PRAGMA user_version = 4;
                """)
    }

    static func replace(_ orders: OperatorOrders, _ database: Database) throws {
        try database.execute(
            sql:
                "DELETE FROM pins; DELETE FROM manual_reservations; DELETE FROM maintenance; DELETE FROM returning_servers"
        )
        try VersionRulesSchema.replace(orders.versionRules, database)
        try database.cachedStatement(sql: "UPDATE orders SET revision = ?, mode = ?")
            .execute(arguments: [Int64(bitPattern: orders.revision), orders.mode?.rawValue])
        for (instance, place) in orders.pins {
            var index: Int?
            if case .device(let device) = place { index = device.index }
            try database.cachedStatement(sql: "INSERT INTO pins VALUES (?, ?, ?)")
                .execute(arguments: [instance.rawValue, place.server.rawValue, index])
        }
        for one in orders.reservations {
            try database.cachedStatement(sql: "INSERT INTO manual_reservations VALUES (?, ?, ?, ?, ?)").execute(
                arguments: [
                    one.instance.rawValue, one.slice.memory.rawValue, one.slice.compute.rawValue, one.from.rawValue,
                    one.until?.rawValue,
                ])
        }
        for window in orders.maintenance {
            try database.cachedStatement(sql: "INSERT INTO maintenance VALUES (?, ?, ?, ?, ?)").execute(
                arguments: [
                    window.server.rawValue, window.from.rawValue, window.until?.rawValue, window.deadline?.rawValue,
                    window.atDeadline.rawValue,
                ])
        }
        for server in orders.returning.sorted() {
            try database.cachedStatement(sql: "INSERT INTO returning_servers VALUES (?)").execute(arguments: [
                server.rawValue
            ])
        }
    }

    static func read(_ database: Database) throws -> OperatorOrders {
        guard let row = try Row.fetchOne(database, sql: "SELECT revision, mode FROM orders") else {
            throw FleetStoreError(.corrupt, "the row of orders is missing")
        }
        var orders = OperatorOrders(revision: UInt64(bitPattern: row["revision"]))
        if let name = row["mode"] as String? {
            guard let mode = ManagerMode(rawValue: name) else { throw FleetStoreError(.corrupt, "no mode \(name)") }
            orders.mode = mode
        }
        try readPins(into: &orders, database)
        try readReservations(into: &orders, database)
        try readMaintenance(into: &orders, database)
        orders.versionRules = try VersionRulesSchema.read(database)
        return orders
    }

    private static func readPins(into orders: inout OperatorOrders, _ database: Database) throws {
        let rows = try Row.fetchCursor(database, sql: "SELECT instance, server, device_index FROM pins")
        while let row = try rows.next() {
            let server: GPUServerID = try Schema.identifier(row, "server")
            var place = PinnedPlace.server(server)
            if let index = row["device_index"] as Int64? {
                guard (0...1_023).contains(index) else { throw FleetStoreError(.corrupt, "a pin names no device") }
                place = .device(DeviceID(server: server, index: Int(index)))
            }
            orders.pins[try Schema.identifier(row, "instance")] = place
        }
    }

    private static func readReservations(into orders: inout OperatorOrders, _ database: Database) throws {
        let rows = try Row.fetchCursor(
            database,
            sql: """
                SELECT instance, memory_bytes, compute_milli, from_unix_ms, until_unix_ms
                FROM manual_reservations ORDER BY instance
                """)
        while let row = try rows.next() {
            guard let compute = Int32(exactly: row["compute_milli"] as Int64) else {
                throw FleetStoreError(.corrupt, "a reservation has a malformed compute_milli")
            }
            let one = ManualReservation(
                instance: try Schema.identifier(row, "instance"),
                slice: Slice(memory: Bytes(row["memory_bytes"] as Int64), compute: MilliShare(compute)),
                from: WallTime(rawValue: row["from_unix_ms"]),
                until: (row["until_unix_ms"] as Int64?).map { WallTime(rawValue: $0) })
            do { try one.validate(now: WallTime.range.lowerBound) } catch {
                throw FleetStoreError(.corrupt, "the reservation of \(one.instance): \(error)")
            }
            orders.reservations.append(one)
        }
    }

    private static func readMaintenance(into orders: inout OperatorOrders, _ database: Database) throws {
        let rows = try Row.fetchCursor(
            database,
            sql: """
                SELECT server, from_unix_ms, until_unix_ms, deadline_unix_ms, at_deadline FROM maintenance
                ORDER BY server, from_unix_ms
                """)
        while let row = try rows.next() {
            guard let atDeadline = MaintenanceWindow.AtDeadline(rawValue: row["at_deadline"] as String) else {
                throw FleetStoreError(.corrupt, "a maintenance window has a malformed at_deadline")
            }
            let window = MaintenanceWindow(
                server: try Schema.identifier(row, "server"), from: WallTime(rawValue: row["from_unix_ms"]),
                until: (row["until_unix_ms"] as Int64?).map { WallTime(rawValue: $0) },
                deadline: (row["deadline_unix_ms"] as Int64?).map { WallTime(rawValue: $0) }, atDeadline: atDeadline)
            do { try window.validate(now: WallTime.range.lowerBound) } catch {
                throw FleetStoreError(.corrupt, "the maintenance of \(window.server): \(error)")
            }
            orders.maintenance.append(window)
        }
        let returning = try Row.fetchCursor(database, sql: "SELECT server FROM returning_servers")
        while let row = try returning.next() { orders.returning.insert(try Schema.identifier(row, "server")) }
    }
}
