import ArgumentParser

/// `presync forecast`: what is expected of instances, and how good that is.
struct ForecastCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forecast",
        abstract: "What is expected of instances: show it, judge it on a trace, train its networks.",
        subcommands: [ForecastShowCommand.self, ForecastEvaluateCommand.self, ForecastTrainCommand.self])
}
