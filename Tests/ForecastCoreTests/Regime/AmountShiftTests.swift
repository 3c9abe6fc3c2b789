import Determinism
import FleetModel
import Testing

@testable import ForecastCore

@Suite struct AmountShiftTests {
    /// What instances that wander by `spread` bins show when they have gone `bins` up for `seconds` seconds; only those
    /// for which `follows` says so.
    private func change(
        instances: Int = 40, bins: Float, seconds: Int, spread: Double = 2, wander: AmountWander = AmountWander(),
        follows: (Int) -> Bool = { _ in true }
    ) -> AmountShift.Change? {
        var random = SeededGenerator(seed: 7)
        var shift = AmountShift()
        for instance in 0..<instances {
            let own = Float(spread * random.drawNormal())
            shift.add(
                InlineArray { age in
                    (age + instance) % 3 == 0 ? nil : own + (age < seconds && follows(instance) ? bins : 0)
                })
        }
        var wander = wander
        return shift.change(against: &wander)
    }

    @Test(arguments: [(Float(5), 30), (-5, 26), (9, 40)])
    func aCommonChangeIsFoundWithItsSizeAndItsSecond(_ bins: Float, _ seconds: Int) throws {
        let found = try #require(change(bins: bins, seconds: seconds))
        #expect(abs(Float(found.bins) - bins) <= 1)
        #expect(found.seconds == seconds)
    }

    @Test func whatIsNoCommonChangeIsNotTakenForOne() {
        #expect(change(bins: 0, seconds: 30) == nil)
        #expect(change(bins: 1, seconds: 30) == nil)
        // Too few instances, too scattered, too short.
        #expect(change(instances: 8, bins: 6, seconds: 30) == nil)
        #expect(change(instances: 14, bins: 3, seconds: 30, spread: 8) == nil)
        #expect(change(bins: 6, seconds: 20) == nil)
    }

    @Test func aFewThatLeapAreNotTakenForAll() {
        #expect(change(bins: 8, seconds: 30, follows: { $0 % 2 == 0 }) == nil)
        #expect(change(bins: 8, seconds: 30, follows: { $0 % 10 != 0 }) != nil)
    }

    @Test func aLoadThatOftenSwellsIsNotTakenForAChange() {
        var wander = AmountWander()
        for look in 0..<400 { wander.note(look % 20 < 10 ? 4 : -4) }
        #expect(change(bins: 6, seconds: 30, wander: wander) == nil)
        var calm = AmountWander()
        for look in 0..<400 { calm.note(look % 2 == 0 ? 0.5 : -0.5) }
        #expect(change(bins: 6, seconds: 30, wander: calm) != nil)
    }
}
