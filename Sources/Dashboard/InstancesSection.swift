import FleetModel

/// The instances: a line each. What matters most stands first: how far one is prepared, what the last start met, and
/// the forecast; telemetry follows. On a narrow screen columns are compact, and the last ones are left out.
struct InstancesSection {
    private enum Column: CaseIterable {
        case id
        case readiness
        case firstCommand
        case onset
        case peakMemory
        case cpu
        case networkIn
        case gpuMemory
        case gpu

        /// `seconds` is how far ahead the shortest horizon looks.
        func title(_ layout: Layout, _ seconds: Int) -> String {
            switch self {
            case .id: "  id"
            case .readiness: "readiness"
            case .firstCommand: layout.isCompact ? "1st command" : "first command"
            case .onset: " P(\(seconds) s)"
            case .peakMemory: layout.isCompact ? "peak mem in \(seconds) s" : "peak mem within \(seconds) s, q10 to q90"
            case .cpu: "cpu"
            case .networkIn: "net in"
            case .gpuMemory: "gpu mem"
            case .gpu: "gpu"
            }
        }

        func width(_ layout: Layout) -> Int {
            switch self {
            case .id: layout.isCompact ? 9 : 12
            case .readiness: 10
            case .firstCommand: layout.isCompact ? 15 : 27
            case .onset: layout.isCompact ? 8 : 17
            case .peakMemory: layout.isCompact ? 20 : 33
            case .cpu: layout.isCompact ? 5 : 6
            case .networkIn: layout.isCompact ? 10 : 11
            case .gpuMemory: layout.isCompact ? 9 : 10
            case .gpu: 6
            }
        }

        var isTrailing: Bool {
            switch self {
            case .id, .readiness, .firstCommand, .onset, .peakMemory: false
            case .cpu, .networkIn, .gpuMemory, .gpu: true
            }
        }
    }

    /// Which columns there are room for.
    private struct Layout {
        var isCompact = false
        var columns = Column.allCases

        init(width: Int) {
            guard total > width else { return }
            isCompact = true
            while columns.count > 2, total > width { columns.removeLast() }
        }

        private var total: Int { columns.reduce(0) { $0 + $1.width(self) } }
    }

    private let layout: Layout

    init(width: Int) { layout = Layout(width: width) }

    func lines(_ state: DashboardState, _ overview: FleetOverview) -> [StyledLine] {
        let horizons = overview.instances.lazy.compactMap(\.forecast?.horizons).first ?? .standard
        var title = StyledLine()
        for column in layout.columns {
            title.append(
                column.title(layout, horizons[.short]), columns: column.width(layout), trailing: column.isTrailing,
                .faint)
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
        var line = StyledLine()
        for column in layout.columns {
            let cell = cell(column, instance, state, bandCeiling: bandCeiling)
            let width = column.width(layout)
            if column.isTrailing { line.append(String(repeating: " ", count: max(0, width - cell.width))) }
            line.append(column.isTrailing ? cell.clipped(to: width) : cell.padded(to: width))
        }
        return line
    }

    private func cell(
        _ column: Column, _ instance: InstanceOverview, _ state: DashboardState, bandCeiling: Double
    ) -> StyledLine {
        let id = instance.description.id
        let latest = instance.latest
        switch column {
        case .id: return StyledLine("  " + id.rawValue)
        case .readiness: return StyledLine(instance.readiness.description, instance.readiness.style)
        case .firstCommand: return firstCommand(state.starts[id])
        case .onset: return StyledLine(onset(instance, state.history[id]), .notice)
        case .peakMemory: return StyledLine(peakMemory(instance, ceiling: bandCeiling))
        case .cpu: return StyledLine(latest?.cpuMilli.map(Quantity.cores(milli:)) ?? "-")
        case .networkIn: return StyledLine(latest?.networkIn.map(Quantity.rate) ?? "-")
        case .gpuMemory: return StyledLine(latest.map { Quantity.bytes($0.gpuMemory) } ?? "-")
        case .gpu: return StyledLine(latest.map { Quantity.percent($0.gpuCompute / 1_000) } ?? "-")
        }
    }

    private func onset(_ instance: InstanceOverview, _ course: LoadHistory.Course) -> String {
        guard let forecast = instance.forecast else { return " -" }
        let percent = Quantity.percent(forecast.onsetProbability(within: .short))
        return layout.isCompact
            ? " " + percent : " " + Glyphs.sparkline(course.onset, ceiling: 1, width: 10) + " " + percent
    }

    private func peakMemory(_ instance: InstanceOverview, ceiling: Double) -> String {
        guard let curve = instance.forecast?.curve(.memory, .peak, .short) else { return "-" }
        let (low, high) = (curve.value(at: 0.1), curve.value(at: 0.9))
        let width = layout.isCompact ? 8 : 10
        let band = Glyphs.band(low: low, middle: curve.median, high: high, ceiling: ceiling, width: width)
        return layout.isCompact
            ? "\(band) \(Quantity.bytes(high))" : "\(band) \(Quantity.bytes(low)) to \(Quantity.bytes(high))"
    }

    private func firstCommand(_ starts: DashboardState.Starts?) -> StyledLine {
        guard let starts, starts.count > 0 else { return StyledLine("-", .faint) }
        var line = StyledLine()
        let ready = starts.lastFound.map { $0 >= .reserved } ?? false
        line.append(starts.lastFirstCommand.map(Quantity.milliseconds) ?? "failed", ready ? .good : .warning)
        if !layout.isCompact { line.append(" (\(starts.lastFound?.description ?? "unknown"))") }
        line.append("  \(starts.foundReserved)/\(starts.count)", .faint)
        return line
    }
}
