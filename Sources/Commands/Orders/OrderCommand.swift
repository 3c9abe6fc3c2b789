import ArgumentParser
import FleetModel

/// A command that changes what operators set, and that may stand in a file for `presync plan`.
protocol ChangingCommand: ParsableCommand {
    func changes() throws -> [OperatorChange]
}

/// `presync order`.
struct OrderCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "order",
        abstract: "Pins, manual reservations, maintenance of GPU servers, and whether the manager acts.",
        discussion: """
            What is ordered here holds from the manager's next step on, and outlives it. Times are RFC 3339 \
            (2026-11-26T22:00Z), 'now', or from now on (+10m). See what an order would do before it is given with \
            'presync plan'.

            presync order list
            presync order pin chat-1 gpu-1#0
            presync order reserve chat-1 --memory 2GiB --until 2026-11-26T22:00Z
            presync order maintenance gpu-2 --from +2h --for 30m
            presync order mode forecast-only
            """,
        subcommands: [
            OrderListCommand.self, OrderModeCommand.self, OrderPinCommand.self, OrderUnpinCommand.self,
            OrderReserveCommand.self, OrderReleaseCommand.self, OrderMaintenanceCommand.self,
            OrderEndMaintenanceCommand.self,
        ])
}

/// The options that every command takes that shows or gives orders.
struct OrderOptions: ParsableArguments {
    @OptionGroup var manager: ManagerOptions
    @OptionGroup var output: OutputOptions

    /// Gives orders, and shows all that then stand.
    func give(_ changes: [OperatorChange]) async throws {
        try await CommandRunner.run {
            let settings = try await ManagerConnection.withClient(address: manager.address) { client in
                let settings = try await client.change(changes)
                await OrderNotes.write(on: changes, asking: client)
                return settings
            }
            try output.write(OrdersView(settings.orders))
        }
    }
}

/// `presync order list`.
struct OrderListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "All orders that stand.")

    @OptionGroup var options: OrderOptions

    func run() async throws {
        try await CommandRunner.run {
            let settings = try await ManagerConnection.withClient(address: options.manager.address) { client in
                try await client.settings()
            }
            try options.output.write(OrdersView(settings.orders))
        }
    }
}

/// `presync order mode`.
struct OrderModeCommand: AsyncParsableCommand, ChangingCommand {
    static let configuration = CommandConfiguration(
        commandName: "mode", abstract: "Whether the manager acts ahead of demand.",
        discussion: """
            In forecast-only the manager serves programs that ask, and what is reserved by order; of what it would \
            prepare ahead of demand it records each step ('presync events'), and counts what requests would have found \
            ('presync status'). What is prepared and not in use is given back. With default, it is as configured.

            presync order mode forecast-only
            presync order mode active
            """)

    @OptionGroup var options: OrderOptions

    @Argument(help: "active, forecast-only or default.")
    var mode: String

    func validate() throws { _ = try changes() }

    func changes() throws -> [OperatorChange] {
        if mode == "default" { return [.setMode(nil)] }
        guard let mode = ManagerMode(rawValue: mode) else {
            throw ValidationError("'\(mode)' is no mode: give active, forecast-only or default")
        }
        return [.setMode(mode)]
    }

    func run() async throws { try await options.give(changes()) }
}

/// `presync order pin`.
struct OrderPinCommand: AsyncParsableCommand, ChangingCommand {
    static let configuration = CommandConfiguration(
        commandName: "pin", abstract: "Keeps an instance's slices on one GPU server, or one of its devices.",
        discussion: """
            What the instance holds elsewhere and no program uses is moved; a session in use stays until it ends. Where \
            there is no room, the instance waits: 'presync why' says so.

            presync order pin chat-1 gpu-1
            presync order pin chat-1 gpu-1#0
            """)

    @OptionGroup var options: OrderOptions

    @Argument(help: "The instance, as 'presync instances' names it.")
    var instance: String

    @Argument(help: ArgumentHelp("A GPU server, or a device as 'presync pool' names it.", valueName: "server|device"))
    var place: String

    func validate() throws { _ = try changes() }

    func changes() throws -> [OperatorChange] {
        [.pin(try ClassArgument.name(instance, "instance"), try OrderArgument.place(place))]
    }

    func run() async throws { try await options.give(changes()) }
}

/// `presync order unpin`.
struct OrderUnpinCommand: AsyncParsableCommand, ChangingCommand {
    static let configuration = CommandConfiguration(
        commandName: "unpin", abstract: "Lets an instance's slices be anywhere again.")

    @OptionGroup var options: OrderOptions

    @Argument(help: "The instance.")
    var instance: String

    func validate() throws { _ = try changes() }

    func changes() throws -> [OperatorChange] { [.unpin(try ClassArgument.name(instance, "instance"))] }

    func run() async throws { try await options.give(changes()) }
}

/// `presync order reserve`.
struct OrderReserveCommand: AsyncParsableCommand, ChangingCommand {
    static let configuration = CommandConfiguration(
        commandName: "reserve", abstract: "Sets a slice aside for an instance, whatever is forecast.",
        discussion: """
            It is not given back when it is not used, nor taken for others, and no quota limits it; unused reservations \
            of its class and lower ones are taken for it. While the instance's agent is away nothing is held. One \
            reservation for each instance: a new one takes the old one's place.

            presync order reserve chat-1 --memory 2GiB
            presync order reserve chat-1 --memory 2GiB --compute 500 --from +1h --for 30m
            """)

    @OptionGroup var options: OrderOptions

    @Argument(help: "The instance.")
    var instance: String

    @Option(help: "For example 512MiB or 2GiB.")
    var memory: BytesArgument

    @Option(help: "In thousandths of a device, 1 to 1000.")
    var compute: Int32 = 100

    @OptionGroup var times: OrderTimes

    func validate() throws {
        do throws(OrderError) { try reservation().validate(now: OrderTimes.now) } catch {
            throw ValidationError(error.description)
        }
    }

    private func reservation() throws(OrderError) -> ManualReservation {
        guard let id = InstanceID(rawValue: instance) else { throw OrderError("'\(instance)' is no name") }
        let (from, until) = try times.span()
        return ManualReservation(
            instance: id, slice: Slice(memory: memory.bytes, compute: MilliShare(compute)), from: from, until: until)
    }

    func changes() throws -> [OperatorChange] { [.reserve(try reservation())] }

    func run() async throws { try await options.give(changes()) }
}

/// `presync order release`.
struct OrderReleaseCommand: AsyncParsableCommand, ChangingCommand {
    static let configuration = CommandConfiguration(
        commandName: "release", abstract: "Ends an instance's manual reservation.")

    @OptionGroup var options: OrderOptions

    @Argument(help: "The instance.")
    var instance: String

    func validate() throws { _ = try changes() }

    func changes() throws -> [OperatorChange] { [.releaseReservation(try ClassArgument.name(instance, "instance"))] }

    func run() async throws { try await options.give(changes()) }
}

/// `presync order maintenance`.
struct OrderMaintenanceCommand: AsyncParsableCommand, ChangingCommand {
    static let configuration = CommandConfiguration(
        commandName: "maintenance", abstract: "Says when a GPU server is worked on.",
        discussion: """
            Before the start nothing is placed there ahead of demand that would outlive it. From the start on nothing is \
            placed there at all, and what no program uses is prepared elsewhere; sessions in use go on until they end. \
            Without an end the server is drained until 'presync order end-maintenance', or 'presync gpu-server undrain'. \
            After the work its self-tests must have passed before anything is placed there again.

            presync order maintenance gpu-2
            presync order maintenance gpu-2 --from 2026-11-26T22:00Z --for 2h
            presync order maintenance gpu-2 --from +2h --deadline 30m --then end
            """)

    @OptionGroup var options: OrderOptions

    @Argument(help: "The GPU server.")
    var server: String

    @OptionGroup var times: OrderTimes

    @Option(
        help: "How long after the beginning programs' sessions should have ended.", transform: DurationArgument.parse)
    var deadline: DurationArgument?

    @Option(help: "What becomes of those that have not: wait or end.")
    var then: GPUServerDrainCommand.DeadlineArgument = .wait

    func validate() throws { _ = try changes() }

    func changes() throws -> [OperatorChange] {
        let (from, until) = try times.span()
        return [
            .addMaintenance(
                MaintenanceWindow(
                    server: try ClassArgument.name(server, "GPU server"), from: from, until: until,
                    deadline: deadline.map { from + $0.duration }, atDeadline: then.choice))
        ]
    }

    func run() async throws { try await options.give(changes()) }
}

/// `presync order end-maintenance`.
struct OrderEndMaintenanceCommand: AsyncParsableCommand, ChangingCommand {
    static let configuration = CommandConfiguration(
        commandName: "end-maintenance", abstract: "Takes a GPU server's maintenance windows away.")

    @OptionGroup var options: OrderOptions

    @Argument(help: "The GPU server.")
    var server: String

    @Option(help: "Only the window that begins then.")
    var from: String?

    func validate() throws { _ = try changes() }

    func changes() throws -> [OperatorChange] {
        let moment = try from.map { text in
            guard let time = WallTime(text) else { throw ValidationError("--from: '\(text)' is no time") }
            return time
        }
        return [.removeMaintenance(try ClassArgument.name(server, "GPU server"), from: moment)]
    }

    func run() async throws { try await options.give(changes()) }
}
