import FleetModel
import Testing

@testable import AgentRuntime

@Suite("Application types recognised by rules")
struct RecognitionTests {
    @Test(
        "A pattern is the name, or one with * and ?",
        arguments: [
            ("python3", "python3", true), ("python3", "python", false), ("python", "python3", false),
            ("python*", "python3.12", true), ("python*", "python", true), ("python*", "ipython", false),
            ("*python*", "ipython3", true), ("python?", "python3", true), ("python?", "python", false),
            ("*.py", "train.py", true), ("*.py", "train.py.sh", false), ("*ab*abc", "xababababc", true),
            ("*", "anything", true), ("*", "", true), ("Python", "python", false), ("(sd-pam)", "(sd-pam)", true),
            // A name of 15 bytes may have been cut off by the kernel.
            ("text-generation-launcher", "text-generation", true), ("text-*-server", "text-generation", true),
            ("text-generatio", "text-generation", false), ("text-degeneration", "text-generation", false),
        ])
    func pattern(pattern: String, name: String, matches: Bool) throws {
        #expect(try #require(ProgramPattern(pattern)).matches(ProgramName(name.utf8)) == matches)
    }

    @Test(
        "A path, arguments and what cannot be printed are no pattern", arguments: ["", "/bin/sh", "sh -c", "a\n", "é"])
    func noPattern(text: String) { #expect(ProgramPattern(text) == nil) }

    @Test("The longest name and the worst pattern end")
    func worstPattern() throws {
        let pattern = try #require(ProgramPattern(String(repeating: "*a", count: 31) + "*b"))
        #expect(!pattern.matches(ProgramName(String(repeating: "a", count: 14).utf8)))
    }

    @Test("The first rule that matches the oldest program that any matches decides, and stays")
    func recognizer() throws {
        let rules = ApplicationRules([
            try rule("python*", "training"), try rule("python3", "never"), try rule("blender", "render"),
        ])
        var recognizer = ApplicationRecognizer(rules: rules)
        func look(_ names: String...) -> ApplicationType? {
            recognizer.look(at: names.map { ProgramName($0.utf8) })
        }
        #expect(look("sh") == nil)
        #expect(look("sh", "blender", "python3") == ApplicationType(unchecked: "render"))
        #expect(look("sh", "blender", "python3") == nil)
        #expect(look("sh", "blender") == nil)
        #expect(look("sh") == nil)
        #expect(look("sh", "python3") == ApplicationType(unchecked: "training"))
        #expect(look("sh", "blender") == ApplicationType(unchecked: "render"))
    }

    @Test("A rule for any name looks past the launcher")
    func launcher() throws {
        let rules = ApplicationRules([try rule("python*", "training"), try rule("*", "other")])
        var recognizer = ApplicationRecognizer(rules: rules)
        #expect(recognizer.look(at: [ProgramName("presync".utf8)]) == nil)
        #expect(
            recognizer.look(at: ["presync", "python"].map { ProgramName($0.utf8) })
                == ApplicationType(unchecked: "training"))
    }

    private func rule(_ program: String, _ application: String) throws -> ApplicationRule {
        ApplicationRule(
            program: try #require(ProgramPattern(program)), application: ApplicationType(unchecked: application))
    }
}
