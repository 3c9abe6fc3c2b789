import ControlProtocol
import FleetModel
import SwiftProtobuf
import Testing

@Suite struct ClassMappingTests {
    private static let rule = ClassRule(tenant: "t*", instance: "i1", priorityClass: PriorityClass.batch.name)

    @Test func rulesSurviveTheWire() throws {
        var classes = PriorityClass.builtIn
        classes[1].idleBudget = 0.25
        let rules = ClassRules(
            classes: classes, rules: [Self.rule, ClassRule(application: "*", priorityClass: classes[0].name)],
            quotas: [TenantID(unchecked: "a"): 0.5, TenantID(unchecked: "b"): 0])
        #expect(try ClassRules(wire: rules.wire) == rules)
    }

    @Test(arguments: [
        ClassChange.set(
            PriorityClass.batch.name,
            ClassFigures(
                weight: 2, serviceLevel: 0.5, grace: .seconds(1), idleBudget: 0, mayTake: false, mayBeTakenFrom: true)),
        .set(PriorityClass.batch.name, ClassFigures()), .addRule(rule, at: nil), .addRule(rule, at: 0), .removeRule(0),
        .removeRule(7), .setQuota(TenantID(unchecked: "t"), 0.5), .removeQuota(TenantID(unchecked: "t")),
        .remove(PriorityClass.batch.name),
        .addRule(ClassRule(user: "al*", priorityClass: PriorityClass.batch.name), at: nil),
        .set(PriorityClass.batch.name, ClassFigures(notice: .some(nil), patience: .seconds(10))),
    ])
    func changesSurviveTheWire(change: ClassChange) throws {
        #expect(try ClassChange(wire: change.wire) == change)
    }

    @Test func whatIsMissingOrSpoiledIsRefused() {
        let missing = #expect(throws: ProtocolError.self) { try ClassChange(wire: WireClassChange()) }
        #expect(missing == ProtocolError("change", .missing))
        let spoiled = WireClassRules.with {
            $0.quotas = [
                .with {
                    $0.tenant = "t"; $0.share = 2
                }
            ]
        }
        let range = #expect(throws: ProtocolError.self) { try ClassRules(wire: spoiled) }
        #expect(range == ProtocolError("quotas[0].share", .outOfRange))
    }

    @Test func aManagerFromBeforeIdleBudgetsLimitsNothing() throws {
        var wire = PriorityClass.batch.wire
        wire.clearIdleBudget()
        #expect(try PriorityClass(wire: wire).idleBudget == 1)
    }
}
