import Foundation
import Testing

@testable import Commands

@Suite struct OutputFileTests {
    /// A folder of its own, removed with it.
    private final class Folder {
        let path = FileManager.default.temporaryDirectory.path + "/presync-output-\(UUID().uuidString)"
        init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false) }
        deinit { try? FileManager.default.removeItem(atPath: path) }
    }

    @Test func `a file is written whole, and replaces an older one`() throws {
        let folder = try Folder()
        let path = folder.path + "/report.html"
        for text in ["first, and longer", "second"] {
            try OutputFile(path, sparing: [folder.path + "/trace.csv"]).write(text)
            #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["report.html"])
    }

    @Test func `a link stays a link, and what it leads to is written`() throws {
        let folder = try Folder()
        try "old".write(toFile: folder.path + "/real", atomically: false, encoding: .utf8)
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/link", withDestinationPath: folder.path + "/real")
        try OutputFile(folder.path + "/link").write("new")
        #expect(try String(contentsOfFile: folder.path + "/real", encoding: .utf8) == "new")
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder.path + "/link").hasSuffix("/real"))
    }

    @Test func `what cannot be a file of its own is refused before any work`() throws {
        let folder = try Folder()
        let trace = folder.path + "/trace.csv"
        try "precious".write(toFile: trace, atomically: false, encoding: .utf8)
        try FileManager.default.createSymbolicLink(atPath: folder.path + "/link", withDestinationPath: trace)
        for path in [
            "", folder.path, folder.path + "/missing/report.html", trace + "/report.html", "/dev/null", trace,
            folder.path + "/./trace.csv", folder.path + "/link",
        ] {
            let failure = #expect(throws: CommandFailure.self, "\(path)") { try OutputFile(path, sparing: [trace]) }
            #expect(failure?.status == .noInput)
            #expect(failure?.cause.contains("cannot be written") == true)
            #expect(failure?.advice.isEmpty == false)
        }
        #expect(try String(contentsOfFile: trace, encoding: .utf8) == "precious")
    }

    @Test func `a folder that is gone at the end is told of`() throws {
        let path: String
        let file: OutputFile
        do {
            let folder = try Folder()
            path = folder.path
            file = try OutputFile(path + "/report.html")
        }
        let failure = #expect(throws: CommandFailure.self) { try file.write("text") }
        #expect(failure?.cause.contains(path) == true)
    }
}
