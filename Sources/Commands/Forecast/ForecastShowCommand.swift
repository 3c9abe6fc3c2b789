import ArgumentParser
import Dashboard
import FleetModel

/// `presync forecast show`.
struct ForecastShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "What a running manager expects of one instance, 5, 15 and 30 s ahead.",
        discussion: """
            presync forecast show chat-1
            presync forecast show chat-1 -o json --manager 10.0.0.5:7400
            """)

    @OptionGroup var manager: ManagerOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: ArgumentHelp("The instance, as 'presync instances' names it.", valueName: "instance"))
    var instance: String

    func run() async throws {
        try await CommandRunner.run {
            let overview = try await manager.overview()
            guard let found = overview.instances.first(where: { $0.description.id.rawValue == instance }) else {
                throw CommandFailure(
                    .failure, "the manager knows no instance \(instance)",
                    advice: "see which there are with 'presync instances'")
            }
            guard let view = ForecastView(found, accuracy: overview.accuracy) else {
                throw CommandFailure(
                    .failure, "nothing is forecast of \(instance) yet",
                    advice: "its first telemetry is needed: see its age with 'presync instances'")
            }
            try output.write(view)
        }
    }
}

/// One instance's forecast, as `presync forecast show` writes it.
struct ForecastView: RenderableAnswer {
    struct Curve: Encodable {
        var resource: String
        var target: String
        var horizonSeconds: Int
        /// By level, ascending: bytes, or thousandths of a device.
        var quantiles: [Double]
    }

    struct Onset: Encodable {
        var horizonSeconds: Int
        var probability: Double
    }

    var instance: String
    var readiness: String
    var telemetryAgeSeconds: Double
    var levels = QuantileLevels.all
    var onset: [Onset]
    var curves: [Curve]
    /// Of the fleet's forecasts that have come true.
    var fleetAccuracy: AccuracyOverview

    private static let shownLevels = [1, 5, 9, 10, 12]

    /// Nil where nothing is forecast of the instance.
    init?(_ overview: InstanceOverview, accuracy: AccuracyOverview) {
        guard let forecast = overview.forecast else { return nil }
        instance = overview.description.id.rawValue
        readiness = overview.readiness.description
        telemetryAgeSeconds = overview.telemetryAge.inSeconds
        onset = ForecastHorizon.allCases.map {
            Onset(horizonSeconds: $0.seconds, probability: forecast.onsetProbability(within: $0))
        }
        curves = Resource.allCases.flatMap { resource in
            [ForecastTarget.point, .peak].flatMap { target in
                ForecastHorizon.allCases.map { horizon in
                    let curve = forecast.curve(resource, target, horizon)
                    return Curve(
                        resource: String(describing: resource), target: String(describing: target),
                        horizonSeconds: horizon.seconds, quantiles: QuantileLevels.all.indices.map { curve[$0] })
                }
            }
        }
        fleetAccuracy = accuracy
    }

    func table() -> TextTable {
        let levels = Self.shownLevels.map { Quantity.percent(QuantileLevels.all[$0]) }
        var table = TextTable(titles: ["WHAT", "WITHIN"] + levels)
        for one in onset {
            table.rows.append(
                [
                    TextTable.Cell("demand begins"), "\(one.horizonSeconds) s",
                    TextTable.Cell(Quantity.percent(one.probability)),
                ]
                    + levels.dropFirst().map { _ in TextTable.Cell("") })
        }
        for curve in curves {
            let values = Self.shownLevels.map { level in
                let value = curve.quantiles[level]
                return curve.resource == "memory" ? Quantity.bytes(value) : Quantity.percent(value / 1_000)
            }
            table.rows.append(
                [TextTable.Cell("\(curve.resource) \(curve.target)"), "\(curve.horizonSeconds) s"]
                    + values.map { TextTable.Cell($0) })
        }
        return table
    }
}
