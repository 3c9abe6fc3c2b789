import InterfaceCore
import Testing

@Suite struct JSONValueTests {
    private func canonical(_ text: String) throws -> String {
        String(decoding: try JSONParser.parse(Array(text.utf8)).canonicalBytes, as: UTF8.self)
    }

    /// Pairs after the rules of OLPC's canonical JSON: only the quotation mark and the backslash are escaped, and
    /// members stand in the order of their code points.
    @Test(arguments: [
        (#"{ "b" : 1, "a" : [ 1 , 2 ] }"#, #"{"a":[1,2],"b":1}"#),
        (#"{"a":{"c":null,"B":true,"b":false}}"#, #"{"a":{"B":true,"b":false,"c":null}}"#),
        (#""\"\\\/""#, #""\"\\/""#),
        (#""\u000a\t\u0000""#, "\"\n\t\u{0}\""),
        (#""\u00e9\ud83d\ude00""#, "\"é😀\""),
        (#"{"\ufffd":1,"\ud83d\ude00":2}"#, "{\"\u{FFFD}\":1,\"😀\":2}"),
        (#"{"aa":1,"a":2,"":3,"A":4}"#, #"{"":3,"A":4,"a":2,"aa":1}"#),
        ("[]", "[]"), ("{}", "{}"), ("-0", "0"), ("[-12, 34]", "[-12,34]"),
    ])
    func canonicalBytes(text: String, expected: String) throws {
        #expect(try canonical(text).utf8.elementsEqual(expected.utf8))
    }

    @Test func readableTextIsTheSameValue() throws {
        let value = JSONValue.object([
            "a": .array([.integer(1), .object([:]), .array([])]), "b": .text("x\"\\\n\u{1}é"), "c": .null,
            "d": .boolean(true),
        ])
        #expect(try JSONParser.parse(Array(value.readableText.utf8)) == value)
        #expect(value.readableText.hasSuffix("}\n"))
    }
}
