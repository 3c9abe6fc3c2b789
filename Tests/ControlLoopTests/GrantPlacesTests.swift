import Determinism
import FleetModel
import Testing

@testable import ControlLoop

@Suite struct GrantPlacesTests {
    /// As grants are numbered: ascending, some kept long, most gone soon; and as none are, which must be right too.
    @Test(arguments: 0..<20 as Range<UInt64>, [false, true])
    func `it finds what a dictionary finds`(seed: UInt64, isAscending: Bool) {
        var random = SeededGenerator(seed: seed)
        var places = GrantPlaces()
        var expected: [GrantID: Int] = [:]
        var known: [GrantID] = []
        var next: UInt64 = random.next() >> 1
        for step in 0..<2_000 {
            // It grows, shrinks to nearly nothing, and grows again.
            let growth: UInt64 = step % 1_000 < 500 ? 80 : 20
            if known.isEmpty || random.chance(growth, in: 100) {
                next += 1
                let grant = GrantID(rawValue: isAscending ? next : random.next() << 56)
                let place = Int(random.below(1 << 31))
                if expected.updateValue(place, forKey: grant) == nil { known.append(grant) }
                places.set(grant, to: place)
            } else {
                let grant = known.remove(at: Int(random.below(UInt64(known.count))))
                #expect(places.remove(grant) == expected.removeValue(forKey: grant))
                #expect(places.remove(grant) == nil)
            }
            #expect(places.count == expected.count)
        }
        for grant in known { #expect(places[grant] == expected[grant]) }
        #expect(places[GrantID(rawValue: 1)] == nil)
        for grant in known { #expect(places.remove(grant) == expected[grant]) }
        #expect(places.count == 0)
    }
}
