import Determinism
import FleetModel
import Testing

extension LiveSystemTests {
    /// Each daemon is killed while a program uses its virtual GPU: the program does not notice, and what comes back
    /// neither forgets the grant nor gives it twice.
    @Suite(.serialized) struct CrashTests {
        /// Long enough for a daemon to come back while the program runs, on a busy machine too: 16 seconds.
        private static let tokens = 320

        @Test func `a manager that is killed knows its grants again`() async throws {
            try await LiveFleet.run { fleet in
                let (program, before) = try await Self.attached(fleet)
                fleet.crash(.manager)
                try fleet.start(.manager)
                let after = try await fleet.overview(when: "the grant is there again") { now in
                    Self.expectNotDoubled(now, comparedWith: before)
                    return now.attachedSessions == 1
                }
                #expect(!program.hasEnded)
                #expect(after.term > before.term)
                #expect(after.reservedMemory == before.reservedMemory)
                let first = try await program.succeed()
                try await Self.expectNothingLost(fleet, after: first)
            }
        }

        @Test func `a manager that is killed forecasts from what it had learned`() async throws {
            try await LiveFleet.run { fleet in
                // Both times by way of a shell: an instance is known again by its application type, too.
                let program = try fleet.startProgram(on: "i1", tokens: 60, waitsForInput: true)
                program.process.endInput()
                try await eventually("something is expected of the instance") {
                    try await Self.isForecast("i1", fleet)
                }
                try await program.succeed()
                let learned = ContinuousClock.now
                try await eventually("that is kept") {
                    let age = try await fleet.metrics(of: .manager).total("presync_snapshot_age_seconds")
                    return Duration.seconds(try #require(age)) < ContinuousClock.now - learned ? () : nil
                }
                try await fleet.waitUntilFree()
                fleet.crash(.manager)
                try fleet.start(.manager)
                try await fleet.waitUntilReady()
                // It uses no GPU yet: what is expected of it is expected from before.
                let waiting = try fleet.startProgram(on: "i1", tokens: 3, waitsForInput: true)
                try await eventually("something is expected of it again") { try await Self.isForecast("i1", fleet) }
                let metrics = try await fleet.metrics(of: .manager)
                #expect(metrics.total("presync_snapshot_restored_instances") == 1)
                #expect(metrics.total("presync_snapshot_failures_total") == 0)
                #expect(fleet.log(of: .manager).contains("forecasts go on from the snapshot"))
                waiting.process.endInput()
                try await waiting.succeed()
            }
        }

        @Test func `an agent that is killed is not missed by who has a session, and serves the next`() async throws {
            try await LiveFleet.run { fleet in
                let (program, before) = try await Self.attached(fleet)
                let workers = fleet.workers
                fleet.crash(.agent)
                try fleet.start(.agent)
                try await fleet.waitUntilReady()
                let after = try await fleet.overview(when: "the session is seen") { $0.attachedSessions == 1 }
                #expect(!program.hasEnded)
                #expect(fleet.workers == workers)
                Self.expectNotDoubled(after, comparedWith: before)
                let first = try await program.succeed()
                try await Self.expectNothingLost(fleet, after: first)
            }
        }

        @Test func `an instance outlives its agent: the next one measures it and serves its programs`() async throws {
            try await LiveFleet.run { fleet in
                let i1 = InstanceID(unchecked: "i1")
                let waiting = try fleet.startProgram(on: "i1", tokens: 3, waitsForInput: true)
                try await fleet.overview(when: "the instance is there") { $0.measuredInstances == [i1] }
                for _ in 1...2 {
                    fleet.crash(.agent)
                    try await fleet.overview(when: "the instance is gone") { $0.measuredInstances.isEmpty }
                    try fleet.start(.agent)
                    try await fleet.overview(when: "the instance is measured again") { $0.measuredInstances == [i1] }
                }
                #expect(!waiting.hasEnded)
                waiting.process.endInput()
                try await waiting.succeed()
                try await fleet.waitUntilFree()
            }
        }

        @Test func `a GPU server that is killed takes its workers up again`() async throws {
            try await LiveFleet.run { fleet in
                let (program, before) = try await Self.attached(fleet)
                let workers = fleet.workers
                #expect(workers.count == 1)
                fleet.crash(.gpuServer)
                #expect(fleet.workers == workers)
                try fleet.start(.gpuServer)
                try await fleet.waitUntilReady()
                let after = try await fleet.overview(when: "the worker's session is reported again") { now in
                    Self.expectNotDoubled(now, comparedWith: before)
                    return now.devices.allSatisfy(\.available) && now.attachedSessions == 1
                }
                #expect(!program.hasEnded)
                #expect(fleet.workers == workers)
                #expect(after.reservedMemory == before.reservedMemory)
                let first = try await program.succeed()
                try await Self.expectNothingLost(fleet, after: first)
            }
        }

        @Test(arguments: [1] as [UInt64])
        func `all daemons come back from being killed in any order, again and again`(seed: UInt64) async throws {
            try await LiveFleet.run { fleet in
                var generator = SeededGenerator(seed: seed)
                for _ in 1...3 {
                    let (using, before) = try await Self.attached(fleet, tokens: 120)
                    let asking = try fleet.startProgram(on: "i2", tokens: 10)
                    // Each is there twice: the first time it is killed, the second time it comes back.
                    var killed: Set<LiveFleet.Role> = []
                    for role in (LiveFleet.Role.allCases + LiveFleet.Role.allCases).shuffled(using: &generator) {
                        if killed.insert(role).inserted { fleet.crash(role) } else { try fleet.start(role) }
                    }
                    let first = try await using.succeed()
                    // Whether it had its session before the agent went is open. It may fail, but not compute wrong.
                    let (_, said) = try await asking.end()
                    #expect(said?.checksFailed ?? 0 == 0)
                    try await Self.expectNothingLost(fleet, after: first)
                    let after = try await fleet.overview(when: "the manager answers") { _ in true }
                    #expect(after.term > before.term)
                }
            }
        }

        /// Says so once GPU memory is expected of an instance, though it may be idle.
        private static func isForecast(_ instance: String, _ fleet: LiveFleet) async throws -> Void? {
            let found = try await fleet.overview(forecasts: true)?.instances.first {
                $0.description.id.rawValue == instance
            }
            let curve = found?.forecast?.curve(.memory, .peak, .long)
            return curve.flatMap { $0[QuantileLevels.count - 1] > 0 ? () : nil }
        }

        /// A program of i1 that has its session, and the manager's view of it.
        private static func attached(
            _ fleet: LiveFleet, tokens: Int = tokens
        ) async throws -> (program: Program, view: FleetOverview) {
            let program = try fleet.startProgram(on: "i1", tokens: tokens)
            let view = try await fleet.overview(when: "the program has its session") { now in
                guard !program.hasEnded else { throw NotInTime(description: "the program ended before it was seen") }
                return now.attachedSessions == 1 && now.reservedMemory > .zero
            }
            return (program, view)
        }

        /// One program holds one grant, whoever looks.
        private static func expectNotDoubled(_ now: FleetOverview, comparedWith before: FleetOverview) {
            #expect(now.sessions <= 1)
            #expect(now.reservedMemory <= before.reservedMemory)
        }

        /// All memory comes back, and the next program is served, with a grant that was never given before.
        private static func expectNothingLost(_ fleet: LiveFleet, after first: Program.Outcome) async throws {
            try await fleet.waitUntilReady()
            try await fleet.waitUntilFree()
            let last = try await fleet.startProgram(on: "i1", tokens: 3).succeed()
            #expect(try #require(last.grant) > #require(first.grant))
            try await fleet.waitUntilFree()
        }
    }
}
