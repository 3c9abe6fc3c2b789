import FleetModel
import ForecastCore
import Testing

@testable import ControlLoop

@Suite struct InstanceTableTests {
    private func record(_ number: Int) -> ManagerMachine.InstanceRecord {
        ManagerMachine.InstanceRecord(
            description: InstanceDescription(
                id: InstanceID(unchecked: "i\(number)"), tenant: TenantID(unchecked: "t"),
                application: ApplicationType(unchecked: "x")),
            priority: .standard, agent: AgentID(unchecked: "a"), slot: ForecastSlot(rawValue: number))
    }

    private func table(of count: Int) -> InstanceTable {
        var table = InstanceTable()
        for number in 0..<count { table.append(record(number)) }
        return table
    }

    @Test func aStandingFollowsItsRecordHoweverThatIsChanged() {
        var table = table(of: 2)
        table[1]?.grants = [GrantID(rawValue: 1), GrantID(rawValue: 2)]
        table.change(1) { $0.isGone = true }
        #expect(table.standing(1).grantCount == 2 && table.standing(1).isGone)
        #expect(table.standing(0).grantCount == 0 && !table.standing(0).isGone)
        table[1]?.lostSession = .seconds(3)
        #expect(table.standing(1).hasLostSession && table[1]?.grants.count == 2)
        table.checkInvariants()
    }

    @Test func aPlaceIsEmptyAfterItsInstanceAndTakesAnother() {
        var table = table(of: 3)
        table[1] = nil
        #expect(table.standing(1).slot == nil && table[1] == nil)
        #expect(table.read(1) { $0.pointee.slot } == nil && table.change(1) { $0.isGone = true } == nil)
        table[1]?.isGone = true
        #expect(table[1] == nil)
        table[1] = record(7)
        #expect(table.standing(1).slot == ForecastSlot(rawValue: 7))
        #expect(table.read(1) { $0.pointee.description.id } == InstanceID(unchecked: "i7"))
        #expect(table.compactMap { $0?.description.id.rawValue } == ["i0", "i7", "i2"])
        table.checkInvariants()
    }
}
