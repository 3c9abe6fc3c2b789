import ArgumentParser
import FleetModel

/// `presync class rule`.
struct ClassRuleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rule", abstract: "Which instances have which class: the first rule that matches decides.",
        discussion:
            "Without a rule that matches, an instance has the class that it declares, and standard if it declares none.",
        subcommands: [List.self, Add.self, Remove.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "The rules, in their order.")

        @OptionGroup var options: ClassOptions

        func run() async throws { try await options.show { RulesView($0) } }
    }

    struct Add: AsyncParsableCommand, ChangingCommand {
        static let configuration = CommandConfiguration(
            abstract: "Adds a rule: last, or at a place.",
            discussion: """
                * stands for any characters. An instance must match all that is given.

                presync class rule add --class interactive --application 'chat*'
                presync class rule add --class batch --tenant studio --instance 'night-*' --at 1
                presync class rule add --class interactive --user alice
                """)

        @OptionGroup var options: ClassOptions

        @Option(name: .customLong("class"), help: "The class that matching instances have.")
        var priorityClass: String

        @Option(help: "The tenant, with * for any characters.")
        var tenant: String?

        @Option(help: "The user's name or number, with * for any characters.")
        var user: String?

        @Option(help: "The application type, with * for any characters.")
        var application: String?

        @Option(help: "The instance's id, with * for any characters.")
        var instance: String?

        @Option(help: ArgumentHelp("The number that it is to have in the list, from 1.", valueName: "n"))
        var at: Int?

        func rule() throws -> ClassRule {
            ClassRule(
                tenant: tenant, user: user, application: application, instance: instance,
                priorityClass: try ClassArgument.name(priorityClass, "class"))
        }

        func validate() throws {
            do { try rule().validate() } catch let error as OrderError { throw ValidationError("\(error)") }
            guard (at ?? 1) >= 1 else { throw ValidationError("--at must be 1 or more") }
        }

        func changes() throws -> [OperatorChange] { [.classes(.addRule(try rule(), at: at.map { $0 - 1 }))] }

        func run() async throws { try await options.change(changes()) { RulesView($0) } }
    }

    struct Remove: AsyncParsableCommand, ChangingCommand {
        static let configuration = CommandConfiguration(abstract: "Removes a rule.")

        @OptionGroup var options: ClassOptions

        @Argument(help: "Its number in 'presync class rule list', from 1.")
        var number: Int

        func validate() throws {
            guard number >= 1 else { throw ValidationError("the number must be 1 or more") }
        }

        func changes() throws -> [OperatorChange] { [.classes(.removeRule(number - 1))] }

        func run() async throws { try await options.change(changes()) { RulesView($0) } }
    }
}
