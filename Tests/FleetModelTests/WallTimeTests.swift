import FleetModel
import Testing

@Suite struct WallTimeTests {
    @Test(arguments: [
        ("1970-01-01T00:00Z", 0), ("2000-02-29T12:00:01Z", 951_825_601), ("2026-11-26T06:30:00Z", 1_795_674_600),
        ("2026-11-26 07:30:00+01:00", 1_795_674_600), ("2026-11-26T05:00-01:30", 1_795_674_600),
        ("9999-12-31T23:59:59Z", 253_402_300_799),
    ])
    func aTimeIsRead(text: String, seconds: Int64) {
        #expect(WallTime(text)?.rawValue == seconds * 1_000)
    }

    @Test(arguments: [
        "", "now", "2026-11-26", "2026-11-26T06:30", "2026-02-29T00:00Z", "2026-13-01T00:00Z", "2026-11-26T24:00Z",
        "1969-12-31T23:59:59Z", "2026-11-26T06:30:00Zx", "2026-11-26T06:30:00.5Z",
    ])
    func whatIsNoTimeIsRefused(text: String) { #expect(WallTime(text) == nil) }

    @Test func whatIsWrittenIsReadAgain() {
        for day in stride(from: Int64(0), to: 60_000, by: 13) {
            let time = WallTime(rawValue: (day * 86_400 + day * 7_919 % 86_400) * 1_000)
            #expect(WallTime(time.description) == time)
        }
    }
}
