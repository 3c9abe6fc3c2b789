import FleetModel
import Testing

@testable import GPUServerRuntime

@Suite("What is taken from caches of compiled kernels")
struct KernelCachePlanTests {
    private static let limits = KernelCacheLimits(
        perInstance: Bytes(100), inAll: Bytes(250), age: .seconds(1_000))

    /// A cache of programs, each with its bytes and last use, and `other` bytes that no program is.
    private static func cache(
        _ name: String, _ programs: [(String, Int64, Int64)], other: Int64 = 0, leftovers: [KernelCacheEntry] = []
    ) -> KernelCacheContents {
        KernelCacheContents(
            name: name, bytes: programs.reduce(other) { $0 + $1.1 } + leftovers.reduce(0) { $0 + $1.bytes },
            lastUse: programs.map(\.2).max() ?? 0,
            programs: programs.map { KernelCacheEntry(path: $0.0, bytes: $0.1, lastUse: $0.2) }, leftovers: leftovers)
    }

    private static func plan(_ caches: KernelCacheContents..., used: Set<String> = [], now: Int64 = 100)
        -> KernelCachePlan
    {
        KernelCachePlan(caches, used: used, limits: limits, now: now)
    }

    @Test("nothing, where all keep to their limits")
    func nothing() {
        let plan = Self.plan(Self.cache("a", [("x", 60, 1), ("y", 40, 2)]))
        #expect(plan.removals.isEmpty && plan.overgrown.isEmpty && plan.remaining == 100)
    }

    @Test("of one that is too great the programs that were used longest ago")
    func perInstance() {
        let plan = Self.plan(Self.cache("a", [("new", 60, 9), ("old", 30, 1), ("older", 20, 0)]))
        #expect(plan.removals == [.init(name: "a", paths: ["older"])])
        #expect(plan.remaining == 90)
    }

    @Test("of too many bytes in all the oldest use, whoever's it is")
    func inAll() {
        let plan = Self.plan(
            Self.cache("a", [("a1", 50, 5), ("a2", 50, 20)]), Self.cache("b", [("b1", 50, 6), ("b2", 50, 21)]),
            Self.cache("c", [("c1", 50, 7), ("c2", 50, 22)]))
        #expect(plan.removals == [.init(name: "a", paths: ["a1"])])
        #expect(plan.remaining == 250)
    }

    @Test("a whole one where no program is left to take")
    func opaque() {
        #expect(
            Self.plan(Self.cache("a", [("x", 10, 1)], other: 150)).removals == [.init(name: "a", paths: nil)])
    }

    @Test("nothing of an instance with a worker, whose bytes count, and which ends it beyond twice the limit")
    func used() {
        let plan = Self.plan(
            Self.cache("a", [("x", 150, 0)], leftovers: [KernelCacheEntry(path: "t", bytes: 40, lastUse: 0)]),
            Self.cache("b", [("y", 60, 1), ("z", 30, 2)]), used: ["a"])
        #expect(plan.removals == [.init(name: "b", paths: ["y"])])
        #expect(plan.overgrown.isEmpty)
        #expect(Self.plan(Self.cache("a", [("x", 201, 0)]), used: ["a"]).overgrown == ["a"])
    }

    @Test("all of an instance that is gone for longer than the stated time, but nothing where the clock was set back")
    func age() {
        let cache = Self.cache("a", [("x", 10, 500)])
        #expect(Self.plan(cache, now: 1_500).removals.isEmpty)
        #expect(Self.plan(cache, now: 1_501).removals == [.init(name: "a", paths: nil)])
        #expect(Self.plan(cache, now: -5_000).removals.isEmpty)
    }

    @Test("what drivers left behind, and what cannot be measured")
    func leftovers() {
        let left = Self.cache("a", [("x", 10, 5)], leftovers: [KernelCacheEntry(path: "t", bytes: 400, lastUse: 9)])
        let plan = Self.plan(left)
        #expect(plan.removals == [.init(name: "a", paths: ["t"])])
        #expect(plan.remaining == 10)
        var endless = Self.cache("a", [])
        endless.isBeyondMeasure = true
        #expect(Self.plan(endless).removals == [.init(name: "a", paths: nil)])
        #expect(Self.plan(endless, used: ["a"]).overgrown == ["a"])
    }
}
