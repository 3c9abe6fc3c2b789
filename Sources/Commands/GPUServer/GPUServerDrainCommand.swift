import ArgumentParser
import FleetModel
import Foundation

/// `presync gpu-server drain`.
struct GPUServerDrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain", abstract: "Empties a GPU server, and says when work on it may begin.",
        discussion: """
            From now on nothing is placed there. What is prepared there is prepared elsewhere; programs keep the sessions \
            that they have until they end them. With a deadline the sessions that are left then are ended (--then end), or \
            it is said that they are late (--then wait). The command shows what is left until nothing is, and Ctrl-C ends \
            the showing, not the drain. 'presync gpu-server undrain' takes the server back. Work that is planned for later \
            is announced with 'presync order maintenance'.

            presync gpu-server drain gpu-2
            presync gpu-server drain gpu-2 --deadline 30m --then end
            presync gpu-server drain gpu-2 --no-wait
            """)

    @OptionGroup var manager: ManagerOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "The GPU server, as 'presync pool' names it.")
    var server: String

    @Option(
        help: "By when programs' sessions should have ended, for example 30m.", transform: DurationArgument.parse)
    var deadline: DurationArgument?

    @Option(help: "What becomes of those that have not: wait or end.")
    var then: DeadlineArgument = .wait

    @Flag(inversion: .prefixedNo, help: "Show what is left until nothing is.")
    var wait = true

    enum DeadlineArgument: String, CaseIterable, ExpressibleByArgument {
        case wait
        case end

        var choice: MaintenanceWindow.AtDeadline { self == .end ? .end : .wait }
    }

    func validate() throws {
        let _: GPUServerID = try ClassArgument.name(server, "GPU server")
        if then == .end, deadline == nil { throw ValidationError("--then end needs a --deadline") }
    }

    func run() async throws {
        try await CommandRunner.run {
            let id: GPUServerID = try ClassArgument.name(server, "GPU server")
            try await ManagerConnection.withClient(address: manager.address) { client in
                let known = Set(try await client.overview().devices.map(\.description.id.server))
                guard known.contains(id) else {
                    throw CommandFailure(
                        .failure, "the manager knows no GPU server \(id)",
                        advice: "see 'presync pool' for those that it knows")
                }
                let now = WallTime(rawValue: OrderTimes.now.rawValue / 1_000 * 1_000)
                let window = MaintenanceWindow(
                    server: id, from: now, deadline: deadline.map { now + $0.duration }, atDeadline: then.choice)
                _ = try await client.change([.addMaintenance(window)])
                let progress = DrainFollowing(client: client, output: output)
                try await progress.show(id, until: wait ? { $0?.phase == .empty || $0 == nil } : { _ in true })
            }
        }
    }
}

/// `presync gpu-server undrain`.
struct GPUServerUndrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "undrain", abstract: "Takes a GPU server back after work on it.",
        discussion: """
            It verifies its interface versions anew, and runs their self-tests on its devices; once one has passed, the \
            server is used again. The command waits for that. One whose self-tests fail stays empty, and is asked again \
            each minute.

            presync gpu-server undrain gpu-2
            """)

    @OptionGroup var manager: ManagerOptions
    @OptionGroup var output: OutputOptions

    @Argument(help: "The GPU server.")
    var server: String

    @Flag(inversion: .prefixedNo, help: "Wait until it is used again.")
    var wait = true

    func validate() throws { let _: GPUServerID = try ClassArgument.name(server, "GPU server") }

    func run() async throws {
        try await CommandRunner.run {
            let id: GPUServerID = try ClassArgument.name(server, "GPU server")
            try await ManagerConnection.withClient(address: manager.address) { client in
                let orders = try await client.settings().orders
                let now = OrderTimes.now
                let underWay = orders.maintenance.filter { $0.server == id && $0.isUnderWay(at: now) }
                guard !underWay.isEmpty || orders.returning.contains(id) else {
                    throw CommandFailure(
                        .failure, "\(id) is not drained", advice: "see 'presync gpu-server drains' for those that are")
                }
                if !underWay.isEmpty {
                    _ = try await client.change(underWay.map { .removeMaintenance(id, from: $0.from) })
                }
                let progress = DrainFollowing(client: client, output: output)
                try await progress.show(id, until: wait ? { $0 == nil } : { _ in true })
            }
        }
    }
}

/// `presync gpu-server drains`.
struct GPUServerDrainsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drains", abstract: "The GPU servers that are being emptied, worked on, or about to return.")

    @OptionGroup var manager: ManagerOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await CommandRunner.run {
            let overview = try await ManagerConnection.withClient(address: manager.address) { client in
                try await client.overview()
            }
            try output.write(DrainsView(overview.recovery.drains))
        }
    }
}

/// Shows how far one GPU server is, each time that this changes.
private struct DrainFollowing {
    let client: ManagerConnection
    let output: OutputOptions

    func show(_ server: GPUServerID, until isDone: (DrainProgress?) -> Bool) async throws {
        var shown: DrainView?
        while true {
            let progress = try await client.overview().recovery.drains.first { $0.server == server }
            let view = DrainView(server, progress)
            if view != shown {
                // Not through a buffer: what follows may take hours.
                if output.output == .table {
                    try FileHandle.standardOutput.write(contentsOf: Data((view.sentence + "\n").utf8))
                } else {
                    try output.writeNext(view)
                }
            }
            shown = view
            guard !isDone(progress) else { return }
            try await Task.sleep(for: .seconds(1))
        }
    }
}
