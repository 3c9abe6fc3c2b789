import Dashboard
import ForecastCore

/// The loss of each method over time, in windows.
struct LossFigure {
    var methods: [(method: EvaluatedMethod, record: LossRecord)]

    /// Losses above are drawn at the edge: there a method is far worse than none.
    private static let greatestShown = 2.5

    var drawing: Markup {
        let greatest = methods.flatMap { losses($0.record) }.compactMap { $0?.y }.max() ?? 0
        let (first, last) = span
        let plot = Plot(
            left: 64, top: 64, width: 884, height: 250, horizontal: .time(first...last, marks: 9),
            vertical: .number("loss (wQL)", upTo: min(greatest, Self.greatestShown), marks: 6))
        let note = greatest > Self.greatestShown ? "losses above \(Self.greatestShown) drawn at the upper edge" : ""
        let legend = Drawing.legend(methods.map { ($0.method.rawValue, .line($0.method.lineStyle)) }, x: 64, y: 15)
        // The engine last, so that it lies above the others.
        let curves = methods.reversed().flatMap { method, record in
            let points = losses(record)
            return [plot.line(points, method.lineStyle)]
                + points.enumerated().compactMap { window, point in
                    point.map { plot.dot($0.x, $0.y, "", says: text(method.rawValue, record, window, $0.y)) }
                }
        }
        return Drawing.drawing(
            height: 352, title: "Loss of each method over time", [plot.axes(title: note), legend] + curves)
    }

    /// From the first window's begin to the last one's end.
    private var span: (Double, Double) {
        guard let record = methods.first?.record else { return (0, 1) }
        return (Double(record.start(of: 0)), Double(record.start(of: record.windows)))
    }

    /// Of each window, at its middle.
    private func losses(_ record: LossRecord) -> [(x: Double, y: Double)?] {
        (0..<record.windows).map { window in
            record.loss(of: window).map {
                (Double(record.start(of: window)) + Double(record.windowSeconds) / 2, $0)
            }
        }
    }

    private func text(_ name: String, _ record: LossRecord, _ window: Int, _ loss: Double) -> String {
        let start = record.start(of: window)
        return "\(name), seconds \(start) to \(start + record.windowSeconds - 1): \(Quantity.decimal(loss, digits: 3))"
    }
}
