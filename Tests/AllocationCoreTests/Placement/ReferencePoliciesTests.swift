import FleetModel
import Testing

@testable import AllocationCore

/// Cases that are worked out by hand from the rules of the paper's simulator.
@Suite struct ReferencePoliciesTests {
    /// The score of the policy for a server after what is placed on it.
    private func score(
        _ policy: any PlacementPolicy, _ shape: RequestShape, devices: Int = 4, cpu: Int = 64_000,
        after placed: [RequestShape] = []
    ) throws -> PlacementCandidate {
        var policy = policy
        let server = server("s", devices: devices, cpu: cpu)
        policy.adapt(to: FleetShape(kinds: [server.kind], devices: [devices]))
        var state = ServerState(server, kind: 0)
        for shape in placed { state.change(shape, try #require(state.plainPlace(for: shape, server.kind)), sign: 1) }
        let offer = ServerOffer(state: state, kind: server.kind, standing: policy.standing(of: state))
        return try #require(policy.candidate(for: shape, on: offer))
    }

    @Test func `best fit scores what is left against the largest server`() throws {
        // Left: 60 of 128 cores and 3.5 of 8 devices; 100 × (1 - (0.46875 + 0.4375) / 2) = 54.7.
        #expect(try score(BestFitPolicy(), share(500)).score == 54)
        #expect(try score(BestFitPolicy(), share(500), after: [whole(3, cpu: 32_000)]).score == 85)
    }

    @Test func `a share goes to the device with the smallest gap that is large enough`() throws {
        let placed = [share(700), whole(1), share(400)]
        #expect(try score(BestFitPolicy(), share(500), after: placed).place.devices == [2])
        #expect(try score(BestFitPolicy(), share(300), after: placed).place.devices == [0])
    }

    @Test func `whole devices are the first that are free`() throws {
        #expect(try score(BestFitPolicy(), whole(2), after: [share(100)]).place.devices == [1, 2])
    }

    @Test func `the dot product prefers servers with little free of what is asked for`() throws {
        // 1 - (64/128 × 8/128 + 4/8 × 1/8) / 2 = 0.953.
        #expect(try score(DotProductPolicy(), whole(1)).score == 95)
        #expect(try score(DotProductPolicy(), whole(4, cpu: 64_000)).score == 75)
    }

    @Test func `clustering prefers its like alone, then its like among others, then idle servers`() throws {
        #expect(try score(ClusteringPolicy(), share(500), after: [share(500)]).score == 75 + 25 * 4_500 / 8_000)
        let mixed = [share(500), whole(1)]
        #expect(try score(ClusteringPolicy(), share(500), after: mixed).score == 50 + 25 * 5_500 / 8_000)
        #expect(try score(ClusteringPolicy(), share(500)).score == 25 + 25 * 4_000 / 8_000)
        #expect(try score(ClusteringPolicy(), share(500), after: [whole(1)]).score == 25 * 5_000 / 8_000)
        #expect(try score(ClusteringPolicy(), host(cpu: 1)).score == 0)
    }

    @Test func `packing prefers devices in use, then servers in use`() throws {
        #expect(try score(PackingPolicy(), share(500), after: [share(400)]).score == 94)
        #expect(try score(PackingPolicy(), whole(2), after: [share(400)]).score == 48)
        #expect(try score(PackingPolicy(), whole(2)).score == 29)
    }

    @Test func `gradient descent scores the change of fragmentation through a sigmoid`() throws {
        // Only whole devices are expected: a share on an idle device makes 600 useless, none before.
        let policy = GradientDescentPolicy(mix: RequestMix([whole(1)]))
        // 100 / (1 + e^0.6) = 35.4; on the device in use 400 useless become 100: 100 / (1 + e^-0.3) = 57.4.
        #expect(try score(policy, share(400)).score == 35)
        let used = try score(policy, share(300), after: [share(600)])
        #expect(used.score == 57)
        #expect(used.place.devices == [0])
    }

    @Test func `a random choice reaches every server`() throws {
        var fleet = ServerFleet(RandomPolicy(), server("a"), server("b"), server("c"))
        let chosen = (0..<60).compactMap { _ in fleet.choose(PlacementRequest(share(100)))?.server.rawValue }
        #expect(Set(chosen) == ["a", "b", "c"])
    }

    @Test func `equal scores go to the server that joined first`() {
        var fleet = ServerFleet(BestFitPolicy(), server("z"), server("a"))
        #expect(fleet.placed(share(500)) == "z")
    }
}
