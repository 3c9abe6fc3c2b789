import ArgumentParser
import RemotingCore

/// `presync report`: what an application knows of its own load, for the forecast.
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Tell the agent what this instance has to do.",
        discussion: """
            To be run by a program of the instance, again at least every 10 s while it holds: what is older counts no \
            more. What is left out is not known.

            presync report --work-in-flight 12
            presync report --work-in-flight 0 --user-idle 90s
            """)

    // Also of what looks like an option: a number below 0 is to be named as what is wrong.
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Requests or work items that are accepted and not finished.", valueName: "count"))
    var workInFlight: UInt64?

    @Option(
        help: ArgumentHelp(
            "How long the user has done nothing. The agent must allow it: its setting user-activity.",
            valueName: "duration"),
        transform: DurationArgument.parse)
    var userIdle: DurationArgument?

    @Option(
        help: ArgumentHelp(
            "UNIX socket of the agent. Default: PRESYNC_AGENT_SOCKET, else \(AgentSocket.defaultPath).",
            valueName: "path"))
    var agentSocket: String?

    func validate() throws {
        guard workInFlight != nil || userIdle != nil else {
            throw ValidationError("say something: --work-in-flight or --user-idle")
        }
    }

    func run() throws {
        try CommandRunner.run {
            var agent = try AgentSocket(path: AgentSocket.path(option: agentSocket))
            defer { agent.close() }
            try agent.report(
                ApplicationReport(
                    workInFlight: workInFlight, userIdleMilliseconds: userIdle.map { UInt64($0.seconds * 1_000) }))
        }
    }
}
