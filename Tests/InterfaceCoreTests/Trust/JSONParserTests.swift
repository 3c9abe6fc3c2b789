import Determinism
import InterfaceCore
import Testing

@Suite struct JSONParserTests {
    private func parse(_ text: String, _ limits: JSONParser.Limits = .init()) throws(TrustError) -> JSONValue {
        try JSONParser.parse(Array(text.utf8), limits: limits)
    }

    @Test func everyKindOfValueIsRead() throws {
        let value = try parse(
            #" { "a" : [ 1, -20, 0, true, false, null, "x" ], "b":{} , "":"\u00e9\ud83d\ude00\n\/" } "#)
        #expect(
            value
                == .object([
                    "a": .array([
                        .integer(1), .integer(-20), .integer(0), .boolean(true), .boolean(false), .null, .text("x"),
                    ]),
                    "b": .object([:]), "": .text("é😀\n/"),
                ]))
    }

    @Test(arguments: [
        "", " ", "{", "[", "[1", "[1,]", "[,1]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{1:1}", "tru", "nul",
        "truex", "01", "-", "-01", "+1", "1.0", "1e3", "1E3", ".5", "9223372036854775808", "NaN", "'a'", "\"a", "\"\\",
        "\"\\x\"", "\"\\u12\"", "\"\\u12G4\"", "\"\\ud800\"", "\"\\ud800x\"", "\"\\udc00\"", "\"\\ud800\\u0041\"",
        "\"a\nb\"", "1 2", "{} {}", "[1 2]", "{\"a\":1 \"b\":2}", "\u{FEFF}1",
    ])
    func whatIsNotJSONOfIntegersIsRefused(text: String) {
        let error = #expect(throws: TrustError.self) { try parse(text) }
        #expect(error?.code == .malformed)
    }

    @Test func integersAreExact() throws {
        #expect(try parse("9223372036854775807") == .integer(.max))
        #expect(try parse("-9223372036854775808") == .integer(.min))
        #expect(try parse("9007199254740993") == .integer(9_007_199_254_740_993))
    }

    @Test func aNameThatStandsTwiceIsRefusedHoweverItIsSpelt() {
        #expect(throws: TrustError.self) { try parse(#"{"a":1,"a":1}"#) }
        #expect(throws: TrustError.self) { try parse(#"{"a":1,"\u0061":2}"#) }
    }

    @Test func canonicallyEquivalentNamesAreTwoNames() throws {
        let value = try parse(#"{"é":1,"e\u0301":2}"#)
        #expect(value == .object([ExactText("\u{E9}"): .integer(1), ExactText("e\u{301}"): .integer(2)]))
        #expect(ExactText("\u{E9}") != ExactText("e\u{301}"))
    }

    @Test func bytesThatAreNotUTF8AreRefused() {
        for bytes: [UInt8] in [[0x22, 0xFF, 0x22], [0x22, 0xC0, 0xAF, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22]] {
            #expect(throws: TrustError.self) { try JSONParser.parse(bytes) }
        }
    }

    @Test func deepDocumentsAreRefusedBeforeTheStackIs() throws {
        let deep = String(repeating: "[", count: 1_000_000)
        let error = #expect(throws: TrustError.self) { try parse(deep) }
        #expect(error?.code == .malformed)
        let nested = String(repeating: "[", count: 32) + String(repeating: "]", count: 32)
        #expect(throws: Never.self) { try parse(nested) }
        #expect(throws: TrustError.self) { try parse("[" + nested + "]") }
    }

    @Test func documentsOfManyValuesAreRefused() throws {
        var limits = JSONParser.Limits()
        limits.values = 10
        #expect(throws: Never.self) { try parse("[1,2,3,4,5,6,7,8,9]", limits) }
        #expect(throws: TrustError.self) { try parse("[1,2,3,4,5,6,7,8,9,10]", limits) }
        #expect(throws: TrustError.self) { try parse(#"{"a":1,"b":1,"c":1,"d":1,"e":1}"#, limits) }
    }

    /// Whatever bytes come, there is a value or an error, and a value reads back from both of its spellings.
    @Test(arguments: 0..<40) func noiseGivesAValueOrAnError(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let alphabet = Array(#"{}[]",:\u0019ae-tfnrls. é"#.utf8) + [0, 0xFF, 0x0A]
        for _ in 0..<500 {
            let count = Int(random.next() % 40)
            let bytes = (0..<count).map { _ in alphabet[Int(random.next() % UInt64(alphabet.count))] }
            guard let value = try? JSONParser.parse(bytes) else { continue }
            #expect(try JSONParser.parse(Array(value.readableText.utf8)) == value)
        }
    }

    /// Changing a byte of a document anywhere never crashes, and never leaves it as it was.
    @Test func everyByteOfADocumentCounts() throws {
        let document = Array(#"{"signed":{"version":1,"meta":{"a.json":{"length":12}},"t":[true,null]}}"#.utf8)
        let value = try JSONParser.parse(document)
        for index in document.indices {
            for byte: UInt8 in [0, 0x20, 0x22, 0x5C, 0x7D, 0xFF] where byte != document[index] {
                var changed = document
                changed[index] = byte
                if let other = try? JSONParser.parse(changed) { #expect(other != value || byte == 0x20) }
            }
        }
    }
}
