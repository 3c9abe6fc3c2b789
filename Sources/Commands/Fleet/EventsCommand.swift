import ArgumentParser
import ControlProtocol
import FleetModel
import Foundation

/// `presync events`.
struct EventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events", abstract: "What happened: the newest events, oldest first.",
        discussion: """
            presync events
            presync events --last 500 -o json
            presync events --follow

            With --follow, -o json writes one object a line.
            """)

    @OptionGroup var manager: ManagerOptions
    @OptionGroup var output: OutputOptions

    @Option(help: ArgumentHelp("How many events, at most \(ProtocolLimits.events).", valueName: "n"))
    var last = 50

    @Flag(name: [.short, .long], help: "Go on with each event as it happens, until Ctrl-C.")
    var follow = false

    func validate() throws {
        guard (1...ProtocolLimits.events).contains(last) else {
            throw ValidationError("--last must be between 1 and \(ProtocolLimits.events)")
        }
    }

    func run() async throws {
        try await CommandRunner.run {
            try await ManagerConnection.withClient(address: manager.address) { client in
                let events = try await client.events(limit: last)
                guard follow else { return try output.write(EventsView(events)) }
                let lines = EventLines(
                    format: output.output, header: !output.quiet, style: .standardOutput)
                try FileHandle.standardOutput.write(contentsOf: Data(try lines.first(events).utf8))
                // One event follows the other: the call takes no second before the first is done.
                let gaps = SequenceGaps(after: events.last?.sequence ?? 0)
                try await client.watchEvents(from: gaps.next) { event in
                    if let missed = gaps.missed(before: event.sequence) {
                        StandardError.write("presync: \(missed) events were missed: this end was too slow\n")
                    }
                    try FileHandle.standardOutput.write(contentsOf: Data(try lines.next(event).utf8))
                }
                throw client.ended
            }
        }
    }
}
