import Determinism
import FleetModel
import Testing

@Suite struct ClassRulesTests {
    private let builtIn = PriorityClass.builtIn

    private func instance(_ id: String, tenant: String = "t", _ application: String = "chat") -> InstanceDescription {
        InstanceDescription(
            id: InstanceID(unchecked: id), tenant: TenantID(unchecked: tenant),
            application: ApplicationType(unchecked: application))
    }

    @Test(arguments: [
        ("*", "", true), ("chat*", "chat-1", true), ("*-1", "chat-1", true), ("c*t*1", "chat-1", true),
        ("chat", "chat-1", false), ("*a*b", "aab-", false), ("", "x", false), ("a*a", "a", false),
    ])
    func aStarStandsForAnyCharacters(pattern: String, text: String, matches: Bool) {
        #expect(ClassRule.matches(pattern, text) == matches)
    }

    @Test func theFirstRuleThatMatchesDecidesElseTheInstance() throws {
        var rules = ClassRules()
        let batch = PriorityClass.batch.name
        try rules.apply(
            .addRule(ClassRule(tenant: "t", application: "chat*", priorityClass: batch), at: nil), configured: builtIn)
        try rules.apply(
            .addRule(ClassRule(instance: "vip*", priorityClass: PriorityClass.interactive.name), at: 0),
            configured: builtIn)
        let inForce = rules.inForce(over: builtIn)
        #expect(inForce.priority(of: instance("vip-1")) == .interactive)
        #expect(inForce.priority(of: instance("i1")) == .batch)
        #expect(inForce.priority(of: instance("i1", tenant: "u")) == .standard)
        var declared = instance("i1", tenant: "u")
        declared.priorityClass = PriorityClassName(unchecked: "unknown")
        #expect(inForce.priority(of: declared) == .standard)
        try rules.apply(.removeRule(0), configured: builtIn)
        #expect(rules.inForce(over: builtIn).priority(of: instance("vip-1")) == .batch)
    }

    @Test func aClassKeepsWhatIsNotSet() throws {
        var rules = ClassRules()
        try rules.apply(.set(PriorityClass.batch.name, ClassFigures(idleBudget: 0.25)), configured: builtIn)
        let set = try #require(rules.inForce(over: builtIn).classes.first { $0.name == PriorityClass.batch.name })
        #expect(set.idleBudget == 0.25 && set.weight == PriorityClass.batch.weight && !set.mayTake)
        let night = PriorityClassName(unchecked: "night")
        try rules.apply(.set(night, ClassFigures(weight: 8)), configured: builtIn)
        let inForce = rules.inForce(over: builtIn)
        #expect(inForce.classes.map(\.name.rawValue) == ["night", "interactive", "standard", "batch"])
    }

    @Test(arguments: [
        ClassChange.set(PriorityClass.batch.name, ClassFigures(weight: 0)),
        .set(PriorityClass.batch.name, ClassFigures(serviceLevel: 1)),
        .set(PriorityClass.batch.name, ClassFigures(grace: .seconds(-1))),
        .set(PriorityClass.batch.name, ClassFigures(idleBudget: .nan)),
        .addRule(ClassRule(priorityClass: PriorityClass.batch.name), at: nil),
        .addRule(ClassRule(tenant: "a b", priorityClass: PriorityClass.batch.name), at: nil),
        .addRule(ClassRule(tenant: "a", priorityClass: PriorityClassName(unchecked: "none")), at: nil),
        .addRule(ClassRule(tenant: "a", priorityClass: PriorityClass.batch.name), at: 1),
        .removeRule(0), .setQuota(TenantID(unchecked: "t"), 1.1), .removeQuota(TenantID(unchecked: "t")),
    ])
    func whatCannotBeIsRefusedAndChangesNothing(change: ClassChange) {
        var rules = ClassRules()
        #expect(throws: OrderError.self) { try rules.apply(change, configured: builtIn) }
        #expect(rules == ClassRules())
    }

    /// What a pattern means, tried out: a star is every number of characters.
    private static func obviouslyMatches(_ pattern: ArraySlice<UInt8>, _ text: ArraySlice<UInt8>) -> Bool {
        guard let first = pattern.first else { return text.isEmpty }
        if first == UInt8(ascii: "*") {
            return (0...text.count).contains { obviouslyMatches(pattern.dropFirst(), text.dropFirst($0)) }
        }
        return text.first == first && obviouslyMatches(pattern.dropFirst(), text.dropFirst())
    }

    @Test func patternsFitAsTriedOut() {
        var random = SeededGenerator(seed: 9)
        func text(_ letters: [String], _ most: UInt64) -> String {
            (0..<random.below(most)).map { _ in letters[Int(random.below(UInt64(letters.count)))] }.joined()
        }
        for _ in 0..<3_000 {
            let (pattern, name) = (text(["a", "b", "*"], 7), text(["a", "b"], 9))
            let expected = Self.obviouslyMatches(Array(pattern.utf8)[...], Array(name.utf8)[...])
            #expect(ClassRule.matches(pattern, name) == expected, "\(pattern) \(name)")
        }
    }
}
