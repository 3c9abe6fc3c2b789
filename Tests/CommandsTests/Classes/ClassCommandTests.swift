import ArgumentParser
import FleetModel
import Foundation
import Testing

@testable import Commands

@Suite struct ClassCommandTests {
    @Test func `figures are taken from the command line`() throws {
        let set = try ClassSetCommand.parse(["night", "--weight", "0.5", "--grace", "1500ms", "--may-take", "false"])
        #expect(try set.figures == ClassFigures(weight: 0.5, grace: .milliseconds(1_500), mayTake: false))
        #expect(throws: (any Error).self) { try ClassSetCommand.parse(["night"]) }
        let patience = try ClassSetCommand.parse(["night", "--patience", "never"])
        #expect(try patience.figures == ClassFigures(patience: .some(nil)))
        #expect(throws: (any Error).self) { try ClassSetCommand.parse(["night", "--patience", "soon"]) }
        #expect(throws: (any Error).self) { try ClassSetCommand.parse(["no name", "--weight", "1"]) }
    }

    @Test func `rules are taken from the command line`() throws {
        let add = try ClassRuleCommand.Add.parse(["--class", "batch", "--tenant", "t*", "--at", "1"])
        #expect(try add.rule() == ClassRule(tenant: "t*", priorityClass: PriorityClass.batch.name))
        #expect(throws: (any Error).self) { try ClassRuleCommand.Add.parse(["--class", "batch"]) }
        #expect(throws: (any Error).self) { try ClassRuleCommand.Add.parse(["--class", "batch", "--tenant", "a b"]) }
        #expect(throws: (any Error).self) { try ClassRuleCommand.Remove.parse(["0"]) }
        #expect(throws: (any Error).self) { try ClassQuotaCommand.Set.parse(["t", "1.5"]) }
    }

    @Test func `what is in force is shown`() throws {
        let rules = ClassRules(
            rules: [ClassRule(application: "chat*", priorityClass: PriorityClass.interactive.name)],
            quotas: [TenantID(unchecked: "studio"): 0.25]
        ).inForce(over: PriorityClass.builtIn)
        let text = try AnswerRenderer(format: .table).render(ClassesView(rules))
        #expect(text.contains("interactive") && text.contains("chat*") && text.contains("studio  25 %"))
        let json = try AnswerRenderer(format: .json).render(ClassesView(rules))
        let object = try #require(try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
        #expect((object["classes"] as? [[String: Any]])?.count == 3)
        #expect((object["rules"] as? [[String: Any]])?.first?["number"] as? Int == 1)
        #expect((object["quotas"] as? [[String: Any]])?.first?["share"] as? Double == 0.25)
        let empty = try AnswerRenderer(format: .table).render(RulesView(ClassRules()))
        #expect(empty.hasPrefix("No rules"))
    }
}
