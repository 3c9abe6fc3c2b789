import FleetModel

/// Draws the live view: a pure function from state to lines.
///
/// Sections from top to bottom: heading, pool, instances, totals, events. Events take the rows that are left; when the
/// screen is too low for the rest, the lower sections are cut.
package struct DashboardRenderer: Sendable {
    package var width: Int
    package var height: Int
    package var color: Bool

    /// `width` and `height` in characters; values below 20 and 4 are taken as those.
    package init(width: Int, height: Int, color: Bool) {
        self.width = max(20, width)
        self.height = max(4, height)
        self.color = color
    }

    /// At most ``height`` lines, none wider than ``width`` columns.
    package func lines(_ state: DashboardState) -> [String] {
        var lines = [heading(state), StyledLine()]
        if let overview = state.overview {
            lines += PoolSection(width: width).lines(overview.devices)
            lines.append(StyledLine())
            lines += InstancesSection(width: width).lines(state, overview)
            lines.append(StyledLine())
            lines += totals(overview)
        } else {
            lines.append(StyledLine("Waiting for the manager's first answer.", .faint))
        }
        let rowsLeft = height - lines.count - 2
        if rowsLeft > 0, !state.events.isEmpty {
            lines += [StyledLine(), StyledLine("EVENTS", .strong)]
            lines += state.events.suffix(rowsLeft).map(eventLine)
        }
        return lines.prefix(height).map { $0.clipped(to: width).rendered(color: color) }
    }

    private func heading(_ state: DashboardState) -> StyledLine {
        var line = StyledLine("presync", .strong)
        line.append(" · policy ")
        line.append(state.heading.policy, .notice)
        line.append(" · " + Quantity.clock(state.heading.elapsed))
        if let total = state.heading.total { line.append(" of " + Quantity.clock(total)) }
        if !state.heading.note.isEmpty { line.append(" · " + state.heading.note, .faint) }
        return line
    }

    private func totals(_ overview: FleetOverview) -> [StyledLine] {
        let totals = overview.totals
        var use = StyledLine("TOTALS", .strong)
        use.append(" requests \(totals.requests), found reserved \(totals.requestsFoundReserved)")
        use.append(", warm \(totals.requestsFoundWarm), refused \(totals.requestsRefused)")
        use.append(" · contention \(totals.contention) · reclaimed \(totals.reclaimed)")
        var seconds = StyledLine("       reserved ")
        seconds.append(Quantity.compact(totals.reservedSeconds) + " s, of it idle ")
        seconds.append(Quantity.compact(totals.reservedIdleSeconds) + " s, used ")
        seconds.append(Quantity.compact(totals.usedSeconds) + " s · forecasts within the 80 % interval ")
        seconds.append(overview.accuracy.coverage80.map(Quantity.percent) ?? "-")
        seconds.append(", 95 % ")
        seconds.append(overview.accuracy.coverage95.map(Quantity.percent) ?? "-")
        return [use, seconds]
    }

    private func eventLine(_ event: FleetEvent) -> StyledLine {
        var line = StyledLine(Quantity.clock(.nanoseconds(event.at.rawValue)) + "  ", .faint)
        line.append(event.kind.rawValue, columns: 20, event.kind.style)
        line.append(event.instance?.rawValue ?? "", columns: 10)
        line.append(" " + event.detail)
        return line
    }
}

extension FleetEvent.Kind {
    var style: TextStyle {
        switch self {
        case .prepared, .reserved, .attached: .good
        case .contention, .refused: .warning
        case .agentLost, .serverLost, .failure: .bad
        case .agentConnected, .serverConnected, .instanceAppeared, .instanceGone, .reclaimed, .requested,
            .interfaceInstalled:
            .plain
        }
    }
}

extension Readiness {
    var style: TextStyle {
        switch self {
        case .cold: .faint
        case .staged: .plain
        case .warm: .warning
        case .reserved: .good
        case .attached: .notice
        }
    }
}
