import ArgumentParser
import ForecastCore
import OpenBLAS

/// The option of what networks are computed with, for commands that run them.
struct LinearAlgebraOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What the networks are computed with: portable (equal figures everywhere), openblas (faster) or automatic.",
            valueName: "name"))
    var linearAlgebra = LinearAlgebraChoice.portable

    /// What was chosen.
    /// - Throws: ``CommandFailure`` when it is not installed.
    func open() throws(CommandFailure) -> any LinearAlgebra {
        do { return try linearAlgebra.resolve().algebra } catch {
            throw CommandFailure(
                .unavailable, "\(error)", advice: "install it (Debian: libopenblas0-serial), or use portable")
        }
    }
}

extension LinearAlgebraChoice: ExpressibleByArgument {}
