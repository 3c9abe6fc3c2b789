import Foundation

/// A file that a command writes when its work is done: whole or not at all. One that exists is replaced.
struct OutputFile {
    /// Where links lead, so that a link stays one.
    private let target: URL
    private let name: String

    /// The file at `path`, checked before any long work. It must not be one of `sources`, which are read.
    /// - Throws: ``CommandFailure`` when it is plain that it cannot be written, or must not be.
    init(_ path: String, sparing sources: [String] = []) throws(CommandFailure) {
        name = path
        target = URL(fileURLWithPath: path).resolvingSymlinksInPath()
        let folder = target.deletingLastPathComponent().path
        guard !sources.contains(where: { URL(fileURLWithPath: $0).resolvingSymlinksInPath() == target }) else {
            throw failure("it is also what is read")
        }
        guard !path.isEmpty, Self.type(at: folder) == .typeDirectory, FileManager.default.isWritableFile(atPath: folder)
        else { throw failure("\(folder) is no folder that may be written to") }
        guard [nil, .typeRegular].contains(Self.type(at: target.path)) else {
            throw failure("there is something that is no file")
        }
    }

    /// - Throws: ``CommandFailure``; then an older file of the name is as it was.
    func write(_ text: String) throws(CommandFailure) {
        do { try text.write(to: target, atomically: true, encoding: .utf8) } catch {
            throw failure(error.localizedDescription)
        }
    }

    private static func type(at path: String) -> FileAttributeType? {
        try? FileManager.default.attributesOfItem(atPath: path)[.type] as? FileAttributeType
    }

    private func failure(_ cause: String) -> CommandFailure {
        CommandFailure(
            .noInput, "\(name.isEmpty ? "the file" : name) cannot be written: \(cause)",
            advice: "name a file of its own in a folder that you may write to")
    }
}
