import FleetModel
import GRDB

/// The tables of what an operator has set: classes, rules and quotas. A change replaces them whole: they are small.
enum RulesSchema {
    /// Adds the tables to a store of version 1, which is then of version 2.
    static func addTables(_ database: Database) throws {
        try database.execute(
            sql: """
                CREATE TABLE classes (
                    name TEXT PRIMARY KEY,
                    weight REAL NOT NULL,
                    service_level REAL NOT NULL,
                    grace_ns INTEGER NOT NULL,
                    may_take INTEGER NOT NULL,
                    may_be_taken_from INTEGER NOT NULL,
                    idle_budget REAL NOT NULL
                ) STRICT;
                CREATE TABLE class_rules (
                    position INTEGER PRIMARY KEY,
                    tenant TEXT,
                    application TEXT,
                    instance TEXT,
                    priority_class TEXT NOT NULL
                ) STRICT;
                CREATE TABLE quotas (tenant TEXT PRIMARY KEY, share REAL NOT NULL) STRICT;
                PRAGMA user_version = 2;
                """)
    }

    static func replace(_ rules: ClassRules, _ database: Database) throws {
        try database.execute(sql: "DELETE FROM classes; DELETE FROM class_rules; DELETE FROM quotas")
        for one in rules.classes {
            try database.cachedStatement(sql: "INSERT INTO classes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)").execute(
                arguments: [
                    one.name.rawValue, one.weight, one.serviceLevel, one.grace.nanoseconds, one.mayTake,
                    one.mayBeTakenFrom, one.idleBudget, one.backup.rawValue, one.notice?.nanoseconds,
                    one.patience?.nanoseconds,
                ])
        }
        for (position, rule) in rules.rules.enumerated() {
            try database.cachedStatement(sql: "INSERT INTO class_rules VALUES (?, ?, ?, ?, ?, ?)").execute(arguments: [
                position, rule.tenant, rule.application, rule.instance, rule.priorityClass.rawValue, rule.user,
            ])
        }
        for (tenant, share) in rules.quotas {
            try database.cachedStatement(sql: "INSERT INTO quotas VALUES (?, ?)")
                .execute(arguments: [tenant.rawValue, share])
        }
    }

    static func read(_ database: Database) throws -> ClassRules {
        var rules = ClassRules()
        let classes = try Row.fetchCursor(
            database,
            sql: """
                SELECT name, weight, service_level, grace_ns, may_take, may_be_taken_from, idle_budget, backup,
                    notice_ns, patience_ns
                FROM classes ORDER BY name
                """)
        while let row = try classes.next() {
            let one = PriorityClass(
                name: try Schema.identifier(row, "name"), weight: row["weight"], serviceLevel: row["service_level"],
                grace: .nanoseconds(row["grace_ns"] as Int64), mayTake: row["may_take"] as Int64 != 0,
                mayBeTakenFrom: row["may_be_taken_from"] as Int64 != 0, idleBudget: row["idle_budget"],
                backup: try RecoverySchema.backup(row),
                notice: (row["notice_ns"] as Int64?).map { .nanoseconds($0) },
                patience: (row["patience_ns"] as Int64?).map { .nanoseconds($0) })
            do { try one.validate() } catch { throw FleetStoreError(.corrupt, "class \(one.name): \(error)") }
            rules.classes.append(one)
        }
        let kept = try Row.fetchCursor(
            database,
            sql: "SELECT tenant, application, instance, priority_class, user FROM class_rules ORDER BY position")
        while let row = try kept.next() {
            let rule = ClassRule(
                tenant: row["tenant"], user: row["user"], application: row["application"], instance: row["instance"],
                priorityClass: try Schema.identifier(row, "priority_class"))
            do { try rule.validate() } catch { throw FleetStoreError(.corrupt, "a rule: \(error)") }
            rules.rules.append(rule)
        }
        let quotas = try Row.fetchCursor(database, sql: "SELECT tenant, share FROM quotas")
        while let row = try quotas.next() {
            let share: Double = row["share"]
            guard (0...1).contains(share) else { throw FleetStoreError(.corrupt, "a quota is no share") }
            rules.quotas[try Schema.identifier(row, "tenant")] = share
        }
        return rules
    }
}
