import ArgumentParser

/// `presync simulate`: what would happen, without a fleet.
struct SimulateCommand: ParsableCommand {
    // What options alone do is a subcommand of its own, because options of a command reach before its subcommands', and
    // `--seeds` is a count there and a range of `placement`.
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Simulate what ships in virtual time, or the placement of requests on a cluster.",
        discussion: """
            Faults:     presync simulate --faults --seed 1 --seeds 500
            Policies:   presync simulate --trace panel.csv.gz
            Placement:  presync simulate placement --nodes n.csv --pods p.csv

            Options without a subcommand are those of 'presync simulate run': see 'presync simulate run --help'.
            """,
        subcommands: [SimulateRunCommand.self, PlacementCommand.self], defaultSubcommand: SimulateRunCommand.self)
}
