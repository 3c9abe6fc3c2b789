import FleetModel
import Testing

@testable import ForecastCore

@Suite struct TenantPoolsTests {
    private static func instance(_ number: Int, _ tenant: String) -> InstanceDescription {
        InstanceDescription(
            id: InstanceID(unchecked: "instance-\(number)"), tenant: TenantID(unchecked: tenant),
            application: ApplicationType(unchecked: "app"))
    }

    /// Twelve instances of a type whose second tenant wants eight times as much, in bursts of 5 s every 20.
    private static func fleet() -> FleetForecaster {
        var forecaster = FleetForecaster(configuration: .init(models: [.climate]))
        let slots = (0..<12).map { forecaster.admit(instance($0, $0 < 9 ? "small" : "large")) }
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

    private static func amount(of tenant: String, in forecaster: inout FleetForecaster) -> Double {
        let slot = forecaster.admit(instance(100, tenant))
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

    @Test func aSnapshotKeepsWhatTenantsWant() throws {
        let bytes = try #require(Self.fleet().snapshot()).encoded()
        var restored = try FleetForecaster(configuration: .init(models: [.climate]), snapshot: bytes)
        #expect((5.5e8...11e8).contains(Self.amount(of: "large", in: &restored)))
    }

    @Test func whatOneTenantAloneShowsIsItsTypes() {
        var pools = TenantPools()
        let first = pools.join(application: 1, tenant: TenantID(unchecked: "a"))
        #expect(pools.pool(at: first) == nil)
        _ = pools.join(application: 1, tenant: TenantID(unchecked: "b"))
        #expect(pools.pool(at: first) != nil)
    }

    @Test func thePoolLongestNotAskedForLeavesAndThoseInUseStay() throws {
        var pools = TenantPools()
        func join(_ number: Int) -> Int16? {
            pools.join(application: 1, tenant: TenantID(unchecked: "tenant-\(number)"))
        }
        let places = (0..<TenantPools.limit).map { join($0) }
        #expect(join(-1) == nil)
        pools.leave(places[7])
        pools.leave(places[3])
        // Asked for again: it is not the oldest any more.
        let again = join(3)
        #expect(again == places[3])
        pools.leave(again)
        #expect(join(-1) == places[7])
        #expect(pools.count == TenantPools.limit)
    }

    @Test func onsetsThatComeMoreOftenThanForTheTypeRaiseTheRatio() {
        var pool = TenantPool()
        #expect(pool.onsetRatio(.quiet, .short, seconds: 5) == 1)
        for _ in 0..<400 { pool.count(.quiet, .short, seconds: 5, expected: 0.1, hit: true) }
        #expect(pool.onsetRatio(.quiet, .short, seconds: 5) > 3)
        #expect(pool.onsetRatio(.surge, .short, seconds: 5) == 1)
    }
}
