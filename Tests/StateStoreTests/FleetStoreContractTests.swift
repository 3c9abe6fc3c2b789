import FleetModel
import Testing

@testable import StateStore

/// What every ``FleetStore`` guarantees.
@Suite(.serialized)
struct FleetStoreContractTests {
    @Test(arguments: StoreKind.allCases)
    func aNewStoreIsEmpty(kind: StoreKind) async throws {
        let fixture = try StoreFixture(kind)
        let store = try fixture.open()
        #expect(try await store.load() == StoredFleet())
    }

    @Test(arguments: StoreKind.allCases)
    func whatWasCommittedIsThereAfterReopening(kind: StoreKind) async throws {
        let fixture = try StoreFixture(kind)
        let first = try fixture.open()
        let fleet = try await first.beginTerm()
        let grants = [try sampleGrant(1), try sampleGrant(2), try sampleGrant(3)]
        let outcome = await first.commit(fleet.transaction(upserts: grants))
        #expect(outcome == .committed(revision: fleet.revision + 1))
        await first.close()

        let second = try fixture.open()
        let expected = StoredFleet(term: 1, revision: fleet.revision + 1, nextGrant: 4, grants: grants)
        #expect(try await second.load() == expected)
    }

    @Test(arguments: StoreKind.allCases)
    func whatAnOperatorSetIsThereAfterReopening(kind: StoreKind) async throws {
        let fixture = try StoreFixture(kind)
        let first = try fixture.open()
        let fleet = try await first.beginTerm()
        var set = PriorityClass.batch
        set.idleBudget = 0.25
        let rules = ClassRules(
            classes: [set],
            rules: [
                ClassRule(tenant: "t*", application: "chat", priorityClass: set.name),
                ClassRule(instance: "*", priorityClass: PriorityClass.standard.name),
            ], quotas: [TenantID(unchecked: "t"): 0.5])
        var transaction = fleet.transaction(upserts: [try sampleGrant(1)])
        transaction.rules = rules
        _ = await first.commit(transaction)
        await first.close()

        let second = try fixture.open()
        let kept = try await second.beginTerm()
        #expect(kept.rules == rules && kept.grants.count == 1)
        // A transaction without rules leaves them; one with others replaces them whole.
        _ = await second.commit(kept.transaction())
        var emptied = try await second.load().transaction()
        #expect(try await second.load().rules == rules)
        emptied.rules = ClassRules()
        _ = await second.commit(emptied)
        #expect(try await second.load().rules == ClassRules())
    }

    @Test(arguments: StoreKind.allCases)
    func rolloutsAreThereAfterReopeningWithWhoTakesPart(kind: StoreKind) async throws {
        let fixture = try StoreFixture(kind)
        let first = try fixture.open()
        let version = InterfaceVersion(kind: "opencl", version: SemanticVersion(1, 2, 0), digest: .zero)
        var record = RolloutRecord(
            id: RolloutID(rawValue: 3), plan: RolloutPlan(target: version, evidenceWithin: .seconds(900)),
            baseline: version, startedAt: WallTime(rawValue: 5))
        record.evidence.gates[.crashes] = GateEvidence()
        record.evidence.targetRates[GPUServerID(unchecked: "s1")] = 12.5
        var write = RolloutWrite()
        write.records[record.id] = record
        var change = RolloutWrite.MemberChange()
        let (one, other) = (InstanceID(unchecked: "i1"), InstanceID(unchecked: "i2"))
        change.instances = [one: .some(0), other: .some(1)]
        change.servers = [GPUServerID(unchecked: "s1"): .some(0)]
        write.members[record.id] = change
        var transaction = try await first.beginTerm().transaction()
        transaction.rollouts = write
        _ = await first.commit(transaction)
        await first.close()

        let second = try fixture.open()
        var stored = try await second.load().rollouts
        #expect(stored.records == [record])
        #expect(stored.members[record.id]?.instances == [one: 0, other: 1])
        var later = RolloutWrite.MemberChange()
        later.instances = [one: nil]
        write = RolloutWrite()
        write.members[record.id] = later
        transaction = try await second.load().transaction()
        transaction.rollouts = write
        _ = await second.commit(transaction)
        stored = try await second.load().rollouts
        #expect(stored.members[record.id]?.instances == [other: 1] && stored.records == [record])
        later = RolloutWrite.MemberChange()
        later.isCleared = true
        write.members[record.id] = later
        transaction = try await second.load().transaction()
        transaction.rollouts = write
        _ = await second.commit(transaction)
        #expect(try await second.load().rollouts.members.isEmpty)
    }

    @Test(arguments: StoreKind.allCases)
    func upsertsReplaceAndRemovalsRemove(kind: StoreKind) async throws {
        let fixture = try StoreFixture(kind)
        let store = try fixture.open()
        let empty = try await store.beginTerm()
        _ = await store.commit(empty.transaction(upserts: [try sampleGrant(1), try sampleGrant(2)]))

        var changed = try sampleGrant(2)
        changed.slice.memory = .gibibytes(2)
        let fleet = try await store.load()
        _ = await store.commit(
            fleet.transaction(upserts: [changed, try sampleGrant(9)], removals: [GrantID(rawValue: 1)]))
        #expect(try await store.load().grants == [changed, try sampleGrant(9)])
    }

    @Test(arguments: StoreKind.allCases)
    func aStaleRevisionConflictsAndWritesNothing(kind: StoreKind) async throws {
        let fixture = try StoreFixture(kind)
        let store = try fixture.open()
        let fleet = try await store.beginTerm()
        let transaction = fleet.transaction(upserts: [try sampleGrant(1)])
        let first = await store.commit(transaction)
        #expect(first == .committed(revision: fleet.revision + 1))

        var second = fleet.transaction(upserts: [try sampleGrant(2)])
        second.expectedRevision = fleet.revision
        let outcome = await store.commit(second)
        #expect(outcome == .conflict(StoreConflict(term: 1, revision: fleet.revision + 1)))
        #expect(try await store.load().grants == [try sampleGrant(1)])
    }

    @Test(arguments: StoreKind.allCases)
    func aSecondOpenerWithANewerTermFencesTheFirst(kind: StoreKind) async throws {
        let fixture = try StoreFixture(kind)
        let older = try fixture.open()
        let olderFleet = try await older.beginTerm()
        let newer = try fixture.open()
        let newerFleet = try await newer.beginTerm()
        #expect(newerFleet.term == olderFleet.term + 1)

        let late = await older.commit(olderFleet.transaction(upserts: [try sampleGrant(1)]))
        #expect(late == .conflict(StoreConflict(term: newerFleet.term, revision: newerFleet.revision)))
        // Even one that guessed the revision.
        var guessed = newerFleet.transaction(upserts: [try sampleGrant(1)])
        guessed.term = olderFleet.term
        let guess = await older.commit(guessed)
        #expect(guess == .conflict(StoreConflict(term: newerFleet.term, revision: newerFleet.revision)))

        let current = await newer.commit(newerFleet.transaction(upserts: [try sampleGrant(2)]))
        #expect(current == .committed(revision: newerFleet.revision + 1))
    }

    @Test(arguments: StoreKind.allCases)
    func termsOnlyGrow(kind: StoreKind) async throws {
        let fixture = try StoreFixture(kind)
        for term in 1...5 as ClosedRange<UInt64> {
            let store = try fixture.open()
            #expect(try await store.beginTerm().term == term)
            await store.close()
        }
    }

    @Test(arguments: StoreKind.allCases)
    func aTermThatWasMetElsewhereIsLeftBehind(kind: StoreKind) async throws {
        let store = try StoreFixture(kind).open()
        let fleet = try await store.beginTerm()
        try await store.raiseTerm(to: 57)
        // The manager that met it commits nothing more.
        let late = await store.commit(fleet.transaction(upserts: [try sampleGrant(1)]))
        #expect(late == .conflict(StoreConflict(term: 57, revision: fleet.revision)))
        // Nor are its grants' numbers those of the manager that was met: it may have lost its state, and that have been itself.
        let next = try await store.beginTerm()
        #expect(next.term == 58 && next.nextGrant == 58_000_000_000)
        #expect(StoredFleet.firstGrant(above: .max) <= UInt64(Int64.max))
        #expect(StoredFleet.firstGrant(above: UInt64(Int64.max)) == UInt64(Int64.max))
        try await store.raiseTerm(to: 12)
        #expect(try await store.beginTerm().term == 59)
    }

    @Test(arguments: StoreKind.allCases)
    func aClosedStoreAnswersThatTheOutcomeIsUnknown(kind: StoreKind) async throws {
        let fixture = try StoreFixture(kind)
        let store = try fixture.open()
        let fleet = try await store.beginTerm()
        await store.close()
        guard case .unknown = await store.commit(fleet.transaction()) else {
            Issue.record("a commit on a closed store must be unknown")
            return
        }
        await #expect(throws: FleetStoreError.self) { try await store.load() }
    }

    @Test(arguments: StoreKind.allCases)
    func concurrentCommitsOnOneRevisionLetOneThrough(kind: StoreKind) async throws {
        let fixture = try StoreFixture(kind)
        let store = try fixture.open()
        let fleet = try await store.beginTerm()
        let grants = try (1...16).map { try sampleGrant($0) }
        let outcomes = await withTaskGroup(of: CommitOutcome.self) { group in
            for grant in grants { group.addTask { await store.commit(fleet.transaction(upserts: [grant])) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.count { $0 == .committed(revision: fleet.revision + 1) } == 1)
        #expect(try await store.load().grants.count == 1)
    }
}
