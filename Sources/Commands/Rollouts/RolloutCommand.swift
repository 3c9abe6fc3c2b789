import ArgumentParser
import FleetModel

/// `presync rollout`.
struct RolloutCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollout", abstract: "Brings a new interface version to a fleet, a part at a time.",
        discussion: """
            A few instances take the version first, then more, stage by stage. Each stage is compared with the version \
            before; a version that crashes, does not open, or is slow or wrong is taken back by itself. New sessions take \
            the new version, those that run keep theirs.

            presync rollout start 1.3.0 --canary 5% --batch 20%
            presync rollout status
            presync rollout pause
            presync rollout resume
            presync rollout abort
            """,
        subcommands: [
            RolloutStartCommand.self, RolloutStatusCommand.self, RolloutListCommand.self, RolloutPauseCommand.self,
            RolloutResumeCommand.self, RolloutAbortCommand.self,
        ])
}

/// The options that every command takes that shows or orders rollouts.
struct RolloutOptions: ParsableArguments {
    @OptionGroup var manager: ManagerOptions
    @OptionGroup var output: OutputOptions

    /// Gives an order, and shows the rollout that it was about.
    func give(_ change: RolloutChange) async throws {
        try await CommandRunner.run {
            let rollouts = try await ManagerConnection.withClient(address: manager.address) { client in
                try await client.change(change)
            }
            try show(rollouts.last)
        }
    }

    func show(_ rollout: RolloutOverview?) throws {
        guard let rollout else {
            throw CommandFailure(
                .failure, "there is no such rollout", advice: "'presync rollout list' shows those that are remembered")
        }
        try output.write(RolloutStatusView(rollout))
    }
}

/// `presync rollout status`.
struct RolloutStatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "How far the newest rollout is, and what its gates have seen.")

    @OptionGroup var options: RolloutOptions

    @Argument(help: ArgumentHelp("Its number, for an older one.", valueName: "rollout"))
    var number: UInt64?

    func run() async throws {
        try await CommandRunner.run {
            let rollouts = try await ManagerConnection.withClient(address: options.manager.address) { client in
                try await client.rollouts()
            }
            try options.show(number.map { number in rollouts.first { $0.id.rawValue == number } } ?? rollouts.last)
        }
    }
}

/// `presync rollout list`.
struct RolloutListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "All rollouts that are remembered.")

    @OptionGroup var options: RolloutOptions

    func run() async throws {
        try await CommandRunner.run {
            let rollouts = try await ManagerConnection.withClient(address: options.manager.address) { client in
                try await client.rollouts()
            }
            try options.output.write(RolloutsView(rollouts))
        }
    }
}

/// The rollout that an order is for.
struct RolloutNumber: ParsableArguments {
    @Argument(help: ArgumentHelp("Its number; without one, the one that is under way.", valueName: "rollout"))
    var number: UInt64?

    var id: RolloutID? { number.map(RolloutID.init(rawValue:)) }
}

/// `presync rollout pause`.
struct RolloutPauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Lets nobody more take the version; its gates judge all the same.")

    @OptionGroup var options: RolloutOptions
    @OptionGroup var rollout: RolloutNumber

    func run() async throws { try await options.give(.pause(rollout.id)) }
}

/// `presync rollout resume`.
struct RolloutResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "resume", abstract: "Goes on with a paused rollout.")

    @OptionGroup var options: RolloutOptions
    @OptionGroup var rollout: RolloutNumber

    func run() async throws { try await options.give(.resume(rollout.id)) }
}

/// `presync rollout abort`.
struct RolloutAbortCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "abort", abstract: "Takes the version back from all that have it.",
        discussion: """
            New sessions take the version before; those that run go on. The version is not used again until a rollout of \
            it is started anew.
            """)

    @OptionGroup var options: RolloutOptions
    @OptionGroup var rollout: RolloutNumber

    func run() async throws { try await options.give(.abort(rollout.id)) }
}
