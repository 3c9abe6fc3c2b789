import RemotingCore
import Testing

@Suite struct ByteReaderTests {
    @Test func fieldsAreLittleEndian() throws {
        var writer = ByteWriter()
        writer.write(UInt16(0x0102))
        writer.write(Int32(-2))
        writer.write(text: "hé", maximum: 10)
        #expect(hex(writer.bytes) == "0201" + "feffffff" + "03000000" + "68c3a9")

        var reader = ByteReader(writer.bytes)
        #expect(try reader.read(UInt16.self) == 0x0102)
        #expect(try reader.read(Int32.self) == -2)
        #expect(try reader.readText(maximum: 10) == "hé")
        try reader.finish()
    }

    @Test func bytesAreReadFromTheMiddleOfAnArray() throws {
        var reader = ByteReader(hex("ffff 01000000 ffff")[2..<6])
        #expect(try reader.read(UInt32.self) == 1)
        #expect(reader.remaining == 0)
    }

    @Test(arguments: [
        ("01", RemotingError.Code.truncated), ("05000000 6161", .truncated), ("06000000 616161616161", .oversized),
        ("ffffffff", .oversized), ("02000000 c328", .malformed),
    ])
    func textThatIsNotOneIsRefused(bytes: String, code: RemotingError.Code) {
        var reader = ByteReader(hex(bytes))
        #expect { try reader.readText(maximum: 5) } throws: { ($0 as? RemotingError)?.code == code }
    }

    @Test func textIsCutBetweenScalars() throws {
        var writer = ByteWriter()
        writer.write(text: "aé", maximum: 2)
        #expect(hex(writer.bytes) == "01000000" + "61")
    }

    @Test func leftOverBytesAreAnError() {
        #expect { try ByteReader([0]).finish() } throws: { ($0 as? RemotingError)?.code == .malformed }
    }
}
