import Dashboard
import FleetModel
import ForecastCore

/// Stated level against realised share, for each target and horizon.
struct CalibrationFigure {
    /// The methods that are compared, the engine first: two, so that their bars stand side by side.
    var methods: [(method: EvaluatedMethod, record: CalibrationRecord)]

    var horizons = ForecastHorizons.standard

    private static let rowHeight = 300.0
    private static let columnWidth = 312.0

    var drawing: Markup {
        let plots = ForecastTarget.allCases.flatMap { target in
            ForecastHorizon.allCases.map { horizon in panel(target, horizon) }
        }
        let legend = Drawing.legend(
            methods.map { ($0.method.rawValue, .line($0.method.lineStyle)) } + [("as stated", .line("ideal"))], x: 64,
            y: 15)
        return Drawing.drawing(
            height: 30 + 2 * Self.rowHeight, title: "Stated level against realised share, by target and horizon",
            [legend] + plots)
    }

    private func panel(_ target: ForecastTarget, _ horizon: ForecastHorizon) -> Markup {
        let name = target == .peak ? "peak within \(horizons[horizon]) s" : "value in \(horizons[horizon]) s"
        let plot = Plot(
            left: 64 + Double(horizon.rawValue) * Self.columnWidth, top: 66 + Double(target.rawValue) * Self.rowHeight,
            width: 240, height: 214, horizontal: .share("stated level"), vertical: .share("outcomes not above"))
        let ideal = plot.line([(0, 0), (1, 1)], "ideal")
        // The engine last, so that it lies above the other.
        let curves = methods.enumerated().reversed().flatMap { index, compared in
            curve(compared.method, compared.record, offset: index == 0 ? -1.5 : 1.5, target, horizon, in: plot)
        }
        return .element("g", [:], [plot.axes(title: name), ideal] + curves)
    }

    /// A line through the shares not above, and for each level a bar down to the share below.
    private func curve(
        _ method: EvaluatedMethod, _ record: CalibrationRecord, offset: Double, _ target: ForecastTarget,
        _ horizon: ForecastHorizon, in plot: Plot
    ) -> [Markup] {
        let points = QuantileLevels.all.enumerated().map { index, level in
            (level: level, share: record.shares(target, horizon, level: index))
        }
        let bars = points.map { point in
            let x = plot.x(point.level) + offset
            return Drawing.segment(
                x, plot.y(point.share.below), x, plot.y(point.share.notAbove), "line \(method.lineStyle) bar")
        }
        let dots = points.map { point in
            plot.dot(
                point.level, point.share.notAbove, method.lineStyle,
                says: "\(method.rawValue), level \(Quantity.compact(point.level)): "
                    + "\(Quantity.decimal(point.share.notAbove * 100, digits: 1)) % of outcomes not above, "
                    + "\(Quantity.decimal(point.share.below * 100, digits: 1)) % below")
        }
        return bars + [plot.line(points.map { ($0.level, $0.share.notAbove) }, method.lineStyle)] + dots
    }
}
