import FleetModel

/// Draws the live view: a pure function from state to lines.
///
/// Sections from top to bottom: heading, pool, instances, totals, a fan, events. Events take the rows that are left, and
/// the fan those that leave some for events; when the screen is too low for the rest, the lower sections are cut.
package struct DashboardRenderer: Sendable {
    package var width: Int
    package var height: Int
    package var color: Bool
    package var unicode: Bool
    /// Rows for events, their title among them, that a fan leaves.
    private static let eventRows = 8

    /// `width` and `height` in characters; values below 20 and 4 are taken as those.
    package init(width: Int, height: Int, color: Bool, unicode: Bool = true) {
        self.width = max(20, width)
        self.height = max(4, height)
        self.color = color
        self.unicode = unicode
    }

    /// At most ``height`` lines, none wider than ``width`` columns.
    package func lines(_ state: DashboardState) -> [String] {
        var lines = heading(state) + [StyledLine()]
        if let overview = state.overview {
            lines += PoolSection(width: width).lines(overview.devices)
            lines.append(StyledLine())
            lines += InstancesSection(width: width).lines(state, overview)
            lines.append(StyledLine())
            lines += totals(overview)
        } else {
            lines.append(StyledLine("Waiting for the manager's first answer.", .faint))
        }
        if let fan = state.fan {
            let fan = FanSection(width: width, height: height - lines.count - 2 - Self.eventRows).lines(fan)
            if !fan.isEmpty { lines += [StyledLine()] + fan }
        }
        let rowsLeft = height - lines.count - 2
        if rowsLeft > 0, !state.events.isEmpty {
            lines += [StyledLine(), eventsTitle]
            lines += state.events.suffix(rowsLeft).map(eventLine)
        }
        return lines.prefix(height).map { $0.clipped(to: width).rendered(color: color, unicode: unicode) }
    }

    private func heading(_ state: DashboardState) -> [StyledLine] {
        let heading = state.heading
        var policy = StyledLine("policy ")
        policy.append(heading.policy, .notice)
        let total = heading.total.map { " of " + Quantity.clock($0) } ?? ""
        var parts = [StyledLine("presync", .strong), policy, StyledLine(Quantity.clock(heading.elapsed) + total)]
        if !heading.note.isEmpty { parts.append(StyledLine(heading.note, .faint)) }
        let hints = heading.hints.map { StyledLine($0, .faint) }
        return StyledLine.flowed(parts, width: width, indent: 2) + StyledLine.flowed(hints, width: width, indent: 0)
    }

    private func totals(_ overview: FleetOverview) -> [StyledLine] {
        let totals = overview.totals
        var use = StyledLine("TOTALS", .strong)
        use.append(" requests \(totals.requests), found reserved \(totals.requestsFoundReserved)")
        use.append(", warm \(totals.requestsFoundWarm), refused \(totals.requestsRefused)")
        let seconds = [totals.reservedSeconds, totals.reservedIdleSeconds, totals.usedSeconds].map(Quantity.compact)
        let coverage = [overview.accuracy.coverage80, overview.accuracy.coverage95]
            .map { $0.map(Quantity.percent) ?? "-" }
        let parts = [
            use, StyledLine("contention \(totals.contention)"), StyledLine("reclaimed \(totals.reclaimed)"),
            StyledLine("reserved \(seconds[0]) s, of it idle \(seconds[1]) s, used \(seconds[2]) s"),
            StyledLine("outcomes within the 80 % interval \(coverage[0]), 95 % \(coverage[1])"),
        ]
        return StyledLine.flowed(parts, width: width, indent: 7)
    }

    private var eventsTitle: StyledLine {
        var title = StyledLine("EVENTS", .strong)
        title.append(" times in UTC", .faint)
        return title
    }

    private func eventLine(_ recorded: RecordedEvent) -> StyledLine {
        let event = recorded.event
        var line = StyledLine(Quantity.timeOfDay(unixMilliseconds: recorded.recordedAtUnixMs) + "  ", .faint)
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
        case .contention, .refused, .noticed: .warning
        case .agentLost, .serverLost, .failure: .bad
        case .agentConnected, .serverConnected, .instanceAppeared, .instanceGone, .reclaimed, .requested,
            .interfaceInstalled, .ordered, .rehearsed:
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
