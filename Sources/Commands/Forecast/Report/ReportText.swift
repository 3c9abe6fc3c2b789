import Dashboard
import FleetModel
import ForecastCore

/// What a report says in words, for readers who meet these figures for the first time.
enum ReportText {
    /// The engine beside the best simple method, in two sentences.
    static func verdict(_ view: EvaluationView) -> String {
        let baselines = EvaluatedMethod.allCases.filter { $0.baseline != nil }.map(\.rawValue)
        guard let engine = view.methods.first(where: { $0.name == EvaluatedMethod.presync.rawValue }),
            let best = view.methods.filter({ baselines.contains($0.name) }).min(by: { $0.mean.wql < $1.mean.wql })
        else { return "" }
        let gain = best.mean.wql > 0 ? 1 - engine.mean.wql / best.mean.wql : 0
        let covered = engine.cells.map(\.figures.coverage95)
        func share(_ value: Double) -> String { Quantity.decimal(value * 100, digits: 1) + " %" }
        return "Presync's forecasts have a loss of \(Quantity.decimal(engine.mean.wql, digits: 3)); the best simple "
            + "method, \(best.name), has \(Quantity.decimal(best.mean.wql, digits: 3)): \(share(abs(gain))) "
            + "\(gain >= 0 ? "less" : "more") for Presync. Of what came, "
            + "\(share(engine.mean.coverage95)) was not above its .95 quantile (\(share(covered.min() ?? 0)) to "
            + "\(share(covered.max() ?? 0)) by resource, target and horizon)."
    }

    static func words(_ horizons: ForecastHorizons) -> [(term: String, text: String)] {
        [
            (
                "quantile",
                """
                A forecast is not one amount but 13, each with a level: at level .95, an amount that demand should stay at \
                or below 95 times in 100. Two quantiles make an interval: .1 to .9 is the 80 % interval. The median is the \
                quantile at .5.
                """
            ),
            (
                "target",
                """
                What is foretold: the value (point) at exactly \(horizons[.short]), \(horizons[.medium]) or \(horizons[.long]) s from now, or the peak, the greatest value \
                until then.
                """
            ),
            ("cell", "One resource, target and horizon. There are 12."),
            (
                "loss (wQL)",
                """
                Weighted quantile loss: how far the quantiles were from what came, in proportion to the demand that there \
                was. 0 is perfect, and lower is better; who always says 0 has 1.17.
                """
            ),
            (
                "coverage",
                """
                The share of outcomes that were not above a quantile. It should be the quantile's level. It is more where \
                demand is rare: an outcome of 0 is not above a quantile of 0.
                """
            ),
        ]
    }

    static let scores =
        """
        presync is the engine. Climate (what an instance usually wants) and network are parts of it, judged \
        alone. The others are simple methods: quantiles of the last 300 s, the last value with quantiles of \
        what followed, and a moving average with a normal distribution. Intervals are counted over instances \
        that are busy in more than a fifth of the time.
        """

    static func fans(_ seconds: Int) -> String {
        """
        What the engine had said \(seconds) s before each second, against what then came. The three \
        instances were chosen by how many seconds they were busy in, not by how well they were forecast; the \
        part on the right is where the instance was busiest. What came should lie within the lightest band 95 \
        times in 100. Where the bands lie on 0, no demand was expected. A plot over a long time has several \
        seconds in a point, and then shows the least and the greatest of them: bands look wider than each \
        was.
        """
    }

    static let calibration =
        """
        For each stated level, the share of outcomes that were not above the quantile. Honest quantiles lie \
        on the dashed diagonal. Demand is often exactly 0, and so is the quantile: such outcomes are not \
        above, yet not below it either. So each level has a bar, from the share below to the share not \
        above, and a method is well calibrated where the diagonal crosses its bars. Above it a method \
        reserves too much, under it too little. Both resources are counted together.
        """

    static func loss(_ windowSeconds: Int) -> String {
        """
        The loss of forecasts made in each \(windowSeconds) s. A bump that all methods share is demand that \
        changed; one of a single method is a weakness of its own. Point at a line's corners for figures.
        """
    }

    static let weights =
        """
        The engine mixes what four models say, and moves their weights to those that lately did better. A \
        second is quiet without demand, announced when network or CPU work point to demand soon, and busy \
        with demand. Weights are means over levels, horizons and both resources, from the trace's begin on. \
        Those of a kind of second that did not occur stay as they were.
        """

    static func name(_ rank: BusyRank) -> String {
        switch rank {
        case .busiest: "Busiest"
        case .median: "In the middle"
        case .rarest: "Rarest"
        }
    }
}
