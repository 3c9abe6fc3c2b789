import FleetModel
import Logging
import Synchronization
import Testing

@testable import Observability

/// Collects what is written.
final class Lines: Sendable {
    private let all = Mutex<[String]>([])
    var sink: LineLogHandler.Sink { LineLogHandler.Sink { line in self.all.withLock { $0.append(line) } } }
    var written: [String] { all.withLock { $0 } }
}

struct LineLogHandlerTests {
    private func log(
        _ format: LogConfiguration.Format, level: Logger.Level = .info, _ body: (Logger) -> Void
    ) -> [String] {
        let lines = Lines()
        let configuration = LogConfiguration(level: level, format: format)
        body(Logger(label: "manager") { LineLogHandler(label: $0, configuration: configuration, sink: lines.sink) })
        return lines.written
    }

    /// The line without its time, which differs.
    private func withoutTime(_ line: String) -> String {
        line.replacing(#/"?time"?[=:]"?[0-9T:.-]+Z"?[ ,]/#, with: "")
    }

    @Test func logfmtQuotesWhatNeedsIt() {
        let lines = log(.logfmt) { $0.info("agent connected", metadata: ["agent": "host-1", "why": "a=\"b\""]) }
        #expect(
            lines.map(withoutTime) == [
                "level=info logger=manager message=\"agent connected\" agent=host-1 why=\"a=\\\"b\\\"\"\n"
            ])
    }

    @Test func jsonIsOneObjectALine() {
        let lines = log(.json) { $0.warning("slow\tpeer", metadata: ["link": "7"]) }
        #expect(
            lines.map(withoutTime) == [
                "{\"level\":\"warning\",\"logger\":\"manager\",\"message\":\"slow\\tpeer\",\"link\":\"7\"}\n"
            ])
    }

    @Test(arguments: LogConfiguration.Format.allCases)
    func aPeerCannotForgeALine(format: LogConfiguration.Format) {
        let lines = log(format) { $0.info("hello\nlevel=critical", metadata: ["id": "x\u{1B}[2J\r\n"]) }
        #expect(lines.count == 1)
        #expect(lines.first?.dropLast().unicodeScalars.allSatisfy { $0.value >= 0x20 } == true)
    }

    @Test func secretsAreNotWritten() {
        let lines = log(.logfmt) { $0.info("opened", metadata: ["ticket": "abc123", "Token": "def456"]) }
        #expect(lines.first?.contains("abc123") == false)
        #expect(lines.first?.contains("def456") == false)
    }

    @Test func linesBelowTheLevelAreNotWritten() {
        #expect(log(.logfmt, level: .warning) { $0.info("quiet") }.isEmpty)
    }
}

struct ClockTests {
    @Test func momentsAreWrittenAsRFC3339() {
        #expect(WallClock.text(unixMilliseconds: 1_763_828_413_042) == "2025-11-22T16:20:13.042Z")
        #expect(WallClock.text(unixMilliseconds: 0) == "1970-01-01T00:00:00.000Z")
    }

    @Test func theMonotonicClockDoesNotGoBack() {
        let moments = (0..<1_000).map { _ in MonotonicClock.now() }
        #expect(moments == moments.sorted())
    }
}
