import FleetModel

/// The instances: a line each with telemetry, forecast, readiness and what the last start met.
struct InstancesSection {
    /// A column of the table. Those that come last give way first when the screen is narrow.
    private struct Column {
        var title: String
        var width: Int
        var trailing = false
    }

    private static let columns: [Column] = [
        Column(title: "  id", width: 12), Column(title: "readiness", width: 10),
        Column(title: "cpu", width: 6, trailing: true), Column(title: "net in", width: 11, trailing: true),
        Column(title: "gpu mem", width: 10, trailing: true), Column(title: "gpu", width: 6, trailing: true),
        Column(title: " P(5 s)", width: 17), Column(title: "first command", width: 27),
        Column(title: "peak memory 5 s, q10 to q90", width: 33),
    ]

    var width: Int

    func lines(_ state: DashboardState, _ overview: FleetOverview) -> [StyledLine] {
        var title = StyledLine()
        for column in Self.columns {
            title.append(column.title, columns: column.width, trailing: column.trailing, .faint)
        }
        var lines = [StyledLine("INSTANCES", .strong), title]
        if overview.instances.isEmpty { lines.append(StyledLine("  none yet", .faint)) }
        let ceiling =
            overview.instances.lazy.compactMap(\.forecast)
            .map { $0.curve(.memory, .peak, .short).value(at: 0.9) }.max() ?? 0
        for instance in overview.instances {
            lines.append(line(instance, state, bandCeiling: ceiling))
            if let shortfall = instance.shortfall { lines.append(StyledLine("      " + shortfall, .warning)) }
        }
        return lines
    }

    private func line(_ instance: InstanceOverview, _ state: DashboardState, bandCeiling: Double) -> StyledLine {
        let id = instance.description.id
        let latest = instance.latest
        let values: [(text: String, style: TextStyle)] = [
            ("  " + id.rawValue, .plain),
            (instance.readiness.description, instance.readiness.style),
            (latest?.cpuMilli.map(Quantity.cores(milli:)) ?? "-", .plain),
            (latest?.networkIn.map(Quantity.rate) ?? "-", .plain),
            (latest.map { Quantity.bytes($0.gpuMemory) } ?? "-", .plain),
            (latest.map { Quantity.percent($0.gpuCompute / 1_000) } ?? "-", .plain),
            (onset(instance, state.history[id]), .notice),
        ]
        var line = StyledLine()
        for (column, value) in zip(Self.columns, values) {
            line.append(value.text, columns: column.width, trailing: column.trailing, value.style)
        }
        line.append(firstCommand(state.starts[id]).padded(to: Self.columns[values.count].width))
        line.append(peakMemory(instance, ceiling: bandCeiling))
        return line
    }

    private func onset(_ instance: InstanceOverview, _ course: LoadHistory.Course) -> String {
        guard let forecast = instance.forecast else { return " -" }
        let probability = forecast.onsetProbability(within: .short)
        return " " + Glyphs.sparkline(course.onset, ceiling: 1, width: 10) + " " + Quantity.percent(probability)
    }

    private func peakMemory(_ instance: InstanceOverview, ceiling: Double) -> String {
        guard let curve = instance.forecast?.curve(.memory, .peak, .short) else { return "-" }
        let (low, high) = (curve.value(at: 0.1), curve.value(at: 0.9))
        let band = Glyphs.band(low: low, middle: curve.median, high: high, ceiling: ceiling, width: 10)
        return "\(band) \(Quantity.bytes(low)) to \(Quantity.bytes(high))"
    }

    private func firstCommand(_ starts: DashboardState.Starts?) -> StyledLine {
        guard let starts, starts.count > 0 else { return StyledLine("-", .faint) }
        var line = StyledLine()
        let ready = starts.lastFound.map { $0 >= .reserved } ?? false
        line.append(starts.lastFirstCommand.map(Quantity.milliseconds) ?? "failed", ready ? .good : .warning)
        line.append(" (\(starts.lastFound?.description ?? "unknown"))")
        line.append("  \(starts.foundReserved)/\(starts.count)", .faint)
        return line
    }
}
