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
    func settings(
        role: String, known: [Setting], lists: [ListSetting] = [], flags: [String: String?]
    ) -> Settings {
        Settings(
            role: role, known: known, lists: lists, flags: flags.compactMapValues(\.self),
            environment: ProcessInfo.processInfo.environment, file: configPath, isOnlyChecked: check)
    }
}

/// The part of a daemon's help text that teaches its settings.
enum SettingsHelp {
    static func text(role: String, _ settings: [Setting], lists: [ListSetting] = []) -> String {
        let single = settings.map { "  --\($0.name)\n      \($0.meaning)\n      \($0.variable(role: role))" }
        let lines = single + lists.map { "  \($0.name) (in the file only)\n      \($0.meaning)" }
        return """
            Each setting may stand on the command line, in the environment, or in the section '\(role)' of a YAML \
            file (--config), in this order of precedence. All problems are reported at once, with exit status 78.

            \(lines.joined(separator: "\n"))
            """
    }
}
