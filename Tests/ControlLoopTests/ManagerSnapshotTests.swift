import ControlLoop
import Testing

@Suite struct ManagerSnapshotTests {
    @Test(arguments: [(Duration.seconds(3), 3), (.milliseconds(10), 9), (nil, 0)])
    func whatWasLearnedIsToBeKeptOnceAPeriod(period: Duration?, expected: Int) {
        var fleet = ManagerHarness(snapshotPeriod: period)
        fleet.agentSaysHello(on: 1)
        let effects = (1...9).flatMap { _ in fleet.periodPasses(agents: [1]) }
        #expect(effects.count { $0 == .keepSnapshot } == expected)
    }
}
