import Dashboard
import FleetModel
import Testing

@Suite struct GlyphsTests {
    @Test(arguments: [
        (0.0, "░░░░"), (0.5, "██░░"), (1.0, "████"), (2.0, "████"), (-1.0, "░░░░"), (.nan, "░░░░"),
        (0.3125, "█▎░░"),
    ])
    func `a bar fills in eighths and never leaves its width`(share: Double, expected: String) {
        #expect(Glyphs.bar(share, width: 4) == expected)
    }

    @Test func `a sparkline keeps the newest values at the right`() {
        #expect(Glyphs.sparkline([9, 0, 0.5, 1], ceiling: 1, width: 3) == " ▅█")
        #expect(Glyphs.sparkline([1], ceiling: 1, width: 3) == "  █")
    }

    @Test func `a band marks its interval and its middle`() {
        #expect(Glyphs.band(low: 2, middle: 5, high: 7, ceiling: 10, width: 10) == "··▒▒▒█▒▒··")
        #expect(Glyphs.band(low: 0, middle: 0, high: 0, ceiling: 10, width: 4) == "····")
    }
}

@Suite struct QuantityTests {
    @Test(arguments: [(0.0, "0 B"), (1_023, "1023 B"), (1_024, "1.0 KiB"), (536_870_912, "512 MiB"), (1.5e30, "-")])
    func `memory reads in binary units`(value: Double, expected: String) {
        #expect(Quantity.bytes(value).hasPrefix(expected))
    }

    @Test(arguments: [(0.0421, "0.042"), (3.14159, "3.14"), (27.46, "27.5"), (310.2, "310"), (-0.0001, "0.000")])
    func `compact numbers keep what their size leaves room for`(value: Double, expected: String) {
        #expect(Quantity.compact(value) == expected)
    }

    @Test(arguments: [(5, "00:05"), (125, "02:05"), (3_725, "1:02:05"), (-3, "00:00")])
    func `a clock shows minutes and seconds`(seconds: Int, expected: String) {
        #expect(Quantity.clock(.seconds(seconds)) == expected)
    }

    @Test(arguments: [(0, "00:00:00"), (1_764_000_013_042, "16:00:13"), (-1_000, "23:59:59"), (Int64.min, "16:47:05")])
    func `a time of day is that of the wall clock in UTC`(milliseconds: Int64, expected: String) {
        #expect(Quantity.timeOfDay(unixMilliseconds: milliseconds) == expected)
    }
}
