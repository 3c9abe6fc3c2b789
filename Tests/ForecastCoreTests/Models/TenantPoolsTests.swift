import Determinism
import FleetModel
import Testing

@testable import ForecastCore

@Suite struct TenantPoolsTests {
    private static func instance(_ number: Int, _ tenant: String, user: String? = nil) -> InstanceDescription {
        InstanceDescription(
            id: InstanceID(unchecked: "instance-\(number)"), tenant: TenantID(unchecked: tenant),
            application: ApplicationType(unchecked: "app"), user: user.map(UserID.init(unchecked:)))
    }

    /// Twelve instances of a type of which three want eight times as much, in bursts of 5 s every 20: those of another
    /// tenant, or of another user of the one tenant.
    private static func fleet(ofUsers: Bool = false) -> FleetForecaster {
        var forecaster = FleetForecaster(configuration: .init(models: [.climate]))
        let slots = (0..<12).map { number in
            let name = number < 9 ? "small" : "large"
            return forecaster.admit(ofUsers ? instance(number, "tenant", user: name) : instance(number, name))
        }
        for second in 0..<400 as Range<Int64> {
            for (number, slot) in slots.enumerated() {
                let isBusy = (second + Int64(number)) % 20 < 5
                let memory = isBusy ? (number < 9 ? 1e8 : 8e8) : 0
                forecaster.observe(
                    slot, LoadObservation(second: second, gpuMemory: memory, gpuCompute: memory / 1e7))
            }
            _ = forecaster.forecast(slots, madeAt: .zero)
        }
        return forecaster
    }

    private static func amount(
        of tenant: String, user: String? = nil, in forecaster: inout FleetForecaster
    ) -> Double {
        let slot = forecaster.admit(instance(100, tenant, user: user))
        defer { forecaster.retire(slot) }
        return forecaster.amountIfDemanded(slot, resource: .memory, level: 0.5)
    }

    @Test func aColdInstanceStartsFromItsTenantsAmounts() {
        var forecaster = Self.fleet()
        #expect((0.7e8...1.4e8).contains(Self.amount(of: "small", in: &forecaster)))
        #expect((5.5e8...11e8).contains(Self.amount(of: "large", in: &forecaster)))
        // An unknown tenant's is as the type's instances usually are.
        #expect((0.7e8...1.4e8).contains(Self.amount(of: "unknown", in: &forecaster)))
    }

    @Test func `a cold instance starts from its user's amounts, an unknown user's from its tenant's`() {
        var forecaster = Self.fleet(ofUsers: true)
        let usual = 0.7e8...1.4e8
        #expect(usual.contains(Self.amount(of: "tenant", user: "small", in: &forecaster)))
        #expect((5.5e8...11e8).contains(Self.amount(of: "tenant", user: "large", in: &forecaster)))
        #expect(usual.contains(Self.amount(of: "tenant", user: "unknown", in: &forecaster)))
        #expect(usual.contains(Self.amount(of: "tenant", in: &forecaster)))
        // A user's name means something within one tenant only.
        #expect(usual.contains(Self.amount(of: "other", user: "large", in: &forecaster)))
    }

    @Test(arguments: [false, true])
    func `a snapshot keeps what tenants and users want`(ofUsers: Bool) throws {
        let bytes = try #require(Self.fleet(ofUsers: ofUsers).snapshot()).encoded()
        var restored = try FleetForecaster(configuration: .init(models: [.climate]), snapshot: bytes)
        let amount =
            ofUsers
            ? Self.amount(of: "tenant", user: "large", in: &restored) : Self.amount(of: "large", in: &restored)
        #expect((5.5e8...11e8).contains(amount))
    }

    private func join(_ pools: inout TenantPools, _ tenant: Int, user: Int? = nil) -> Int16? {
        pools.join(
            application: 1, tenant: TenantID(unchecked: "tenant-\(tenant)"),
            user: user.map { UserID(unchecked: "user-\($0)") })
    }

    @Test func `what one tenant alone shows is its type's, and one user's alone its tenant's`() {
        var pools = TenantPools()
        let first = join(&pools, 1, user: 1)
        #expect(pools.circles(of: first).isEmpty)
        let second = join(&pools, 1, user: 2)
        #expect(pools.circles(of: first).user == first && pools.circles(of: first).tenant == nil)
        let other = join(&pools, 2)
        #expect(pools.circles(of: first).user == first && pools.circles(of: first).tenant != nil)
        #expect(pools.circles(of: other).user == nil && pools.circles(of: other).tenant == other)
        #expect(pools.circles(of: first).tenant == pools.circles(of: second).tenant)
    }

    @Test func `instances of no known user make one that is known differ from its tenant`() {
        var pools = TenantPools()
        let known = join(&pools, 1, user: 1)
        let unknown = join(&pools, 1)
        #expect(pools.circles(of: known).user == known)
        pools.leave(unknown)
        #expect(pools.circles(of: known).isEmpty)
    }

    @Test func `a user's pool tells what its tenant's does not`() {
        var pools = TenantPools()
        let usual = join(&pools, 1)
        let place = join(&pools, 1, user: 1)
        let eager = pools.circles(of: place)
        for _ in 0..<400 {
            _ = pools.count(.quiet, .short, seconds: 5, expected: 0.1, hit: true, in: eager)
        }
        #expect(pools.onsetRatio(.quiet, .short, seconds: 5, in: eager) > 3)
        #expect(pools.onsetRatio(.quiet, .short, seconds: 5, in: pools.circles(of: usual)) == 1)
        #expect(pools.usualDemand(.memory, type: 100, in: eager) == 100)
        for _ in 0..<1_000 { pools.count(demand: [500, 1.2], in: eager) }
        // 1,000 s of 500 and 60 of 100, and by a factor of 1.3 less; what is within that factor is no difference.
        #expect(abs(pools.usualDemand(.memory, type: 100, in: eager) - 367.2) < 0.1)
        #expect(pools.usualDemand(.compute, type: 1, in: eager) == 1)
    }

    @Test func `the tenant longest not asked for leaves, and those in use stay`() throws {
        var pools = TenantPools()
        let places = (0..<TenantPools.tenantLimit).map { join(&pools, $0) }
        #expect(join(&pools, -1) == nil)
        pools.leave(places[7])
        pools.leave(places[3])
        // Asked for again: it is not the oldest any more.
        let again = join(&pools, 3)
        #expect(again == places[3])
        pools.leave(again)
        #expect(join(&pools, -1) == places[7])
        #expect(pools.count == TenantPools.tenantLimit)
    }

    @Test func `users beyond the limit count for their tenant, and leave with it`() throws {
        var pools = TenantPools()
        let tenant = join(&pools, 1)
        let places = (0..<TenantPools.userLimit).map { join(&pools, 1, user: $0) }
        #expect(Set(places).count == TenantPools.userLimit && !places.contains(tenant))
        #expect(join(&pools, 1, user: -1) == tenant)
        pools.leave(tenant)
        pools.leave(places[5])
        #expect(join(&pools, 1, user: -2) == places[5])
        #expect(pools.count == TenantPools.userLimit + 1)
        // Tenants have room of their own. The first leaves once nobody is there, with all of its users.
        for place in places { pools.leave(place) }
        pools.leave(tenant)
        for number in 2...TenantPools.tenantLimit { _ = join(&pools, number) }
        #expect(pools.count == TenantPools.userLimit + TenantPools.tenantLimit)
        #expect(join(&pools, 0) != nil)
        #expect(pools.count == TenantPools.tenantLimit)
    }

    /// Whatever comes and goes, in whatever order: as many members as there are.
    @Test(arguments: 0..<8)
    func `those who come and go are counted`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var pools = TenantPools()
        var present: [Int16?] = []
        for _ in 0..<4_000 {
            if !present.isEmpty, random.chance(1, in: 2) {
                pools.leave(present.remove(at: Int(random.below(UInt64(present.count)))))
            } else {
                let user = random.chance(2, in: 3) ? Int(random.below(40)) : nil
                present.append(join(&pools, Int(random.below(3)), user: user))
            }
        }
        let rest = present.count
        for place in present { pools.leave(place) }
        #expect(rest >= 0 && pools.memberCount == 0)
    }

    @Test func onsetsThatComeMoreOftenThanForTheTypeRaiseTheRatio() {
        var pool = TenantPool()
        #expect(pool.onsetRatio(.quiet, .short, seconds: 5) == 1)
        for _ in 0..<400 { pool.count(.quiet, .short, seconds: 5, expected: 0.1, hit: true) }
        #expect(pool.onsetRatio(.quiet, .short, seconds: 5) > 3)
        #expect(pool.onsetRatio(.surge, .short, seconds: 5) == 1)
    }
}
