import FleetModel
import Testing

@Suite struct OperatorOrdersTests {
    private let now = WallTime(rawValue: 1_000_000)
    private let instance = InstanceID(unchecked: "i1")
    private let server = GPUServerID(unchecked: "s1")
    private let slice = Slice(memory: .mebibytes(64), compute: MilliShare(100))

    private func applying(_ changes: OperatorChange...) throws -> OperatorSettings {
        var settings = OperatorSettings()
        for change in changes { try settings.apply(change, configured: PriorityClass.builtIn, now: now) }
        return settings
    }

    @Test func eachChangeRaisesTheRevision() throws {
        let settings = try applying(
            .setMode(.forecastOnly), .pin(instance, .server(server)), .classes(.setQuota(TenantID(unchecked: "t"), 0.5))
        )
        #expect(settings.orders.revision == 3 && settings.orders.mode == .forecastOnly)
        #expect(settings.orders.pins == [instance: .server(server)] && settings.rules.quotas.count == 1)
    }

    @Test func aVersionRuleIsReplacedAndTakenBack() throws {
        let scope = VersionRules.Scope.tenant(TenantID(unchecked: "t"))
        let (first, second) = (try #require(VersionRule("1.2.0")), try #require(VersionRule("<2.0.0")))
        var settings = try applying(.setVersionRule(scope, first), .setVersionRule(scope, second))
        #expect(settings.orders.versionRules.rules == [scope: second])
        try settings.apply(.setVersionRule(scope, nil), configured: [], now: now)
        #expect(settings.orders.versionRules.rules.isEmpty && settings.orders.revision == 3)
        #expect(throws: OrderError.self) {
            try settings.apply(.setVersionRule(scope, nil), configured: [], now: now)
        }
    }

    @Test func aNewReservationTakesTheOldOnesPlaceAndOneThatIsOverIsForgotten() throws {
        let old = ManualReservation(instance: instance, slice: slice, from: now, until: now + .seconds(1))
        var settings = try applying(.reserve(old))
        let new = ManualReservation(instance: instance, slice: slice, from: now)
        try settings.apply(.reserve(new), configured: [], now: now)
        #expect(settings.orders.reservations == [new])
        settings = try applying(.reserve(old))
        try settings.apply(.setMode(nil), configured: [], now: now + .seconds(2))
        #expect(settings.orders.reservations.isEmpty)
    }

    @Test func whatCannotBeIsRefusedAndChangesNothing() throws {
        let changes: [OperatorChange] = [
            .unpin(instance), .releaseReservation(instance), .removeMaintenance(server, from: nil),
            .reserve(ManualReservation(instance: instance, slice: .zero, from: now)),
            .reserve(ManualReservation(instance: instance, slice: slice, from: now, until: now)),
            .addMaintenance(
                MaintenanceWindow(server: server, from: WallTime(rawValue: 0), until: WallTime(rawValue: 5))),
        ]
        for change in changes {
            var settings = OperatorSettings()
            #expect(throws: OrderError.self) { try settings.apply(change, configured: [], now: now) }
            #expect(settings == OperatorSettings())
        }
    }

    @Test func windowsOfAServerEndTogetherOrOneByOne() throws {
        let first = MaintenanceWindow(server: server, from: now, until: now + .seconds(10))
        let second = MaintenanceWindow(server: server, from: now + .seconds(20))
        var settings = try applying(.addMaintenance(second), .addMaintenance(first))
        #expect(settings.orders.maintenance == [first, second])
        #expect(first.isUnderWay(at: now) && !first.isUnderWay(at: now + .seconds(10)))
        try settings.apply(.removeMaintenance(server, from: first.from), configured: [], now: now)
        #expect(settings.orders.maintenance == [second])
    }

    @Test func aRemovedClassIsAsConfiguredOrGone() throws {
        let night = PriorityClassName(unchecked: "night")
        var settings = try applying(
            .classes(.set(night, ClassFigures(weight: 0.5))),
            .classes(.set(PriorityClass.batch.name, ClassFigures(weight: 3))),
            .classes(.addRule(ClassRule(user: "alice", priorityClass: night), at: nil)))
        #expect(throws: OrderError("rule 1 gives class night: remove it first")) {
            try settings.apply(.classes(.remove(night)), configured: PriorityClass.builtIn, now: now)
        }
        for change in [ClassChange.removeRule(0), .remove(night), .remove(PriorityClass.batch.name)] {
            try settings.apply(.classes(change), configured: PriorityClass.builtIn, now: now)
        }
        let inForce = settings.rules.inForce(over: PriorityClass.builtIn)
        #expect(inForce.classes == PriorityClass.builtIn)
        #expect(throws: OrderError.self) {
            try settings.apply(.classes(.remove(night)), configured: PriorityClass.builtIn, now: now)
        }
    }

    @Test func aRuleOnUsersMatchesKnownUsersAlone() {
        let rules = ClassRules(rules: [ClassRule(user: "al*", priorityClass: PriorityClass.batch.name)])
            .inForce(over: PriorityClass.builtIn)
        func priority(_ user: String?) -> PriorityClass {
            rules.priority(
                of: InstanceDescription(
                    id: instance, tenant: TenantID(unchecked: "t"), application: ApplicationType(unchecked: "x"),
                    user: user.map { UserID(unchecked: $0) }))
        }
        #expect(priority("alice") == .batch && priority("bob") == .standard && priority(nil) == .standard)
    }
}
