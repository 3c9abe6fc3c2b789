import ArgumentParser
import Foundation

/// What every daemon takes besides its settings.
struct DaemonOptions: ParsableArguments {
    @Option(help: ArgumentHelp("YAML file with a section per daemon. Default: PRESYNC_CONFIG.", valueName: "file"))
    var config: String?

    @Flag(help: "Check the configuration, print what is in force, and exit.")
    var check = false

    /// For a parent process that wants its daemons to end with it, however it ends itself.
    @Flag(help: .hidden)
    var untilInputEnds = false

    var configPath: String? { config ?? ProcessInfo.processInfo.environment["PRESYNC_CONFIG"] }

    /// The settings of `role` with what was given as flags; names that were not given have nil.
    func settings(role: String, known: [Setting], flags: [String: String?]) -> Settings {
        Settings(
            role: role, known: known, flags: flags.compactMapValues(\.self),
            environment: ProcessInfo.processInfo.environment, file: configPath, showsWhatIsInForce: check)
    }
}

/// The part of a daemon's help text that teaches its settings.
enum SettingsHelp {
    static func text(role: String, _ settings: [Setting]) -> String {
        let lines = settings.map { "  --\($0.name)\n      \($0.meaning)\n      \($0.variable(role: role))" }
        return """
            Each setting may stand on the command line, in the environment, or in the section '\(role)' of a YAML \
            file (--config), in this order of precedence. All problems are reported at once, with exit status 78.

            \(lines.joined(separator: "\n"))
            """
    }
}
