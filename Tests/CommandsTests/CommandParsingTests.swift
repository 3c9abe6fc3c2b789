import ArgumentParser
import Foundation
import Testing

@testable import Commands

@Suite struct CommandParsingTests {
    @Test(arguments: [
        ["up"], ["up", "--compare", "--for", "120s"], ["up", "--json", "--for", "1m", "--policy", "reactive"],
        ["up", "--requests", "r.csv.gz", "--seed", "7", "--mean-gap", "30", "--instances", "8"],
        ["run", "--", "clinfo"], ["run", "--instance", "i1", "--class", "batch", "--", "sh", "-c", "exit 3"],
        ["run", "--gpus", "2", "--", "clinfo"], ["run", "--gpus", "16", "--", "clinfo"],
        ["sample", "--for", "5s", "--seed", "2"], ["sample", "payload-server"],
        ["report", "--work-in-flight", "3"], ["report", "--user-idle", "90s"],
        ["up", "--for", "5m", "--record", "trace.csv.gz"], ["record", "--for", "10m", "trace.csv.gz"],
        ["record", "--manager", "10.0.0.5:7400", "trace.csv"], ["events", "--follow"], ["events", "--last", "4096"],
        ["simulate", "--faults", "--seed", "1", "--seeds", "500"], ["simulate", "--trace", "panel.csv.gz"],
        ["simulate", "placement", "--nodes", "n.csv", "--pods", "p.csv", "--seeds", "42..51", "--load", "130"],
        ["simulate", "placement", "--nodes", "n.csv", "--pods", "p.csv", "--policies", "fgd,presync", "--json"],
        ["status"], ["instances", "-o", "json"], ["pool", "--output", "yaml", "-q"], ["events", "--last", "5"],
    ])
    func `a command line of the documentation is understood`(arguments: [String]) {
        #expect(throws: Never.self) { try PresyncCommand.parseAsRoot(arguments) }
    }

    @Test(arguments: [
        ["nonsense"], ["up", "--instances", "0"], ["up", "--compare"], ["up", "--json"], ["up", "--gap-cv", "0.2"],
        ["run"], ["run", "clinfo"], ["run", "--gpus", "0", "--", "clinfo"], ["run", "--gpus", "17", "--", "clinfo"],
        ["sample", "--for", "soon"], ["status", "-o", "xml"], ["events", "--last", "0"],
        ["up", "--policy", "oracle"], ["report"], ["report", "--work-in-flight", "-1"],
        ["up", "--period", "11s"], ["up", "--memory-cap", "1MiB"], ["events", "--last", "4097"], ["record"],
        ["up", "--compare", "--for", "60s", "--record", "trace.csv"],
        ["simulate"], ["simulate", "--faults", "--trace", "t.csv"], ["simulate", "placement", "--nodes", "n.csv"],
        ["simulate", "placement", "--nodes", "n", "--pods", "p", "--seeds", "9..2"],
        ["simulate", "placement", "--nodes", "n", "--pods", "p", "--policies", "fgd,fgd"],
        ["simulate", "placement", "--nodes", "n", "--pods", "p", "--load", "0"],
    ])
    func `a wrong command line ends with the usage status`(arguments: [String]) throws {
        let error = try #require(throws: (any Error).self) { try PresyncCommand.parseAsRoot(arguments) }
        #expect(PresyncCommand.exitCode(for: error).rawValue == ExitStatus.usage.rawValue)
    }

    @Test(arguments: [
        ["record", "--for", "5x", "trace.csv"], ["order", "reserve", "i1", "--memory", "1GiB", "--for", "1h30m"],
        ["up", "--period", "soon"],
    ])
    func `who writes no duration is told how one is written`(arguments: [String]) throws {
        let error = try #require(throws: (any Error).self) { try PresyncCommand.parseAsRoot(arguments) }
        #expect(PresyncCommand.message(for: error).contains("one number with ms, s, m or h"))
    }

    @Test func `what follows the terminator is the program's own`() throws {
        let command = try #require(
            try PresyncCommand.parseAsRoot(["run", "--instance", "i1", "--", "prog", "--instance", "x", "--", "y"])
                as? RunCommand)
        #expect(command.instance == "i1")
        #expect(command.command == ["prog", "--instance", "x", "--", "y"])
    }

    @Test func `the help names every exit status`() {
        let help = PresyncCommand.helpMessage()
        for status in ExitStatus.allCases { #expect(help.contains("  \(status.rawValue) ")) }
    }
}

@Suite struct ChildProcessTests {
    @Test func `a child's status, output and signal are told apart`() throws {
        let child = try ChildProcess(.init(executable: "sh", arguments: ["-c", "echo hello; exit 3"], output: .pipe))
        #expect(child.wait() == .exited(3))
        #expect(child.output?.readDataToEndOfFile() == Data("hello\n".utf8))
        let killed = try ChildProcess(.init(executable: "sh", arguments: ["-c", "kill -9 $$"]))
        #expect(killed.wait() == .signalled(9))
        #expect(killed.wait().shellStatus == 137)
    }

    @Test func `a program that does not exist is a failure that names it`() {
        let failure = #expect(throws: CommandFailure.self) {
            try ChildProcess(.init(executable: "/nowhere/program", arguments: []))
        }
        #expect(failure?.cause.contains("/nowhere/program") == true)
    }
}
