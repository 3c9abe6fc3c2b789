import DeviceDrivers
import FleetModel
import Glibc
import RemotingCore
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

    /// `starter` is the connection to the GPU server that starts the worker; the ticket comes over it, and nothing else
    /// does before the worker has sent its identity.
    package init(_ launch: WorkerLaunch, starter: Descriptor) {
        self.launch = launch
        self.starter = starter
    }

    /// Serves until the end. What the worker holds on the device is only sure to be free when the process has ended.
    package func run() -> Ending {
        defer {
            unlink(launch.controlPath)
            unlink(launch.recordPath)
        }
        do {
            var loop = try start()
            return loop.run()
        } catch {
            _ = ControlChannel(starter).send(WorkerAnswer.failed("\(error)").encoded)
            return .failed("\(error)")
        }
    }

    /// Opens everything that a first command would otherwise wait for. A GPU server that starts anew finds the worker
    /// from the first step on.
    private func start() throws -> WorkerLoop {
        guard let record = ProcessRecord(of: getpid()) else { throw SystemError("/proc/self") }
        try SmallFile.write(record.description, to: launch.recordPath)
        var channel = ControlChannel(starter)
        let ticket = try awaitTicket(on: &channel)
        let post = try ControlPost(starter: channel, path: launch.controlPath)
        let device = try WorkerDevice(launch.selector)
        let door = try SessionDoor(
            host: launch.listenHost, ports: launch.ports, interface: try identity(of: launch.interface),
            credential: SessionCredential(
                grant: launch.grant.rawValue, ticketHigh: ticket.high, ticketLow: ticket.low),
            deviceInformation: device.information.encoded())
        return try WorkerLoop(launch, device: device, post: post, door: door)
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
                kind: version.kind, version: version.version.description, digest: version.digest.bytes)
        else { throw WorkerLaunchError("\(version) is no interface version") }
        return identity
    }
}
