import FleetModel
import ForecastCore

/// How much each of the engine's models counted over time, by target and kind of second.
struct WeightFigure {
    var record: WeightRecord

    private static let rowHeight = 220.0
    private static let columnWidth = 312.0

    var drawing: Markup {
        let panels = ForecastTarget.allCases.flatMap { target in
            OnsetContext.Kind.allCases.map { kind in panel(kind, target) }
        }
        let legend = Drawing.legend(
            ForecastModel.allCases.map { (String(describing: $0), .area([Self.style($0)])) }, x: 64, y: 15)
        return Drawing.drawing(
            height: 30 + 2 * Self.rowHeight, title: "Weights of the engine's models over time", [legend] + panels)
    }

    private static func style(_ model: ForecastModel) -> String { "model of-\(model)" }

    private static func name(_ kind: OnsetContext.Kind) -> String {
        switch kind {
        case .quiet: "quiet"
        case .surge: "announced"
        case .busy: "busy"
        }
    }

    private func panel(_ kind: OnsetContext.Kind, _ target: ForecastTarget) -> Markup {
        let samples = record.weights(kind, target)
        let seconds = record.seconds.map(Double.init)
        let plot = Plot(
            left: 64 + Double(kind.rawValue) * Self.columnWidth, top: 66 + Double(target.rawValue) * Self.rowHeight,
            width: 240, height: 134, horizontal: .time(0...max(1, seconds.last ?? 1), marks: 4),
            vertical: .share("weight"))
        let areas = ForecastModel.allCases.map { model in
            plot.band(
                zip(seconds, samples).map { second, weights in
                    let below = weights[..<model.rawValue].reduce(0, +)
                    return (second, below...below + weights[model.rawValue])
                }, Self.style(model))
        }
        return .element("g", [:], [plot.axes(title: "\(target), \(Self.name(kind))")] + areas)
    }
}
