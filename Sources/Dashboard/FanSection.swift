import FleetModel

/// One instance's memory as a fan, where the screen has room for it.
struct FanSection {
    /// Fewer rows of plot than this show nothing.
    private static let leastPlot = 5
    private static let greatestPlot = 12
    /// The title, and what a chart has beside its plot.
    private static let rowsBeside = 1 + FanChart.rowsBeside

    var width: Int
    /// Rows that may be taken.
    var height: Int

    /// At most ``height`` lines; none where that is too few.
    func lines(_ fan: InstanceForecast) -> [StyledLine] {
        let plot = min(height - Self.rowsBeside, Self.greatestPlot)
        guard plot >= Self.leastPlot else { return [] }
        return [title(fan)] + FanChart(fan, .memory, width: width).lines(height: plot)
    }

    /// What is shown and what is expected of the demand, as far as there is room.
    private func title(_ fan: InstanceForecast) -> StyledLine {
        var name = StyledLine("FAN", .strong)
        name.append(" \(fan.instance.description.id) gpu memory")
        var parts = [name]
        if let forecast = fan.instance.forecast {
            let isBusy = (fan.instance.latest?.gpuMemory ?? 0) > 0
            let percents = ForecastHorizon.allCases.map { horizon in
                let share =
                    isBusy ? forecast.endingProbability(within: horizon) : forecast.onsetProbability(within: horizon)
                return Quantity.decimal(share * 100, digits: 0)
            }
            let seconds = forecast.horizons.all.map(String.init).joined(separator: "/")
            parts.append(
                StyledLine(
                    "\(isBusy ? "ends" : "begins") in \(seconds) s: \(percents.joined(separator: "/")) %", .notice))
        }
        parts.append(StyledLine("Tab: next", .faint))
        if let loss = fan.instance.trust?.lossAgainstClimate {
            parts.append(StyledLine("loss \(Quantity.decimal(loss, digits: 2)) of the climate's", .faint))
        }
        return StyledLine.flowed(parts, width: width, indent: 0)[0]
    }
}
