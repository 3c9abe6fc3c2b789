import DeviceDrivers
import FleetModel
import Foundation
import OpenCLWorker
import RemotingCore
import Synchronization
import Testing
import WorkerControl

/// A worker on a thread of the test process, with a GPU server's end of its control connection.
final class TestWorker {
    static let ticket = SessionTicket(high: 0x0123_4567, low: 0x89AB_CDEF)

    let launch: WorkerLaunch
    let control: ControlLink
    let endpoint: SessionEndpoint
    private let outcome: Outcome
    private let directory: String

    /// Where the worker's thread leaves how it ended.
    private final class Outcome: Sendable {
        let ending = Mutex<Worker.Ending?>(nil)
        let ended = DispatchSemaphore(value: 0)
    }

    /// Starts a worker and waits until it is ready.
    init(
        _ selector: DeviceSelector = .openCL(platform: 0, device: 0), memory: Bytes = .mebibytes(64),
        timeToLive: Duration = .seconds(30), limits: WorkerLimits = WorkerLimits()
    ) throws {
        directory = NSTemporaryDirectory() + "worker-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let launch = try Self.launch(
            selector, memory: memory, timeToLive: timeToLive, controlPath: directory + "/control")
        let (own, child) = try ControlSocket.pair()
        let (control, outcome) = (ControlLink(own), Outcome())
        control.send(.ticket(Self.ticket))
        Thread.detachNewThread {
            let ending = Worker(launch, limits: limits, starter: child).run()
            outcome.ending.withLock { $0 = ending }
            outcome.ended.signal()
        }
        (self.launch, self.control, self.outcome) = (launch, control, outcome)
        switch try #require(control.receive()) {
        case .identity(let identity): endpoint = identity.endpoint
        case let answer: throw WorkerLaunchError("the worker is not ready but says \(answer)")
        }
    }

    deinit {
        control.send(.terminate)
        try? FileManager.default.removeItem(atPath: directory)
    }

    static func version(digest byte: UInt8 = 7) throws -> InterfaceVersion {
        let digest = try #require(ContentDigest(bytes: [UInt8](repeating: byte, count: 32)))
        return InterfaceVersion(kind: OpenCLInterface.kind, version: SemanticVersion(0, 1, 0), digest: digest)
    }

    static func launch(
        _ selector: DeviceSelector, memory: Bytes, compute: MilliShare = MilliShare(500),
        timeToLive: Duration = .seconds(30), controlPath: String
    ) throws -> WorkerLaunch {
        WorkerLaunch(
            grant: GrantID(rawValue: 7), instance: InstanceID(unchecked: "i"),
            device: DeviceID(server: GPUServerID(unchecked: "s"), index: 0), selector: selector,
            epoch: Epoch(term: 1, counter: 5), slice: Slice(memory: memory, compute: compute),
            interface: try version(), listenHost: "127.0.0.1", advertisedHost: "localhost", controlPath: controlPath,
            timeToLive: timeToLive)
    }

    /// How the worker ended; nil when it does not within 60 s.
    func awaitEnding() -> Worker.Ending? {
        guard outcome.ended.wait(timeout: .now() + 60) == .success else { return nil }
        return outcome.ending.withLock { $0 }
    }
}

/// A GPU server's end of a control connection, one answer at a time.
final class ControlLink {
    private var channel: ControlChannel
    private var waiting: [[UInt8]] = []

    init(_ descriptor: Descriptor) { channel = ControlChannel(descriptor) }

    @discardableResult func send(_ command: WorkerCommand) -> Bool { channel.send(command.encoded) }

    func ask(_ command: WorkerCommand) -> WorkerAnswer? {
        send(command)
        return receive()
    }

    /// The next answer; nil when the worker closes the connection or says nothing for 60 s.
    func receive() -> WorkerAnswer? {
        while waiting.isEmpty {
            var entries = [pollfd(channel.descriptor, POLLIN)]
            wait(for: &entries, milliseconds: 60_000)
            guard entries[0].isReady, let lines = channel.receive() else { return nil }
            waiting = lines
        }
        return WorkerAnswer(line: waiting.removeFirst())
    }
}
