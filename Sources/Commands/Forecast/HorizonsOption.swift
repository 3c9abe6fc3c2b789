import ArgumentParser
import FleetModel

/// `--horizons`: how far ahead forecasts look.
struct HorizonsOption: ParsableArguments {
    /// What a value that is refused should have been.
    static let expected = "three whole seconds from 1 to 30, each above the one before, such as 5,15,30"

    @Option(help: ArgumentHelp("How far ahead is looked: three, rising, 1 to 30.", valueName: "seconds"))
    var horizons = ForecastHorizons.standard

    /// The one of these seconds.
    func horizon(of seconds: Int) -> ForecastHorizon? { ForecastHorizon.allCases.first { horizons[$0] == seconds } }
}

extension ForecastHorizons: ExpressibleByArgument {
    package init?(argument: String) { self.init(text: argument) }
}
