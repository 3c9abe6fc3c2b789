import Foundation
import Testing

@testable import OpenCLWorker

@Suite("What an instance's programs have built")
struct ProgramHistoryTests {
    private final class Folder {
        let path = NSTemporaryDirectory() + "history-" + UUID().uuidString.prefix(8)
        deinit { try? FileManager.default.removeItem(atPath: path) }
    }

    private let folder = Folder()

    private func history(device: [UInt8] = [1]) -> ProgramHistory {
        ProgramHistory(folder: folder.path, device: device)
    }

    private static func build(_ number: Int, bytes: Int = 0, step: SourceBuild.Step = .build) -> SourceBuild {
        SourceBuild(
            step: step, options: [], source: Array("kernel \(number)".utf8) + [UInt8](repeating: 0x20, count: bytes))
    }

    private func note(_ build: SourceBuild, in history: ProgramHistory) throws {
        history.note(build, try #require(history.digest(of: build)))
        // The order is that of the files' times.
        usleep(20_000)
    }

    private func sources(_ history: ProgramHistory) -> [String] {
        history.last().map { String(decoding: $0.source, as: UTF8.self).trimmingCharacters(in: .whitespaces) }
    }

    @Test("is remembered by the next worker, in the order of its last use")
    func remembers() throws {
        let first = history()
        for number in [1, 2, 3, 1] { try note(Self.build(number), in: first) }
        try note(Self.build(4, step: .compile), in: first)
        let next = history()
        #expect(sources(next) == ["kernel 2", "kernel 3", "kernel 1"])
        for number in 1...3 { #expect(next.knows(try #require(next.digest(of: Self.build(number))))) }
        #expect(next.knows(try #require(next.digest(of: Self.build(4, step: .compile)))))
        #expect(!next.knows(try #require(next.digest(of: Self.build(5)))))
    }

    @Test("is bounded in number and bytes: what was used longest ago is forgotten")
    func isBounded() throws {
        let history = history()
        for number in 0..<20 { try note(Self.build(number), in: history) }
        #expect(sources(history) == (4..<20).map { "kernel \($0)" })
        for number in 20..<26 { try note(Self.build(number, bytes: 200 << 10), in: history) }
        // Of the last sixteen those that fit, the newest before the others.
        #expect(sources(history) == (Array(10..<20) + Array(21..<26)).map { "kernel \($0)" })
        #expect(history.digest(of: Self.build(1, bytes: 300 << 10)) == nil)
    }

    @Test("means nothing for another device or driver")
    func otherDevice() throws {
        try note(Self.build(1), in: history())
        let other = history(device: [2])
        #expect(sources(other).isEmpty)
        #expect(!other.knows(try #require(other.digest(of: Self.build(1)))))
    }

    @Test("is checked on reading: what is damaged, cut or no file is as if it had never been")
    func damage() throws {
        for number in 1...4 { try note(Self.build(number), in: history()) }
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.count == 64 }.sorted()
        try #require(names.count == 4)
        let paths = names.map { folder.path + "/" + $0 }
        var content = try #require(FileManager.default.contents(atPath: paths[0]))
        content[content.count - 1] ^= 1
        try content.write(to: URL(fileURLWithPath: paths[0]))
        try content.prefix(9).write(to: URL(fileURLWithPath: paths[1]))
        try FileManager.default.removeItem(atPath: paths[2])
        #expect(mkfifo(paths[2], 0o600) == 0)
        try Data([1, 2, 3]).write(to: URL(fileURLWithPath: folder.path + "/\(names[3]).7.new"))
        let known = try FileHandle(forWritingTo: URL(fileURLWithPath: folder.path + "/known"))
        try known.truncate(atOffset: 50)
        try known.close()

        let next = history()
        #expect(next.last().count == 1)
        for number in 1...4 { #expect(!next.knows(try #require(next.digest(of: Self.build(number))))) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).allSatisfy { !$0.hasSuffix(".new") })
        try note(Self.build(9), in: next)
        #expect(history().knows(try #require(next.digest(of: Self.build(9)))))
    }
}
