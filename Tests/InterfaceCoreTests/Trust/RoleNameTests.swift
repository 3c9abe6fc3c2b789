import InterfaceCore
import Testing

@Suite struct RoleNameTests {
    @Test(arguments: [
        ("targets", "targets", "7.targets.json"), ("../up", "%2E.%2Fup", "7...%2Fup.json"),
        ("/abs", "%2Fabs", "7.%2Fabs.json"), ("?", "%3F", "7.%3F.json"), ("#", "%23", "7.%23.json"),
        (".", "%2E", "7...json"), ("é", "%C3%A9", "7.%C3%A9.json"), ("a b", "a%20b", "7.a%20b.json"),
        ("%2F", "%252F", "7.%252F.json"), ("a.b-c_d~e", "a.b-c_d~e", "7.a.b-c_d~e.json"),
    ])
    func namesAreSafeInFoldersAndURLs(name: String, file: String, remote: String) throws {
        let role = try #require(RoleName(ExactText(name)))
        #expect(role.encoded == file)
        #expect(role.fileName(version: 7) == remote)
        #expect(!role.encoded.contains("/") && !role.encoded.hasPrefix("."))
        #expect(PercentEncoding.decode(role.encoded) == name)
    }

    @Test func anEmptyNameIsNone() { #expect(RoleName("") == nil) }

    @Test(arguments: ["%", "%2", "%GG", "%FF", "a%"])
    func whatIsNotPercentEncodedIsRefused(text: String) { #expect(PercentEncoding.decode(text) == nil) }
}
