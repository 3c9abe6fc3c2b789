import InterfaceCore
import Testing

@Suite struct PathPatternTests {
    @Test(arguments: [
        ("*", "a"), ("*", ""), ("*.py", "a.py"), ("a/*/c", "a/b/c"), ("a*c*e", "abcde"), ("a?c", "abc"), ("a?c", "aéc"),
        ("**", "a"), ("foo-version-?.tgz", "foo-version-2.tgz"), ("targets/*.tgz", "targets/foo.tgz"), ("*a*", "bab"),
        ("*ab", "aab"), ("", ""), ("a/", "a/"), ("*/", "a/"),
    ])
    func matches(pattern: String, path: String) { #expect(PathPattern(pattern).matches(path)) }

    @Test(arguments: [
        ("*", "a/b"), ("a/*", "a/b/c"), ("a/*", "a"), ("*.py", "a.pyc"), ("?", ""), ("?", "ab"), ("a?c", "a/c"),
        ("targets/*.tgz", "targets/foo.txt"), ("*/a", "a"), ("[ab]", "a"), ("A", "a"), ("\u{E9}", "e\u{301}"),
        ("a", "a/"),
    ])
    func doesNotMatch(pattern: String, path: String) { #expect(!PathPattern(pattern).matches(path)) }

    @Test func manyStarsStayCheap() {
        let pattern = PathPattern(String(repeating: "a*", count: 2_000) + "b")
        #expect(!pattern.matches(String(repeating: "a", count: 4_000)))
    }
}
