import RemotingCore
import Testing

@Suite("Headers of the program's host")
struct IncludedHeadersTests {
    /// A host with these files, and what a source becomes there.
    private func expand(_ source: String, options: String, files: [String: String]) -> String? {
        var headers = IncludedHeaders(options: Array(options.utf8)) { files[$0].map { Array($0.utf8) } }
        return headers.expand(Array(source.utf8)).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func aHeaderTakesThePlaceOfItsDirective() {
        let text = expand(
            "int a;\n #  include <b/c.h>\nint d;", options: "-cl-mad-enable -I /x -I/y",
            files: ["/y/b/c.h": "int c;", "/z/b/c.h": "wrong"])
        #expect(text == "int a;\n#line 1 \"b/c.h\"\nint c;\n#line 3\nint d;\n")
    }

    @Test func theFirstFolderWins() {
        let text = expand("#include \"h\"", options: "-I 'a b' -I c", files: ["a b/h": "first", "c/h": "second"])
        #expect(text?.contains("first") == true && text?.contains("second") == false)
    }

    @Test(arguments: [("\"n\"", "beside"), ("<n>", "in the folder")])
    func aHeaderInQuotesIsLookedForBesideItsIncluderFirst(directive: String, found: String) {
        let text = expand(
            "#include <sub/h>", options: "-I a",
            files: ["a/sub/h": "#include \(directive)", "a/sub/n": "beside", "a/n": "in the folder"])
        #expect(text?.contains(found) == true && text?.components(of: "#line 1") == 2)
    }

    @Test func aHeaderThatWantsToBeThereOnceIsThereOnce() {
        let text = expand(
            "#include \"h\"\n#include \"h\"\n", options: "-Ia", files: ["a/h": "#pragma once\nint once;"])
        #expect(text?.components(of: "int once;") == 1 && text?.contains("pragma") == false)
    }

    @Test(arguments: ["#include \"other.h\"", "// #include \"h\"", "#include MACRO", "#include \"h", "include \"h\""])
    func whatIsNotFoundStays(source: String) {
        #expect(expand(source, options: "-Ia", files: ["a/h": "int h;"]) == source)
    }

    @Test func withoutFoldersNothingIsRead() {
        #expect(expand("#include \"h\"", options: "-DI=1", files: ["h": "int h;", "/h": "int h;"]) == "#include \"h\"")
    }

    @Test func headersThatIncludeEachOtherWithoutEndAreRefused() {
        #expect(expand("#include \"h\"", options: "-Ia", files: ["a/h": "#include \"h\"\n#include \"h\""]) == nil)
    }
}

extension String {
    fileprivate func components(of part: String) -> Int {
        var count = 0
        var rest = self[...]
        while let found = rest.firstRange(of: part) {
            count += 1
            rest = rest[found.upperBound...]
        }
        return count
    }
}
