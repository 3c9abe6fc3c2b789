import Dashboard
import FleetModel

/// The classes, rules and quotas, as `presync class list` shows them.
struct ClassesView: RenderableAnswer {
    struct Row: Encodable {
        var name: String
        var weight: Double
        var serviceLevel: Double
        var graceSeconds: Double
        var mayTake: Bool
        var mayBeTakenFrom: Bool
        /// The share of the pool's memory that its unused reservations may hold.
        var idleBudget: Double
        /// What is kept on a second GPU server: none, warm or reserved.
        var backup: String
        /// Absent: its sessions are never taken from programs.
        var noticeSeconds: Double?
        /// Absent: its requests wait as long as their programs.
        var patienceSeconds: Double?
    }

    var classes: [Row]
    var rules: [RulesView.Row]
    var quotas: [QuotasView.Row]
    private let shown: ClassRules

    private enum CodingKeys: CodingKey { case classes, rules, quotas }

    init(_ shown: ClassRules) {
        self.shown = shown
        classes = shown.classes.map { one in
            Row(
                name: one.name.rawValue, weight: one.weight, serviceLevel: one.serviceLevel,
                graceSeconds: one.grace.inSeconds, mayTake: one.mayTake, mayBeTakenFrom: one.mayBeTakenFrom,
                idleBudget: one.idleBudget, backup: one.backup.rawValue, noticeSeconds: one.notice?.inSeconds,
                patienceSeconds: one.patience?.inSeconds)
        }
        rules = RulesView(shown).rules
        quotas = QuotasView(shown).quotas
    }

    func table() -> TextTable {
        var table = TextTable(titles: [
            "CLASS", "WEIGHT", "SERVICE LEVEL", "GRACE", "MAY TAKE", "MAY BE TAKEN FROM", "IDLE BUDGET", "BACKUP",
            "NOTICE", "PATIENCE",
        ])
        table.rows = classes.map { one in
            [
                TextTable.Cell(one.name), TextTable.Cell(Quantity.decimal(one.weight, digits: 2)),
                TextTable.Cell(Quantity.decimal(one.serviceLevel, digits: 2)),
                TextTable.Cell(Quantity.decimal(one.graceSeconds, digits: 1) + " s"),
                TextTable.Cell(one.mayTake ? "yes" : "no"), TextTable.Cell(one.mayBeTakenFrom ? "yes" : "no"),
                TextTable.Cell(Quantity.percent(one.idleBudget)),
                TextTable.Cell(one.backup), Self.seconds(one.noticeSeconds), Self.seconds(one.patienceSeconds),
            ]
        }
        return table
    }

    private static func seconds(_ value: Double?) -> TextTable.Cell {
        TextTable.Cell(value.map { Quantity.decimal($0, digits: 1) + " s" } ?? "-")
    }

    func lines(header: Bool, width: Int) -> [StyledLine] {
        table().lines(header: header) + [StyledLine()] + RulesView(shown).table().lines(header: header)
            + [StyledLine()] + QuotasView(shown).table().lines(header: header)
    }
}

/// The rules, as `presync class rule list` shows them.
struct RulesView: RenderableAnswer {
    struct Row: Encodable {
        /// From 1.
        var number: Int
        var tenant: String?
        var user: String?
        var application: String?
        var instance: String?
        var priorityClass: String
    }

    var rules: [Row]

    init(_ shown: ClassRules) {
        rules = shown.rules.enumerated().map { index, rule in
            Row(
                number: index + 1, tenant: rule.tenant, user: rule.user, application: rule.application,
                instance: rule.instance,
                priorityClass: rule.priorityClass.rawValue)
        }
    }

    func table() -> TextTable {
        var table = TextTable(
            titles: ["RULE", "TENANT", "USER", "APPLICATION", "INSTANCE", "CLASS"],
            emptyText: "No rules: each instance has the class that it declares.")
        table.rows = rules.map { rule in
            [
                "\(rule.number)", rule.tenant ?? "*", rule.user ?? "*", rule.application ?? "*", rule.instance ?? "*",
                rule.priorityClass,
            ].map { TextTable.Cell($0) }
        }
        return table
    }
}

/// The quotas, as `presync class quota list` shows them.
struct QuotasView: RenderableAnswer {
    struct Row: Encodable {
        var tenant: String
        /// Of the pool's memory, 0 to 1.
        var share: Double
    }

    var quotas: [Row]

    init(_ shown: ClassRules) {
        quotas = shown.quotas.sorted { $0.key < $1.key }.map { Row(tenant: $0.key.rawValue, share: $0.value) }
    }

    func table() -> TextTable {
        var table = TextTable(
            titles: ["TENANT", "QUOTA"], emptyText: "No quotas: each tenant may have all of the pool.")
        table.rows = quotas.map { [TextTable.Cell($0.tenant), TextTable.Cell(Quantity.percent($0.share))] }
        return table
    }
}
