import ArgumentParser
import FleetModel

/// `presync class`.
struct ClassCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "class", abstract: "Priority classes, the rules that give them, and quotas of tenants.",
        discussion: """
            What is changed here holds from the manager's next step on, and outlives it.

            presync class list
            presync class set night --weight 0.5 --idle-budget 0.2
            presync class rule add --class night --application 'render*' --tenant studio
            presync class quota set studio 0.25
            """,
        subcommands: [
            ClassListCommand.self, ClassSetCommand.self, ClassRemoveCommand.self, ClassRuleCommand.self,
            ClassQuotaCommand.self,
        ])
}

/// The options that every command takes that shows or changes classes.
struct ClassOptions: ParsableArguments {
    @OptionGroup var manager: ManagerOptions
    @OptionGroup var output: OutputOptions

    /// Shows what is in force.
    func show<View: RenderableAnswer>(_ view: @escaping @Sendable (ClassRules) -> View) async throws {
        try await CommandRunner.run {
            let rules = try await ManagerConnection.withClient(address: manager.address) { try await $0.classRules() }
            try output.write(view(rules))
        }
    }

    /// Changes something, and shows what is then in force.
    func change<View: RenderableAnswer>(
        _ changes: [OperatorChange], _ view: @escaping @Sendable (ClassRules) -> View
    ) async throws {
        try await CommandRunner.run {
            let settings = try await ManagerConnection.withClient(address: manager.address) { client in
                try await client.change(changes)
            }
            try output.write(view(settings.rules))
        }
    }
}

/// `presync class list`.
struct ClassListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "The classes in force, the rules in their order, and the quotas.")

    @OptionGroup var options: ClassOptions

    func run() async throws { try await options.show { ClassesView($0) } }
}

/// `presync class set`.
struct ClassSetCommand: AsyncParsableCommand, ChangingCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Changes figures of a class, or makes a new one.",
        discussion: """
            What is not given stays as it is; of a new class it is as that of standard.

            presync class set batch --idle-budget 0.25 --grace 1s
            presync class set batch --patience 10s --notice 30s
            presync class set interactive --backup warm
            presync class set night --weight 0.5 --may-take false
            """)

    @OptionGroup var options: ClassOptions

    @Argument(help: "The class.")
    var name: String

    // Also of what looks like an option: a number below 0 is to be named as what is wrong.
    @Option(
        parsing: .unconditional, help: "How much a saved second counts: above 0; greater is served first.")
    var weight: Double?

    @Option(help: "The quantile of peak demand that a reservation covers, 0.5 to 0.99.")
    var serviceLevel: Double?

    @Option(
        help: "How long a reservation that is not used is kept, for example 4s.", transform: DurationArgument.parse)
    var grace: DurationArgument?

    @Option(help: "The share of the pool's memory that its unused reservations may hold, 0 to 1.")
    var idleBudget: Double?

    @Option(help: "Whether unused reservations of lower classes may be taken for it: true or false.")
    var mayTake: Bool?

    @Option(help: "Whether its unused reservations may be taken for higher classes: true or false.")
    var mayBeTakenFrom: Bool?

    @Option(
        help: ArgumentHelp(
            "How long its programs' requests wait for a slice before they are refused: for example 10s, 0s for not at "
                + "all, or never: as long as the program does.", valueName: "duration|never"))
    var patience: String?

    @Option(
        help: ArgumentHelp(
            "After how long a notice a session that a program uses may be ended for a waiting program of a class with more "
                + "weight that may take: for example 30s, or never.", valueName: "duration|never"))
    var notice: String?

    @Option(
        help: ArgumentHelp(
            "What is kept on a second GPU server for an instance that has a slice: none, warm (a session without memory) "
                + "or reserved.", valueName: "none|warm|reserved"))
    var backup: PriorityClass.Backup?

    var figures: ClassFigures {
        get throws {
            ClassFigures(
                weight: weight, serviceLevel: serviceLevel, grace: grace?.duration, idleBudget: idleBudget,
                mayTake: mayTake, mayBeTakenFrom: mayBeTakenFrom, backup: backup,
                notice: try ClassArgument.duration(notice, "--notice"),
                patience: try ClassArgument.duration(patience, "--patience"))
        }
    }

    func changes() throws -> [OperatorChange] { [.classes(.set(try ClassArgument.name(name, "class"), try figures))] }

    func validate() throws {
        _ = try ClassArgument.name(name, "class") as PriorityClassName
        guard try figures != ClassFigures() else {
            throw ValidationError("nothing is to be changed: give --weight, --grace or another figure")
        }
    }

    func run() async throws {
        try await options.change(changes()) { ClassesView($0) }
    }
}

/// `presync class remove`.
struct ClassRemoveCommand: AsyncParsableCommand, ChangingCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Takes back what was set of a class.",
        discussion: """
            A class of the manager's configuration is as configured again; any other is gone, and its instances have the \
            class standard. A class that a rule gives is not removed before the rule.

            presync class remove night
            """)

    @OptionGroup var options: ClassOptions

    @Argument(help: "The class.")
    var name: String

    func validate() throws { _ = try ClassArgument.name(name, "class") as PriorityClassName }

    func changes() throws -> [OperatorChange] { [.classes(.remove(try ClassArgument.name(name, "class")))] }

    func run() async throws { try await options.change(changes()) { ClassesView($0) } }
}

/// `presync class quota`.
struct ClassQuotaCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quota", abstract: "How much of the pool's memory may be held ahead of a tenant's demand.",
        subcommands: [List.self, Set.self, Remove.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "The quotas.")

        @OptionGroup var options: ClassOptions

        func run() async throws { try await options.show { QuotasView($0) } }
    }

    struct Set: AsyncParsableCommand, ChangingCommand {
        static let configuration = CommandConfiguration(
            abstract: "Gives a tenant a quota.",
            discussion: """
                What its programs use counts first; reservations that no program has attached to have what is left. A \
                program that asks is never refused for a quota.

                presync class quota set studio 0.25
                """)

        @OptionGroup var options: ClassOptions

        @Argument(help: "The tenant.")
        var tenant: String

        @Argument(help: "The share of the pool's memory, 0 to 1.")
        var share: Double

        func validate() throws {
            _ = try ClassArgument.name(tenant, "tenant") as TenantID
            guard (0...1).contains(share) else { throw ValidationError("the share must be between 0 and 1") }
        }

        func changes() throws -> [OperatorChange] {
            [.classes(.setQuota(try ClassArgument.name(tenant, "tenant"), share))]
        }

        func run() async throws { try await options.change(changes()) { QuotasView($0) } }
    }

    struct Remove: AsyncParsableCommand, ChangingCommand {
        static let configuration = CommandConfiguration(abstract: "Takes a tenant's quota away: it may have all.")

        @OptionGroup var options: ClassOptions

        @Argument(help: "The tenant.")
        var tenant: String

        func validate() throws { _ = try ClassArgument.name(tenant, "tenant") as TenantID }

        func changes() throws -> [OperatorChange] {
            [.classes(.removeQuota(try ClassArgument.name(tenant, "tenant")))]
        }

        func run() async throws { try await options.change(changes()) { QuotasView($0) } }
    }
}

extension PriorityClass.Backup: ExpressibleByArgument {}

/// Names on the command line.
enum ClassArgument {
    static func name<ID: FleetIdentifier>(_ text: String, _ what: String) throws -> ID {
        guard let name = ID(rawValue: text) else {
            throw ValidationError(
                "'\(text)' cannot be the name of any \(what): 1 to 128 characters from A-Z a-z 0-9 . _ : / @ -")
        }
        return name
    }

    /// A duration that may be `never`; nil where nothing is given.
    static func duration(_ text: String?, _ option: String) throws -> Duration?? {
        guard let text else { return nil }
        if text == "never" { return .some(nil) }
        guard let duration = Duration(text: text) else {
            throw ValidationError("\(option): '\(text)' is no duration such as 30s, and not never")
        }
        return duration
    }
}
