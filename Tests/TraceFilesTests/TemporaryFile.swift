import Foundation

/// A file that exists for the length of one test.
struct TemporaryFile: ~Copyable {
    let path: String

    init(_ bytes: some Sequence<UInt8>) throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("trace-\(UUID().uuidString)").path
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    init(_ text: String = "") throws { try self.init(text.utf8) }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
