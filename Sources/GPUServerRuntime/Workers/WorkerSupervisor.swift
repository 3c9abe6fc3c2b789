package import ControlLoop
package import DeviceDrivers
package import FleetModel
import Foundation
package import SessionCore
import Synchronization
package import WorkerControl

/// A GPU server's side of its workers: starts them, tells them their limits, ends them, and takes them up again after a
/// restart of the GPU server.
///
/// Orders return at once; what comes of them arrives on ``events``, in order. One thread of its own does the work, so
/// that neither a slow worker nor a slow disk holds up anyone else.
package final class WorkerSupervisor: Sendable {
    package struct Configuration: Sendable {
        /// Where control sockets and process records are kept: a directory of this GPU server alone, with a path short
        /// enough for a socket's (about 80 bytes).
        package var directory: String
        /// A program that is started for every session, whatever its version; nil for each version's own.
        package var executable: String?
        /// The numeric address on which workers listen.
        package var listenHost: String
        /// The ports on which workers listen; 0...0 takes any that are free.
        package var ports: ClosedRange<UInt16>
        /// The host by which agents reach ``listenHost``.
        package var advertisedHost: String
        /// How long a worker may take until it is ready.
        package var startPatience: Duration
        /// How long a worker that was told to end may take before it is killed.
        package var stopPatience: Duration
        /// How long workers bear with what their sessions do.
        package var limits = WorkerLimits()
        /// Where workers' drivers keep what they compiled; nil for where the environment says, unbounded.
        package var kernelCaches: KernelCaches?
        /// How the time of each device is divided among its workers.
        package var shares = ArbiterSettings()

        package init(
            directory: String, executable: String?, listenHost: String = "127.0.0.1",
            ports: ClosedRange<UInt16> = 0...0,
            advertisedHost: String = "127.0.0.1", startPatience: Duration = .seconds(30),
            stopPatience: Duration = .seconds(2)
        ) {
            self.directory = directory
            self.executable = executable
            self.listenHost = listenHost
            self.ports = ports
            self.advertisedHost = advertisedHost
            self.startPatience = startPatience
            self.stopPatience = stopPatience
        }
    }

    /// What happens to workers, as events of the GPU server's machine.
    ///
    /// The buffer is bounded by its reader: a worker is reported on once for each ``requestStatuses()``, three times on
    /// its own account, and else only in answer to an order. What it says beyond that makes no event.
    package let events: AsyncStream<GPUServerEvent>
    private let orders: SupervisorOrders

    /// Takes up the workers that an earlier life of this GPU server left, then begins to serve.
    ///
    /// Waits, some seconds at most, until each worker that was left has either said who it is or is gone for certain:
    /// what is not in the answer holds no memory. Throws when the directory cannot be used or a process does not end.
    package static func takingUp(
        _ configuration: Configuration
    ) throws -> (supervisor: WorkerSupervisor, recovered: [RecoveredWorker]) {
        try FileManager.default.createDirectory(
            atPath: configuration.directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let found = try WorkerRecovery(directory: configuration.directory).run()
        let supervisor = try WorkerSupervisor(configuration, found.map(\.worker))
        return (supervisor, found.map { RecoveredWorker($0.identity) }.sorted { $0.grant < $1.grant })
    }

    private init(_ configuration: Configuration, _ workers: [SupervisedWorker]) throws {
        let (stream, continuation) = AsyncStream<GPUServerEvent>.makeStream()
        events = stream
        orders = try SupervisorOrders()
        let loop = try SupervisorLoop(configuration, orders: orders, events: continuation, workers: workers)
        Thread.detachNewThread(loop.run)
    }

    deinit { close() }

    /// Starts a worker for the command's grant. Answered by `workerStarted` or `workerFailed`; a worker that is there
    /// already is answered for again.
    /// - Parameter installed: the worker of the command's version; a configured executable goes before its own.
    package func start(_ command: GrantCommand, on device: DeviceSelector, installed: InstalledWorker? = nil) {
        orders.add(.start(command, device, installed))
    }

    /// Answered by `limitApplied`. Without an epoch the limit comes under the one that the worker last obeyed.
    package func applyLimit(_ grant: GrantID, _ slice: Slice, epoch: Epoch? = nil) {
        orders.add(.applyLimit(grant, slice, epoch))
    }

    /// Ends a worker, by force when it does not end by itself. Answered by `workerExited`, at once when there is none.
    package func stop(_ grant: GrantID) { orders.add(.stop(grant)) }

    /// Asks every worker for its status: call it once a period, for it is also the sign by which workers know that the
    /// GPU server lives. Each answer is a `workerReported`.
    package func requestStatuses() { orders.add(.requestStatuses) }

    /// Ends the workers whose kernel caches lie in these folders.
    package func endOvergrown(_ folders: Set<String>) { orders.add(.endOvergrown(folders)) }

    /// Lets go of all workers without ending them, and ends ``events``. A later life of the GPU server takes them up.
    package func close() { orders.add(.close) }
}

/// What a supervisor's thread is asked to do. The lock is `waiting`'s.
final class SupervisorOrders: Sendable {
    enum Order {
        case start(GrantCommand, DeviceSelector, InstalledWorker?)
        case applyLimit(GrantID, Slice, Epoch?)
        case stop(GrantID)
        case requestStatuses
        /// The worker does what its device's other tenants must not suffer from.
        case endAtFault(GrantID, ShareFault)
        /// Workers whose kernel caches, by the names of their folders, have grown beyond all bounds.
        case endOvergrown(Set<String>)
        case close
    }

    private let waiting = Mutex<[Order]>([])
    private let receiving: Descriptor
    private let signalling: Descriptor

    init() throws(SystemError) {
        (receiving, signalling) = try ControlSocket.pair()
        signalling.stopBlocking()
    }

    var pollEntry: pollfd { pollfd(receiving, POLLIN) }

    func add(_ order: Order) {
        waiting.withLock { $0.append(order) }
        let mark: [UInt8] = [1]
        // No room means that the thread has a signal to wake to.
        _ = mark.withUnsafeBytes { signalling.send($0) }
    }

    func takeAll() -> [Order] {
        var scratch = [UInt8](repeating: 0, count: 256)
        while case .bytes = scratch.withUnsafeMutableBytes({ receiving.read(into: $0) }) {}
        return waiting.withLock { orders in
            defer { orders = [] }
            return orders
        }
    }
}

extension RecoveredWorker {
    init(_ identity: WorkerIdentity) {
        self.init(
            grant: identity.grant, instance: identity.instance, device: identity.device, epoch: identity.epoch,
            slice: identity.slice, endpoint: identity.endpoint, attached: identity.attached)
    }
}

extension WorkerStatus {
    init(_ report: WorkerReport) {
        self.init(
            attached: report.attached, connected: report.connected, peakMemory: report.peakMemory, busy: report.busy,
            traffic: report.traffic, usage: report.usage)
    }
}
