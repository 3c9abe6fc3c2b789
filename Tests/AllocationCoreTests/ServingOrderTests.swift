import Determinism
import FleetModel
import Testing

@testable import AllocationCore

@Suite struct ServingOrderTests {
    @Test(arguments: 0..<40 as Range<UInt64>)
    func `turns that come in parts go out as one sorted list would`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var order = ServingOrder()
        var all: [ServingTurn] = []
        for _ in 0..<random.below(12) {
            let part = (0..<random.below(9)).map { _ in
                // Few values, so that many are equal but for their id.
                let onset = Float(random.below(3)) / 2
                let subject = AllocationSubject.make(
                    "i\(all.count)-\(random.below(1_000))", PriorityClass.builtIn[Int(random.below(3))], onset: onset)
                let demand = DiscountedDemand(forReserve: Double(onset), forWarm: Double(onset))
                let turn = ServingTurn(subject.prospect, demand, all.count)
                all.append(turn)
                return turn
            }
            order.add(part)
        }
        var given: [Int] = []
        while let turn = order.popFirst() { given.append(turn.index) }
        #expect(given == all.sorted { $0.precedes($1) }.map(\.index))
        #expect(order.isEmpty)
    }
}
