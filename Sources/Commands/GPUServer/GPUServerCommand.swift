import ArgumentParser

/// `presync gpu-server`.
struct GPUServerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: GPUServerSettings.role,
        abstract: "Run a GPU server: it offers its devices and runs virtual GPUs on them. Or empty one for work on it.",
        discussion: """
            presync gpu-server --manager 10.0.0.5:7400 --listen-host 0.0.0.0 \\
                --advertised-host gpu1
            presync gpu-server --synthetic-devices 8 --check
            presync gpu-server drain gpu-2 --deadline 30m --then end
            presync gpu-server undrain gpu-2

            \(SettingsHelp.text(role: GPUServerSettings.role, GPUServerSettings.known))
            """,
        subcommands: [
            GPUServerRunCommand.self, GPUServerDrainCommand.self, GPUServerUndrainCommand.self,
            GPUServerDrainsCommand.self,
        ],
        defaultSubcommand: GPUServerRunCommand.self)
}
