import FleetModel
import Testing

@Suite struct ForecastHorizonsTests {
    @Test func `three rising seconds within the range are horizons`() throws {
        let horizons = try #require(ForecastHorizons([1, 2, 30]))
        #expect(ForecastHorizon.allCases.map { horizons[$0] } == [1, 2, 30])
        #expect(horizons.all == [1, 2, 30])
        #expect(horizons.phrase == "1, 2 and 30 s")
        #expect(ForecastHorizons([5, 15, 30]) == .standard)
    }

    @Test(arguments: [
        [], [5], [5, 15], [5, 15, 30, 30], [0, 1, 2], [5, 5, 6], [3, 2, 4], [5, 15, 31], [-1, 2, 3],
    ])
    func `others are not`(seconds: [Int]) {
        #expect(ForecastHorizons(seconds) == nil)
    }

    @Test func `what is written is read again`() {
        #expect(ForecastHorizons(text: "3,10,20")?.description == "3,10,20")
        #expect(ForecastHorizons(text: " 3, 10 ,20")?.all == [3, 10, 20])
        for text in ["", "3", "3,10", "3,,20", "3,10,20,", "a,b,c", "3.5,10,20", "5 15 30"] {
            #expect(ForecastHorizons(text: text) == nil)
        }
    }
}
