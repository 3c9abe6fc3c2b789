import ArgumentParser
import Dashboard
import FleetModel

/// `presync forecast show`.
struct ForecastShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "What a running manager expects of one instance in the next seconds, and how much to trust it.",
        discussion: """
            The fans show the last seconds and the next, as far as is forecast, a column each: the bands in which half, 80 % and 95 % of \
            outcomes are to lie, and a dot for what came, or a cross where that lay outside them. The bands of past \
            seconds are what was said the shortest horizon (5 s, unless the manager's horizons are others) before. The manager keeps that of instances that someone looks at: what was \
            said before the first look is not shown.

            presync forecast show chat-1
            presync forecast show chat-1 --follow
            presync forecast show chat-1 -o json --manager 10.0.0.5:7400

            With --follow, -o json writes one object a line.
            """)

    @OptionGroup var manager: ManagerOptions
    @OptionGroup var output: OutputOptions

    @Flag(name: [.short, .long], help: "Show it anew each second, until Ctrl-C; q on a terminal.")
    var follow = false

    @Argument(help: ArgumentHelp("The instance, as 'presync instances' names it.", valueName: "instance"))
    var instance: String

    func run() async throws {
        try await CommandRunner.run {
            try await ManagerConnection.withClient(address: manager.address) { client in
                let first = try await view(from: client)
                guard follow else { return try output.write(first) }
                try await follow(first, client)
            }
        }
    }

    private func view(from client: any FleetClient) async throws(CommandFailure) -> ForecastView {
        guard let id = InstanceID(rawValue: instance), let found = try await client.forecast(of: id) else {
            throw CommandFailure(
                .failure, "the manager knows no instance \(instance)",
                advice: "see which there are with 'presync instances'")
        }
        guard let view = ForecastView(found) else {
            throw CommandFailure(
                .failure, "nothing is forecast of \(instance) yet",
                advice: "its first telemetry is needed: see its age with 'presync instances'")
        }
        return view
    }

    private func follow(_ first: ForecastView, _ client: any FleetClient) async throws {
        let interruption = Interruption()
        let terminal = output.output == .table ? Terminal() : nil
        defer { terminal?.close() }
        var view = first
        while true {
            if let terminal { show(view, on: terminal) } else { try output.writeNext(view) }
            // A second, in steps after which a key or a signal is noticed.
            for _ in 0..<10 {
                if terminal?.pressedKeys().contains(UInt8(ascii: "q")) == true { interruption.request() }
                if interruption.isRequested { return }
                try await Task.sleep(for: .milliseconds(100))
            }
            view = try await self.view(from: client)
        }
    }

    private func show(_ view: ForecastView, on terminal: Terminal) {
        let (width, height) = terminal.size
        let style = TerminalStyle.standardOutput
        let lines = view.lines(header: !output.quiet, width: width).prefix(height)
        terminal.show(lines.map { $0.clipped(to: width).rendered(color: style.color, unicode: style.unicode) })
    }
}
