import FleetModel
import Testing

@testable import Commands

@Suite struct PlotTests {
    @Test(arguments: [
        (10.0, 5, 2.0), (1.0, 5, 0.2), (0.93, 6, 0.2), (2_100, 6, 500), (0.000_7, 4, 0.000_2), (3, 3, 1),
    ])
    func `steps of an axis are round and few`(span: Double, marks: Int, step: Double) {
        #expect(abs(Axis.niceStep(span, marks: marks) / step - 1) < 1e-9)
    }

    @Test(arguments: [0, 0.1, 1, 7, 63.2, 999, 1_023, 1_024, 5e9, 3e12], Resource.allCases)
    func `an axis of demand begins at 0 and reaches all that is drawn`(greatest: Double, resource: Resource) throws {
        let axis = Axis.demand(resource, upTo: greatest, marks: 4)
        #expect(axis.range.lowerBound == 0)
        #expect(axis.range.upperBound >= greatest * 0.999)
        #expect(axis.range.upperBound <= max(2 * greatest, resource == .memory ? 1 : 10))
        #expect(axis.ticks.first == Axis.Tick(value: 0, label: "0"))
        #expect(axis.ticks.count >= 2 && axis.ticks.count <= 7)
        #expect(Set(axis.ticks.map(\.label)).count == axis.ticks.count)
    }

    @Test func `marks have the unit that people read`() {
        #expect(
            Axis.demand(.memory, upTo: 3 * 0x1p30, marks: 4).ticks.map(\.label) == ["0", "1 GiB", "2 GiB", "3 GiB"])
        #expect(Axis.demand(.compute, upTo: 950, marks: 4).ticks.map(\.label) == ["0", "50 %", "100 %"])
        #expect(Axis.time(1_260...2_070, marks: 5).ticks.map(\.label) == ["1400", "1600", "1800", "2000"])
        #expect(Axis.time(24_000...24_600, marks: 3).ticks.map(\.label) == ["24000", "24200", "24400", "24600"])
        let hours = Axis.time(7_200...36_000, marks: 4)
        #expect(hours.title == "hour of the trace")
        #expect(hours.ticks.map(\.label) == ["2", "4", "6", "8", "10"])
    }

    @Test func `values stand where the axes say, and those beyond at the edge`() {
        let plot = Plot(
            left: 10, top: 20, width: 100, height: 50, horizontal: .time(0...10, marks: 2),
            vertical: .number("n", upTo: 10, marks: 2))
        #expect([0, 2.5, 10, 11].map(plot.x) == [10, 35, 110, 110])
        #expect([0, 2, 10, 12].map(plot.y) == [70, 60, 20, 20])
        #expect(
            plot.line([(0, 0), (5, 5), nil, (7, 5), (10, 10)], "s").source.contains("d=\"M10 70L60 45M80 45L110 20\""))
        #expect(plot.band([(0, 0...5), (10, 5...10)], "s").source.contains("d=\"M10 45L110 20L110 45L10 70Z\""))
    }
}
