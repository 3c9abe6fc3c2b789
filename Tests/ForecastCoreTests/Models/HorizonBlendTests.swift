import FleetModel
import Testing

@testable import ForecastCore

@Suite struct HorizonBlendTests {
    @Test func `what is known stays as it is`() {
        for (place, seconds) in ForecastHorizons.standard.all.enumerated() {
            for reach in [0, 0.5] {
                let blend = HorizonBlend(seconds, among: .standard, reach: reach)
                #expect(blend.value([0.1, 0.7, 0.9]) == ([0.1, 0.7, 0.9] as [Double])[place])
            }
        }
    }

    @Test func `between two horizons the middle of their logarithms is the middle`() throws {
        // 10 s are as many times 5 s as they are of 20 s.
        let known = try #require(ForecastHorizons([5, 20, 30]))
        #expect(abs(HorizonBlend(10, among: known).value([1, 3, 9]) - 2) < 1e-9)
    }

    @Test func `a blend rises with the seconds, and no further than it may reach`() throws {
        let known = try #require(ForecastHorizons([4, 8, 16]))
        for reach in [0, 0.5] {
            let values = ForecastHorizons.range.map { HorizonBlend($0, among: known, reach: reach).value([1, 2, 3]) }
            #expect(values == values.sorted())
            #expect(values.first == 1 - reach)
            #expect(abs(try #require(values.last) - (3 + min(reach, 0.907))) < 1e-3)
        }
    }
}
