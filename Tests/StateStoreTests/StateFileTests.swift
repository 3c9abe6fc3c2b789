import Foundation
import StateStore
import Testing

@Suite struct StateFileTests {
    private let folder: StoreFixture
    private var path: String { folder.folder.appending(path: "state").path }

    init() throws { folder = try StoreFixture(.inMemory) }

    private var names: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder.folder.path)) ?? []).sorted()
    }

    @Test func whatWasWrittenLastIsReadAsFarAsIsWanted() throws {
        #expect(try StateFile.read(path, atMost: 10) == nil)
        try StateFile.replace(path, with: Array(1...100))
        try StateFile.replace(path, with: [7, 8, 9])
        #expect(try StateFile.read(path, atMost: 10) == [7, 8, 9])
        #expect(try StateFile.read(path, atMost: 2) == [7, 8])
        #expect(names == ["state"])
        let permissions = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(permissions == 0o600)
    }

    @Test func whatACrashLeftOfAWriteIsNeitherReadNorInTheWay() throws {
        try StateFile.replace(path, with: [1])
        try Data(repeating: 0xFF, count: 1 << 16).write(to: URL(fileURLWithPath: path + ".new"))
        #expect(try StateFile.read(path, atMost: 10) == [1])
        try StateFile.replace(path, with: [2])
        #expect(try StateFile.read(path, atMost: 10) == [2])
        #expect(names == ["state"])
    }

    @Test func aFullDiskLeavesWhatWasThere() throws {
        try StateFile.replace(path, with: [1])
        try FileManager.default.createSymbolicLink(atPath: path + ".new", withDestinationPath: "/dev/full")
        let failure = #expect(throws: StateFile.Failure.self) { try StateFile.replace(path, with: [2]) }
        #expect(failure?.description == "cannot write \(path).new: No space left on device")
        #expect(try StateFile.read(path, atMost: 10) == [1])
        #expect(names == ["state"])
    }

    @Test func whatIsNoFileIsAFailureThatSaysSo() throws {
        #expect(throws: StateFile.Failure.self) { try StateFile.replace("/proc/no-such-folder/state", with: [1]) }
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        #expect(throws: StateFile.Failure.self) { try StateFile.replace(path, with: [1]) }
        let failure = #expect(throws: StateFile.Failure.self) { try StateFile.read(path, atMost: 10) }
        #expect(failure?.description == "\(path) is not a regular file")
    }
}
