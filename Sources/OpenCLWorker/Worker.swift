import DeviceDrivers
import FleetModel
import Glibc
package import RemotingCore
package import WorkerControl

/// One worker: the process, or in tests the thread, that serves one session of one grant.
///
/// Its main thread talks with GPU servers and lets the session's peer in; a second thread executes the session's
/// commands. It ends when its session's connection closes, when it is told to, when it cannot start, and when no GPU
/// server has been heard for its time to live while no program has used the session.
package struct Worker {
    /// How a worker ended.
    package enum Ending: Hashable, Sendable {
        case sessionClosed
        case terminated
        /// Neither a GPU server nor a program wanted it any more.
        case lapsed
        case failed(String)

        /// 0 for what is an ordinary end.
        package var exitCode: Int32 {
            if case .failed = self { 1 } else { 0 }
        }
    }

    private let launch: WorkerLaunch
    private let starter: Descriptor
    private let limits: WorkerLimits
    private let ownsProcess: Bool
    private let edition: InterfaceEdition

    /// `starter` is the connection to the GPU server that starts the worker; the ticket comes over it, and nothing else
    /// does before the worker has sent its identity. A worker that owns its process takes the standard output for what
    /// kernels print.
    package init(
        _ launch: WorkerLaunch, limits: WorkerLimits = WorkerLimits(), starter: Descriptor, ownsProcess: Bool = false,
        edition: InterfaceEdition = .current
    ) {
        self.edition = edition
        self.limits = limits
        self.ownsProcess = ownsProcess
        self.launch = launch
        self.starter = starter
    }

    /// Serves until the end. What the worker holds on the device is only sure to be free when the process has ended.
    ///
    /// The ticket comes first. The GPU server has recorded the process by then, so that a later life of it finds
    /// whatever holds a device; a worker that gets no ticket has opened nothing and owns none of the grant's files.
    package func run() -> Ending {
        do {
            var channel = ControlChannel(starter)
            let ticket = try awaitTicket(on: &channel)
            // Opened before the cage closes, from within which nothing is removed.
            let record = open(launch.recordPath, O_WRONLY | O_CLOEXEC)
            defer {
                WorkerLaunch.noteEnd(inRecord: record)
                unlink(launch.controlPath)
                unlink(launch.recordPath)
            }
            var loop = try start(channel, ticket)
            return loop.run()
        } catch {
            _ = ControlChannel(starter).send(WorkerAnswer.failed("\(error)").encoded)
            return .failed("\(error)")
        }
    }

    /// Opens everything that a first command would otherwise wait for.
    private func start(_ channel: consuming ControlChannel, _ ticket: SessionTicket) throws -> WorkerLoop {
        let post = try ControlPost(starter: channel, path: launch.controlPath)
        // The file beside the control socket is opened before the cage closes: other workers' lie there too.
        let output = ownsProcess ? try KernelOutput(path: launch.controlPath + ".output") : nil
        let cache = ownsProcess ? WorkerCage.closeFiles(of: launch.instance) : nil
        let device = try WorkerDevice(launch.selector, limits)
        if ownsProcess { device.boundCompilations() }
        if let cache { device.keepPrograms(in: cache, launch.selector, limits) }
        if ownsProcess { device.followTurns(try SharePage.make()) }
        if let output { device.captureOutput(output) }
        let door = try SessionDoor(
            host: launch.listenHost, ports: launch.ports, interface: try identity(of: launch.interface),
            credential: SessionCredential(
                grant: launch.grant.rawValue, ticketHigh: ticket.high, ticketLow: ticket.low),
            deviceInformation: device.information.encoded(), edition: edition)
        let loop = try WorkerLoop(launch, limits: limits, device: device, post: post, door: door)
        if ownsProcess { WorkerCage.closeCalls() }
        device.buildAhead()
        return loop
    }

    private func awaitTicket(on channel: inout ControlChannel) throws -> SessionTicket {
        var entries = [pollfd(channel.descriptor, POLLIN)]
        wait(for: &entries, milliseconds: Self.ticketPatience)
        guard let line = channel.receive()?.first, case .ticket(let ticket)? = WorkerCommand(line: line) else {
            throw WorkerLaunchError("no ticket came over the connection that the worker was started with")
        }
        return ticket
    }

    private static let ticketPatience: Int32 = 5_000

    private func identity(of version: InterfaceVersion) throws -> InterfaceIdentity {
        guard
            let identity = InterfaceIdentity(
                kind: version.kind, version: version.version.description, digest: version.digest.bytes,
                testedWith: launch.testedWith.map(\.bytes))
        else { throw WorkerLaunchError("\(version) is no interface version") }
        return identity
    }
}
