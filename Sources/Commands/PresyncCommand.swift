import ArgumentParser

/// The command line of Presync.
package enum CommandLineTool {
    /// Runs what the process's arguments ask for, and exits with a status of the table in `presync --help`.
    package static func run() async { await PresyncCommand.main() }
}

struct PresyncCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "presync",
        abstract: "Virtual GPUs that are ready before they are asked for.",
        discussion: """
            See it live on this machine:   presync up
            Compare with no forecasts:     presync up --compare --for 120s
            Give a program its GPU:        presync run --instance i1 -- python3 train.py
            Look at a fleet:               presync status

            A duration is a number with ms, s, m or h: 500ms, 90s, 2h. An amount of memory is one with KiB, MiB or GiB.

            Exit status:
            \(ExitStatus.table)
            """,
        version: SoftwareVersion.text,
        subcommands: [
            UpCommand.self, ManagerCommand.self, GPUServerCommand.self, AgentCommand.self, RunCommand.self,
            ReportCommand.self, SampleCommand.self, SimulateCommand.self, RecordCommand.self, ForecastCommand.self,
            StatusCommand.self,
            InstancesCommand.self, PoolCommand.self, QueueCommand.self, ClassCommand.self, OrderCommand.self,
            PlanCommand.self,
            ApplyCommand.self, EventsCommand.self, WhyCommand.self,
            InterfaceCommand.self, RolloutCommand.self, BenchCommand.self,
        ])
}
