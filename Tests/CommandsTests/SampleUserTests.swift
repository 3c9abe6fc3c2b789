import Testing

@testable import Commands

@Suite struct SampleUserTests {
    private let arrivals = (1...200).map { Arrival(at: Double($0) * 30, contextTokens: 1, generatedTokens: 1) }

    private func user(_ seed: UInt64 = 1) -> SampleUser { SampleUser(before: arrivals, for: 6_030, seed: seed) }

    @Test func `most bursts follow a visit, and some visits no burst`() {
        let visits = user().visits
        #expect(zip(visits, visits.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound })
        let led = arrivals.count { arrival in visits.contains { $0.upperBound == arrival.at } }
        #expect((150...190).contains(led))
        #expect((60...140).contains(visits.count - led))
    }

    @Test func `idleness is the time since the last visit, and nothing within one`() {
        let user = user()
        for time in stride(from: 0, to: 6_000, by: 0.7) {
            // As it reads: the visit that holds the time, or the latest that ended before it.
            let within = user.visits.contains { $0.contains(time) }
            let last = user.visits.filter { $0.upperBound <= time }.map(\.upperBound).max() ?? 0
            #expect(abs(user.idleSeconds(at: time) - (within ? 0 : time - last)) < 1e-9)
        }
    }

    @Test func `equal seeds give equal users`() {
        #expect(user() == user())
        #expect(user() != user(2))
    }
}
