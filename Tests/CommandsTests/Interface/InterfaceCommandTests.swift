import ArgumentParser
import InterfaceCore
import InterfaceStore
import Testing

@testable import Commands

@Suite struct InterfaceCommandTests {
    @Test(arguments: [
        "create r", "create r --root-key 00 --root-key 11 --root-threshold 2 --root-days 30", "publish r",
        "publish r --store s --keys k -o json", "revoke r opencl 1.2.0 --reason why", "list r -q",
        "show r opencl 1.2.0",
        "verify r --root f", "keys generate k a b", "keys rotate r timestamp", "refresh-metadata r",
        "root payload r f", "root sign r k", "root add-signature r id 00",
    ])
    func aCommandLineOfTheDocumentationIsUnderstood(line: String) {
        let arguments = ["interface"] + line.split(separator: " ").map(String.init)
        #expect(throws: Never.self) { try PresyncCommand.parseAsRoot(arguments) }
    }

    @Test(arguments: [
        "create", "create r --root-threshold 2", "create r --timestamp-days 0", "revoke r opencl 1.2.0",
        "show r opencl",
        "keys generate k", "keys generate k a/b", "keys generate k .hidden", "list r -o xml",
    ])
    func aWrongCommandLineEndsWithTheUsageStatus(line: String) throws {
        let arguments = ["interface"] + line.split(separator: " ").map(String.init)
        let error = try #require(throws: (any Error).self) { try PresyncCommand.parseAsRoot(arguments) }
        #expect(PresyncCommand.exitCode(for: error).rawValue == ExitStatus.usage.rawValue)
    }

    @Test func whatHappenedIsShownWithTheNextStep() throws {
        var change = TrustRepository.Change()
        change.versions = [.timestamp: 4, .snapshot: 3]
        var text = try AnswerRenderer(format: .table).render(InterfaceChangeView(change))
        #expect(text == "ROLE       NEW VERSION\ntimestamp  4\nsnapshot   3\n")
        change.pending = .init(version: 2, missing: 1)
        text = try AnswerRenderer(format: .table).render(InterfaceChangeView(change))
        #expect(text.contains("root version 2 waits for 1 more signature(s)"))
        #expect(text.contains("presync interface root add-signature"))
    }

    @Test(
        arguments: [
            (TrustError.Code.notInitialised, 66), (.unsigned, 1), (.unreachable, 69), (.storage, 66), (.mismatch, 1),
        ] as [(TrustError.Code, Int32)])
    func errorsBecomeStatuses(code: TrustError.Code, status: Int32) {
        #expect(CommandFailure(TrustError(code, "cause")).status.rawValue == status)
    }
}
