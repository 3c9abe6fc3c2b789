import InterfaceCore
import Testing

@Suite struct MetadataTimeTests {
    @Test(
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2000-02-29T12:34:56Z", 951_827_696), ("2026-11-26T02:03:04Z", 1_795_658_584),
            ("2038-01-19T03:14:08Z", 2_147_483_648), ("1969-12-31T23:59:59Z", -1),
            ("0001-01-01T00:00:00Z", -62_135_596_800),
            ("9999-12-31T23:59:59Z", 253_402_300_799),
        ] as [(String, Int64)])
    func textAndSeconds(text: String, seconds: Int64) throws {
        #expect(MetadataTime(text)?.secondsSinceEpoch == seconds)
        #expect(MetadataTime(secondsSinceEpoch: seconds).description == text)
    }

    @Test(arguments: [
        "", "2026-11-26", "2026-11-26T02:03:04", "2026-11-26T02:03:04+00:00", "2026-11-26 02:03:04Z",
        "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-04-31T00:00:00Z",
        "2026-01-00T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z", "2026-01-01T00:00:60Z",
        "2026-1-01T00:00:00Z ", "2026-01-01T00:00:00z", "+026-01-01T00:00:00Z", "2026-01-01T00:00:00.0Z",
    ])
    func anythingElseIsRefused(text: String) { #expect(MetadataTime(text) == nil) }

    @Test func daysAfter() throws {
        let day = try #require(MetadataTime("2024-02-28T10:00:00Z"))
        #expect(day.after(days: 2).description == "2024-03-01T10:00:00Z")
        #expect(day < day.after(days: 1))
    }

    @Test func everyDayOfFourCenturiesGoesThroughText() {
        for day in stride(from: Int64(-146_097), through: 146_097, by: 1) {
            let time = MetadataTime(secondsSinceEpoch: day * 86_400 + 3_661)
            #expect(MetadataTime(time.description) == time)
        }
    }
}
