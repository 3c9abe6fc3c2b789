import ArgumentParser
import Dashboard
import FleetModel
import ForecastCore
import Foundation

/// `presync forecast train`.
struct ForecastTrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Fit the forecasting networks to recorded traces, and write them to a file.",
        discussion: """
            Begins from the networks that ship, or from --networks, holds out the last part of each trace, and stops \
            a network's training when it no longer gets better there. 'presync manager --networks FILE' forecasts with \
            the result, and goes on learning.

            --horizons trains for others than 5, 15 and 30 s; the file says which.

            presync forecast train monday.csv.gz tuesday.csv.gz --to fleet.networks
            presync forecast evaluate wednesday.csv.gz --no-fit --networks fleet.networks
            """)

    @Argument(help: ArgumentHelp("Telemetry traces, plain or gzip.", valueName: "trace"))
    var traces: [String]

    @Option(help: ArgumentHelp("The file to write.", valueName: "file"))
    var to: String

    @Option(help: ArgumentHelp("Use the seconds before this one of each trace. Default: all.", valueName: "second"))
    var trainUntil: Int?

    @Option(help: ArgumentHelp("The most times that all examples are gone through.", valueName: "n"))
    var epochs = 6

    @Option(help: ArgumentHelp("Begin from networks that were written before.", valueName: "file"))
    var networks: String?

    @OptionGroup var algebra: LinearAlgebraOptions
    @OptionGroup var looking: HorizonsOption

    func validate() throws {
        guard !traces.isEmpty else { throw ValidationError("name at least one trace") }
        guard (1...1_000).contains(epochs) else { throw ValidationError("--epochs must be between 1 and 1000") }
        if let trainUntil, trainUntil < 60 { throw ValidationError("--train-until must be at least 60") }
    }

    func run() throws {
        try CommandRunner.run {
            let file = try OutputFile(to, sparing: traces)
            let start = try networks.map(NetworksFile.read) ?? ShippedNetworks.all
            var panels: [DemandPanel] = []
            for trace in traces { panels.append(try TracePanel.read(trace)) }
            var configuration = NetworkFit.Configuration()
            configuration.epochs = epochs
            configuration.horizons = looking.horizons
            let outcome = NetworkFitting.run(
                panels: panels, seconds: trainUntil, from: start, configuration: configuration,
                linearAlgebra: try algebra.open())
            guard outcome.learned > 0 else {
                throw CommandFailure(
                    .noInput, "there is nothing to learn from in the recordings: nothing was written",
                    advice: "give longer ones ('presync record'), or more of them, in which GPUs are used")
            }
            try file.write(NetworkFile.text(of: outcome.networks))
            for (index, loss) in outcome.heldOut.enumerated() {
                let losses = [loss.first, loss.best].map { Quantity.decimal($0, digits: 4) }
                print("network \(index + 1): loss on the held-out part \(losses[0]) before, \(losses[1]) after")
            }
            print("wrote \(outcome.networks.count) networks to \(to)")
        }
    }
}
