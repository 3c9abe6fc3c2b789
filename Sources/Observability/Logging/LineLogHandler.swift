import Foundation
package import Logging

/// Writes each log event as one structured line.
///
/// A line is written in one call, so that lines of several threads do not mix. Control characters are escaped: what a
/// peer sends cannot forge a line. Values under the names in ``secretNames`` are never written.
package struct LineLogHandler: LogHandler {
    /// Where lines go.
    package struct Sink: Sendable {
        var write: @Sendable (String) -> Void

        package init(write: @escaping @Sendable (String) -> Void) { self.write = write }

        package static let standardError = Sink { line in
            var rest = Array(line.utf8)[...]
            while !rest.isEmpty {
                let written = rest.withUnsafeBytes { Foundation.write(STDERR_FILENO, $0.baseAddress, $0.count) }
                guard written > 0 || errno == EINTR else { return }
                rest = rest.dropFirst(max(written, 0))
            }
        }
    }

    static let secretNames: Set<String> = ["ticket", "secret", "token", "password", "key"]

    package var logLevel: Logger.Level
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?

    private let label: String
    private let format: LogConfiguration.Format
    private let sink: Sink

    package init(label: String, configuration: LogConfiguration, sink: Sink) {
        self.label = label
        logLevel = configuration.level
        format = configuration.format
        self.sink = sink
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { _, new in new } }
        if let own = event.metadata { all.merge(own) { _, new in new } }
        if let error = event.error { all["error"] = "\(error)" }
        var fields: [(String, String)] = [
            ("time", WallClock.text(unixMilliseconds: WallClock.unixMilliseconds())),
            ("level", event.level.rawValue), ("logger", label), ("message", event.message.description),
        ]
        for (key, value) in all.sorted(by: { $0.key < $1.key }) {
            fields.append((key, Self.secretNames.contains(key.lowercased()) ? "redacted" : value.description))
        }
        sink.write(Self.line(fields, format: format))
    }

    static func line(_ fields: [(String, String)], format: LogConfiguration.Format) -> String {
        switch format {
        case .logfmt: fields.map { "\($0.0)=\(logfmtValue($0.1))" }.joined(separator: " ") + "\n"
        case .json: "{" + fields.map { "\(quoted($0.0)):\(quoted($0.1))" }.joined(separator: ",") + "}\n"
        }
    }

    /// The value as it is where it is one plain word, else quoted.
    private static func logfmtValue(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { byte in
            byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "=")
                && byte != UInt8(ascii: "\\")
        }
        return isPlain && !text.isEmpty ? text : quoted(text)
    }

    /// The text as a JSON string.
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case "\r": result += "\\r"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
