import Dashboard
import FleetModel

/// What the user wants of a live view.
enum ViewCommand {
    case quit
    case nextInstance
}

/// Where a run shows itself while it goes on.
protocol LiveView: AnyObject {
    /// Whether one instance's forecast is shown as a fan.
    var showsFan: Bool { get }
    func show(_ state: DashboardState)
    /// What the user has wanted since the last call, by the keys that were pressed.
    func takeCommands() -> [ViewCommand]
    func close()
}

/// The dashboard on a terminal's alternate screen.
final class TerminalView: LiveView {
    private let terminal: Terminal
    let showsFan = true

    init(_ terminal: Terminal) { self.terminal = terminal }

    func show(_ state: DashboardState) {
        let (width, height) = terminal.size
        let style = TerminalStyle.standardOutput
        let renderer = DashboardRenderer(width: width, height: height, color: style.color, unicode: style.unicode)
        terminal.show(renderer.lines(state))
    }

    func takeCommands() -> [ViewCommand] {
        terminal.pressedKeys().compactMap { key in
            switch key {
            case UInt8(ascii: "q"): .quit
            case UInt8(ascii: "\t"): .nextInstance
            default: nil
            }
        }
    }

    func close() { terminal.close() }
}

/// A line on standard error every few seconds, for pipes and logs.
final class PlainView: LiveView {
    private var lastShown: Duration?
    private var lastNote = ""
    private var lastHints: [String] = []
    let showsFan = false

    func show(_ state: DashboardState) {
        let heading = state.heading
        let isDue = lastShown.map { heading.elapsed - $0 >= .seconds(5) || heading.elapsed < $0 } ?? true
        guard isDue || heading.note != lastNote else { return }
        if heading.hints != lastHints {
            lastHints = heading.hints
            StandardError.write(heading.hints.joined(separator: " · ") + "\n")
        }
        lastShown = heading.elapsed
        lastNote = heading.note
        StandardError.write(Self.line(state) + "\n")
    }

    func takeCommands() -> [ViewCommand] { [] }
    func close() {}

    /// The state in one line.
    static func line(_ state: DashboardState) -> String {
        var parts = ["[\(state.heading.policy) \(Quantity.clock(state.heading.elapsed))]"]
        if !state.heading.note.isEmpty { parts.append(state.heading.note) }
        if let overview = state.overview {
            let instances = overview.instances.map { "\($0.description.id) \($0.readiness)" }
            parts.append(instances.isEmpty ? "no instances yet" : instances.joined(separator: ", "))
            let starts = state.starts.values.reduce(into: (0, 0)) { sums, starts in
                sums.0 += starts.count
                sums.1 += starts.foundReserved
            }
            parts.append("starts \(starts.0), found reserved \(starts.1)")
            parts.append("reserved idle \(Quantity.compact(overview.totals.reservedIdleSeconds)) s")
        }
        return parts.joined(separator: " · ")
    }
}
