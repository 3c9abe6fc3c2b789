import ControlLoop
import DeviceDrivers
import FleetModel
import Synchronization
import Testing
import WorkerControl

@testable import GPUServerRuntime

/// A daemon's surroundings that note what they are asked, and whose disk can be full.
private final class ScriptedSurroundings: GPUServerSurroundings {
    enum Call: Hashable, Sendable {
        case send(GPUServerMessage)
        case persist(Epoch)
        case start(GrantID, DeviceSelector)
        case applyLimit(GrantID, Slice)
        case stop(GrantID)
        case requestStatuses
        case record(FleetEvent.Kind)
        case install(InterfaceVersion)
    }

    private let calls = Mutex<[Call]>([])
    let diskIsFull = Mutex(false)

    /// What was asked since the last call.
    func take() -> [Call] {
        calls.withLock { calls in
            defer { calls = [] }
            return calls
        }
    }

    func persist(_ epoch: Epoch, for device: DeviceID) throws {
        if diskIsFull.withLock({ $0 }) { throw GPUServerError("disk full") }
        note(.persist(epoch))
    }

    func send(_ message: GPUServerMessage) { note(.send(message)) }
    func startWorker(_ command: GrantCommand, on device: DeviceSelector) { note(.start(command.grant, device)) }
    func applyLimit(_ grant: GrantID, _ slice: Slice) { note(.applyLimit(grant, slice)) }
    func stopWorker(_ grant: GrantID) { note(.stop(grant)) }
    func requestStatuses() { note(.requestStatuses) }
    func installInterface(_ version: InterfaceVersion, from sources: InterfaceSources) { note(.install(version)) }
    func use(_ versions: Set<InterfaceVersion>) {}
    func record(_ event: FleetEvent) { note(.record(event.kind)) }

    private func note(_ call: Call) { calls.withLock { $0.append(call) } }
}

@Suite("A GPU server's loop")
struct GPUServerLoopTests {
    private let surroundings = ScriptedSurroundings()
    private let grant = GrantID(rawValue: 5)
    private let digest = ContentDigest(bytes: [UInt8](repeating: 1, count: 32))

    private func linkedLoop() throws -> (GPUServerLoop, GrantCommand) {
        var configuration = GPUServerConfiguration(
            server: GPUServerID(unchecked: "s"), softwareVersion: "test", workerExecutable: "/bin/false")
        configuration.synthetic = GPUServerConfiguration.SyntheticDevices(count: 1, memory: .gibibytes(1))
        let inventory = try DeviceInventory(configuration)
        let version = InterfaceVersion(
            kind: "opencl", version: SemanticVersion(0, 1, 0), digest: try #require(digest))
        let machine = GPUServerMachine(
            configuration: GPUServerMachineConfiguration(
                server: configuration.server, softwareVersion: "test", devices: inventory.descriptions),
            installed: [version], now: .zero)
        var loop = GPUServerLoop(
            machine: machine, inventory: inventory, surroundings: surroundings, metrics: GPUServerMetrics())
        loop.handle(.linkOpened, now: .zero)
        _ = surroundings.take()
        let command = GrantCommand(
            grant: grant, instance: InstanceID(unchecked: "i"), device: inventory.descriptions[0].id,
            epoch: Epoch(term: 1, counter: 1), goal: .reserved,
            slice: Slice(memory: .mebibytes(64), compute: MilliShare(250)), ticket: SessionTicket(high: 1, low: 2),
            version: version, timeToLive: .seconds(10))
        return (loop, command)
    }

    @Test("A worker starts only once the command's epoch is durable")
    func durableFirst() throws {
        var (loop, command) = try linkedLoop()
        loop.handle(.managerMessageReceived(.command(command)), now: .zero)
        #expect(surroundings.take() == [.persist(Epoch(term: 1, counter: 1_023)), .start(grant, .synthetic)])
    }

    @Test("An epoch that the disk did not take is tried again each period, and its command waits")
    func fullDisk() throws {
        var (loop, command) = try linkedLoop()
        surroundings.diskIsFull.withLock { $0 = true }
        loop.handle(.managerMessageReceived(.command(command)), now: .zero)
        #expect(surroundings.take() == [.record(.failure)])
        loop.handle(.periodEnded, now: .seconds(1))
        #expect(surroundings.take().contains(.record(.failure)))
        surroundings.diskIsFull.withLock { $0 = false }
        loop.handle(.periodEnded, now: .seconds(2))
        let calls = surroundings.take()
        #expect(calls.contains(.persist(Epoch(term: 1, counter: 1_023))))
        #expect(calls.contains(.start(grant, .synthetic)))
    }

    @Test("Workers are asked for their accounts at the end of each period, after the heartbeat")
    func statuses() throws {
        var (loop, _) = try linkedLoop()
        loop.handle(.periodEnded, now: .seconds(1))
        let calls = surroundings.take()
        #expect(calls.last == .requestStatuses)
        #expect(calls.count == 2)
    }
}

@Suite("A GPU server's configuration")
struct GPUServerConfigurationTests {
    private let standard = GPUServerConfiguration(
        server: GPUServerID(unchecked: "s"), softwareVersion: "1", workerExecutable: "/usr/bin/presync-worker")

    @Test("The defaults are valid")
    func defaults() { #expect(standard.validate().isEmpty) }

    @Test("All errors are said at once")
    func allErrors() {
        var configuration = standard
        configuration.period = .zero
        configuration.stateDirectory = "relative"
        configuration.workerExecutable = "presync-worker"
        configuration.workerPorts = 0...10
        configuration.memoryLimit = .zero
        configuration.maximumSessions = 0
        #expect(configuration.validate().count == 6)
    }

    @Test("No more is offered than the protocol carries")
    func protocolLimits() throws {
        var configuration = standard
        configuration.synthetic = GPUServerConfiguration.SyntheticDevices(count: 64)
        configuration.maximumSessions = 16_384
        #expect(configuration.validate().isEmpty)
        configuration.maximumDevices = 1
        #expect(try DeviceInventory(configuration).descriptions.map(\.id.index) == [0])
        configuration.synthetic?.count += 1
        configuration.maximumSessions += 1
        configuration.maximumDevices = 65
        #expect(configuration.validate().count == 3)
    }

    @Test("A memory limit caps what a device offers")
    func memoryLimit() throws {
        var configuration = standard
        configuration.synthetic = GPUServerConfiguration.SyntheticDevices(count: 2, memory: .gibibytes(4))
        configuration.memoryLimit = .gibibytes(1)
        let memories = try DeviceInventory(configuration).descriptions.map(\.memory)
        #expect(memories == [.gibibytes(1), .gibibytes(1)])
    }
}
