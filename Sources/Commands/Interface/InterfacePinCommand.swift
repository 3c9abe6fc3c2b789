import ArgumentParser
import FleetModel

/// Whom a pin is for: just one of these.
struct PinScopeOptions: ParsableArguments {
    @Option(help: "An instance, as 'presync instances' names it.") var instance: String?
    @Option(help: "All instances of an application type.") var application: String?
    @Option(help: "All instances of a tenant.") var tenant: String?
    @Option(name: .customLong("class"), help: "All instances of a priority class.") var priorityClass: String?

    func scope() throws -> VersionRules.Scope {
        let named: [(VersionRules.Scope.Kind, String?)] = [
            (.instance, instance), (.application, application), (.tenant, tenant), (.priorityClass, priorityClass),
        ]
        let given = named.compactMap { kind, name in name.map { (kind, $0) } }
        guard given.count == 1 else {
            throw ValidationError("say whom it is for: one of --instance, --application, --tenant, --class")
        }
        guard let scope = VersionRules.Scope(given[0].0, given[0].1) else {
            throw ValidationError("'\(given[0].1)' is no name of 1 to 128 letters, digits and . _ : / @ -")
        }
        return scope
    }
}

/// `presync interface pin`.
struct InterfacePinCommand: AsyncParsableCommand, ChangingCommand {
    static let configuration = CommandConfiguration(
        commandName: "pin",
        abstract: "Allow only some interface versions for an instance, application, tenant or class.",
        discussion: """
            The narrowest pin that fits an instance counts: its own, else that of its application, its tenant, its \
            class. It goes before interface-pins of the manager's configuration, outlives the manager, and holds for \
            sessions that open from now on; what is prepared in another version is given up.

            presync interface pin 1.2.0 --instance trainer
            presync interface pin '>=1.0.0 <2.0.0' --tenant acme
            """)

    @OptionGroup var scope: PinScopeOptions
    @OptionGroup var options: OrderOptions

    @Argument(help: "A version (1.2.0) or a range ('>=1.2.0', '<2.0.0', '>=1.2.0 <2.0.0').") var versions: String

    func validate() throws { _ = try changes() }

    func changes() throws -> [OperatorChange] {
        guard let rule = VersionRule(versions) else {
            throw ValidationError("'\(versions)' is no version and no range: write it as 1.2.0 or '>=1.2.0 <2.0.0'")
        }
        return [.setVersionRule(try scope.scope(), rule)]
    }

    func run() async throws { try await options.givePins(changes()) }
}

/// `presync interface unpin`.
struct InterfaceUnpinCommand: AsyncParsableCommand, ChangingCommand {
    static let configuration = CommandConfiguration(
        commandName: "unpin", abstract: "Take a pin back.", discussion: "presync interface unpin --tenant acme")

    @OptionGroup var scope: PinScopeOptions
    @OptionGroup var options: OrderOptions

    func validate() throws { _ = try changes() }

    func changes() throws -> [OperatorChange] { [.setVersionRule(try scope.scope(), nil)] }

    func run() async throws { try await options.givePins(changes()) }
}

/// `presync interface pins`.
struct InterfacePinsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pins", abstract: "The pins that were ordered; those of the configuration stand in it.")

    @OptionGroup var options: OrderOptions

    func run() async throws {
        try await CommandRunner.run {
            let settings = try await ManagerConnection.withClient(address: options.manager.address) { client in
                try await client.settings()
            }
            try options.output.write(InterfacePinsView(settings.orders.versionRules))
        }
    }
}

extension OrderOptions {
    /// Gives orders, and shows the pins of interface versions that then stand.
    fileprivate func givePins(_ changes: [OperatorChange]) async throws {
        try await CommandRunner.run {
            let settings = try await ManagerConnection.withClient(address: manager.address) { client in
                try await client.change(changes)
            }
            try output.write(InterfacePinsView(settings.orders.versionRules))
        }
    }
}

/// Pins of interface versions, the narrower before the wider.
struct InterfacePinsView: RenderableAnswer {
    struct Pin: Encodable {
        /// `instance`, `application`, `tenant` or `class`.
        var scope: String
        var name: String
        var versions: String
    }

    var pins: [Pin]

    init(_ rules: VersionRules) {
        pins = rules.sorted.map {
            Pin(scope: $0.scope.kind.rawValue, name: $0.scope.name, versions: $0.rule.description)
        }
    }

    func table() -> TextTable {
        TextTable(
            titles: ["FOR", "NAME", "VERSIONS"],
            rows: pins.map { [$0.scope, $0.name, $0.versions].map { TextTable.Cell($0) } },
            emptyText: "nothing is pinned by order")
    }
}
