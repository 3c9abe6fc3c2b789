import FleetModel
import SessionCore
import Testing

@testable import ControlLoop

@Suite struct GrantTableTests {
    private func record(_ number: UInt64) -> ManagerMachine.GrantRecord {
        let server = GPUServerID(unchecked: "s\(number % 2)")
        let stored = StoredGrant(
            grant: GrantID(rawValue: number), instance: ManagerHarness.instance,
            agent: AgentID(unchecked: "a\(number % 3)"), device: DeviceID(server: server, index: 0), slice: .zero,
            epoch: .zero, ticket: SessionTicket(high: 0, low: number), version: ManagerHarness.version)
        return ManagerMachine.GrantRecord(
            stored: stored, lifecycle: GrantLifecycle(goal: .warm), charge: .warm, unusedSince: .zero)
    }

    private func table(of numbers: ClosedRange<UInt64>) -> GrantTable {
        var table = GrantTable()
        for number in numbers { table.insert(record(number)) }
        return table
    }

    @Test func whatIsForgottenLeavesTheOthersWhereTheyAreFound() {
        var table = table(of: 1...7)
        for number: UInt64 in [3, 7, 1] {
            table.remove(GrantID(rawValue: number))
            table.remove(GrantID(rawValue: number))
            table.checkInvariants()
            #expect(table[GrantID(rawValue: number)] == nil)
        }
        let left: [UInt64] = [2, 4, 5, 6]
        #expect(table.ascending == left.map { GrantID(rawValue: $0) })
        for number in left {
            #expect(table.read(GrantID(rawValue: number)) { $0.pointee.stored.ticket.low } == number)
        }
        #expect(table.grants(on: GPUServerID(unchecked: "s1")) == [GrantID(rawValue: 5)])
    }

    @Test func aStandingFollowsItsGrantHoweverThatIsChanged() {
        var table = table(of: 1...3)
        let (first, second) = (GrantID(rawValue: 1), GrantID(rawValue: 2))
        table[first]?.charge = .slice(Slice(memory: Bytes(1), compute: .zero))
        #expect(table.standing(first)?.charge == .slice && table.standing(second)?.charge == .warm)
        table.change(second) { $0.lifecycle.attached() }
        #expect(table.standing(second)?.isAttached == true && table.standing(second)?.isNewlyAttached == true)
        table.change(second) { $0.attachedSince = .zero }
        #expect(table.standing(second)?.isNewlyAttached == false)
        _ = table.change(first) { $0.lifecycle.want(.released(.graceEnded)) }
        #expect(table.standing(first)?.isReleasing == true)
        #expect(table.change(GrantID(rawValue: 9)) { $0.missing = 1 } == nil && table[GrantID(rawValue: 9)] == nil)
        table.checkInvariants()
    }

    @Test func anInstanceIsInUseWhereProgramsHaveAllThatItHolds() {
        var table = table(of: 1...3)
        for number: UInt64 in 1...3 { table.change(GrantID(rawValue: number)) { $0.place = number < 3 ? 7 : nil } }
        #expect(!table.areAllAttached(ofInstanceAt: 7) && !table.areAllAttached(ofInstanceAt: 8))
        table.change(GrantID(rawValue: 1)) { $0.lifecycle.attached() }
        table.change(GrantID(rawValue: 3)) { $0.lifecycle.attached() }
        #expect(!table.areAllAttached(ofInstanceAt: 7), "one of two")
        table.remove(GrantID(rawValue: 2))
        #expect(table.areAllAttached(ofInstanceAt: 7))
        table.checkInvariants()
        table.change(GrantID(rawValue: 1)) { $0.place = 2 }
        #expect(!table.areAllAttached(ofInstanceAt: 7) && table.areAllAttached(ofInstanceAt: 2))
        table.remove(GrantID(rawValue: 1))
        #expect(!table.areAllAttached(ofInstanceAt: 2), "it has none")
        table.checkInvariants()
    }
}
