package import Logging

/// How a daemon writes its log.
package struct LogConfiguration: Hashable, Sendable {
    package enum Format: String, Hashable, Sendable, CaseIterable {
        /// `time=... level=info logger=manager message="..." key=value`
        case logfmt
        /// One JSON object a line, with the same keys.
        case json
    }
    /// Lines below this level are not written.
    package var level: Logger.Level
    package var format: Format

    package init(level: Logger.Level = .info, format: Format = .logfmt) {
        self.level = level
        self.format = format
    }

    /// Makes every logger of the process write lines like this to standard error. Called once, before any
    /// logger is made.
    package func bootstrap() {
        LoggingSystem.bootstrap { label in LineLogHandler(label: label, configuration: self, sink: .standardError) }
    }
}
