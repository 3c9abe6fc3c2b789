import FleetModel
import GRDB

/// The table of what operators have ruled about interface versions. A change replaces it whole: it is small.
enum VersionRulesSchema {
    /// Adds it to a store of version 5, which is then of version 6.
    static func addTables(_ database: Database) throws {
        try database.execute(
            sql: """
                CREATE TABLE version_rules (
                    scope TEXT NOT NULL,
                    name TEXT NOT NULL,
                    rule TEXT NOT NULL,
                    PRIMARY KEY (scope, name)
                ) STRICT;
                PRAGMA user_version = 6;
                """)
    }

    static func replace(_ rules: VersionRules, _ database: Database) throws {
        try database.execute(sql: "DELETE FROM version_rules")
        for (scope, rule) in rules.sorted {
            try database.cachedStatement(sql: "INSERT INTO version_rules VALUES (?, ?, ?)")
                .execute(arguments: [scope.kind.rawValue, scope.name, rule.description])
        }
    }

    static func read(_ database: Database) throws -> VersionRules {
        var rules = VersionRules()
        let rows = try Row.fetchCursor(database, sql: "SELECT scope, name, rule FROM version_rules")
        while let row = try rows.next() {
            let (kind, name, text): (String, String, String) = (row["scope"], row["name"], row["rule"])
            guard let scope = VersionRules.Scope.Kind(rawValue: kind).flatMap({ VersionRules.Scope($0, name) }),
                let rule = VersionRule(text)
            else { throw FleetStoreError(.corrupt, "the version rule of \(kind) \(name)") }
            rules.set(rule, for: scope)
        }
        return rules
    }
}
