import Determinism
import FleetModel
import Glibc
import StateStore
import Testing

@testable import GPUServerRuntime

/// A folder for one test, removed with what is in it.
final class TestFolder {
    let path: String

    init?() {
        var template = Array("/tmp/presync-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { return nil }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    func file(_ name: String) -> String { path + "/" + name }

    func write(_ bytes: [UInt8], to name: String) {
        let descriptor = open(file(name), O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        _ = Glibc.write(descriptor, bytes, bytes.count)
        close(descriptor)
    }

    deinit {
        for name in ["epoch-0", "epoch-1", "epoch-0.new"] { unlink(file(name)) }
        rmdir(path)
    }
}

@Suite("Epochs that outlive a GPU server")
struct EpochFileTests {
    private let device = DeviceID(server: GPUServerID(unchecked: "s"), index: 0)

    @Test("What was written is read, the newest only")
    func roundTrip() throws {
        let folder = try #require(TestFolder())
        #expect(try EpochFile.read(device, in: folder.path) == .zero)
        try EpochFile.write(Epoch(term: 3, counter: 1_023), for: device, in: folder.path)
        try EpochFile.write(Epoch(term: 4, counter: .max), for: device, in: folder.path)
        #expect(try EpochFile.read(device, in: folder.path) == Epoch(term: 4, counter: .max))
        #expect(access(folder.file("epoch-0.new"), F_OK) != 0)
    }

    @Test("A file of another device, or one cut short, is damaged and not zero")
    func damaged() throws {
        let folder = try #require(TestFolder())
        let bytes = EpochFile.encode(Epoch(term: 3, counter: 9), index: 1)
        for wrong in [bytes, [], Array(EpochFile.encode(.zero, index: 0).dropLast()), bytes + [0]] {
            folder.write(wrong, to: "epoch-0")
            #expect(throws: StateFile.Failure.self) { try EpochFile.read(device, in: folder.path) }
        }
    }

    @Test("A single changed byte is noticed, wherever it is")
    func changedByte() {
        let bytes = EpochFile.encode(Epoch(term: 0x0102_0304, counter: 77), index: 0)
        #expect(EpochFile.decode(bytes[...], index: 0) == Epoch(term: 0x0102_0304, counter: 77))
        for place in bytes.indices {
            for bit in 0..<8 {
                var changed = bytes
                changed[place] ^= 1 << UInt8(bit)
                #expect(EpochFile.decode(changed[...], index: 0) == nil)
            }
        }
    }

    @Test("A folder that cannot be written to is an error that names the file")
    func unwritable() {
        #expect(throws: StateFile.Failure.self) {
            try EpochFile.write(.zero, for: device, in: "/proc/presync-no-such-folder")
        }
    }
}
