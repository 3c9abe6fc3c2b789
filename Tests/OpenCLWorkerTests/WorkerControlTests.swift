import DeviceDrivers
import FleetModel
import Foundation
import OpenCLWorker
import RemotingCore
import Testing
import WorkerControl

@Suite("A worker obeys its GPU server and outlives it")
struct WorkerControlTests {
    @Test("a limit of a newer epoch is enforced and announced to the client")
    func raisesLimit() throws {
        let worker = try TestWorker(.synthetic, memory: .zero)
        let client = try TestClient(worker)
        #expect(worker.control.receive().isConnected)
        let slice = Slice(memory: .mebibytes(8), compute: MilliShare(250))
        let epoch = Epoch(term: 1, counter: 6)
        #expect(worker.control.ask(.setLimit(slice, epoch)) == .limit(slice, epoch))
        #expect(try client.nextSlice() == SessionSlice(memory: 8 << 20, compute: 250))
    }

    @Test("a limit of an older epoch is refused")
    func refusesOldEpoch() throws {
        let worker = try TestWorker(.synthetic)
        let answer = worker.control.ask(.setLimit(.zero, Epoch(term: 1, counter: 4)))
        #expect(answer == .limitRefused(seen: Epoch(term: 1, counter: 5)))
    }

    @Test("a GPU server that comes back finds the worker as it left it")
    func isFoundAgain() throws {
        let worker = try TestWorker(.synthetic)
        let slice = Slice(memory: .mebibytes(3), compute: MilliShare(10))
        _ = worker.control.ask(.setLimit(slice, Epoch(term: 2, counter: 0)))
        let returned = ControlLink(try ControlSocket.connect(to: worker.launch.controlPath))
        let expected = WorkerIdentity(
            grant: worker.launch.grant, instance: worker.launch.instance, device: worker.launch.device,
            epoch: Epoch(term: 2, counter: 0), slice: slice, endpoint: worker.endpoint, attached: false)
        #expect(returned.ask(.identify) == .identity(expected))
    }

    @Test("a program that has taken the session over is attached before its first command")
    func attachesAtTakeOver() throws {
        let worker = try TestWorker(.synthetic)
        let client = try TestClient(worker)
        #expect(worker.control.receive().isConnected)
        try client.takeOver()
        guard case .status(let report)? = worker.control.receive() else { return #expect(Bool(false)) }
        #expect(report.attached)
        guard case .identity(let identity)? = worker.control.ask(.identify) else { return #expect(Bool(false)) }
        #expect(identity.attached)
    }

    @Test("what an agent says on a session that it holds attaches nobody")
    func holdingDoesNotAttach() throws {
        let worker = try TestWorker(.synthetic, memory: .zero)
        let held = try TestClient(worker)
        #expect(worker.control.receive().isConnected)
        let slice = Slice(memory: .mebibytes(8), compute: MilliShare(250))
        _ = worker.control.ask(.setLimit(slice, Epoch(term: 3, counter: 0)))
        #expect(try held.nextSlice() == SessionSlice(memory: 8 << 20, compute: 250))
        guard case .status(let report)? = worker.control.ask(.reportStatus) else { return #expect(Bool(false)) }
        #expect(!report.attached)
    }

    @Test("a worker that gets no ticket leaves the files of another of its grant alone")
    func touchesNoFilesWithoutTicket() throws {
        let worker = try TestWorker(.synthetic)
        let (own, child) = try ControlSocket.pair()
        shutdown(own.number, Int32(SHUT_RDWR))
        guard case .failed = Worker(worker.launch, starter: child).run() else { return #expect(Bool(false)) }
        #expect(FileManager.default.fileExists(atPath: worker.launch.controlPath))
    }

    @Test("the first command is reported unasked, and memory, time and traffic once each")
    func reports() throws {
        let worker = try TestWorker(.synthetic)
        let client = try TestClient(worker)
        #expect(worker.control.receive().isConnected)
        let (context, buffer) = (ObjectID(rawValue: 1), ObjectID(rawValue: 2))
        try client.send(.createContext(context), .createBuffer(buffer, context: context, flags: 1, size: 4_096))
        guard case .status(let report)? = worker.control.receive() else { return #expect(Bool(false)) }
        #expect(report.attached && report.traffic)
        _ = try client.finish(ObjectID(rawValue: 9))
        guard case .status(let second)? = worker.control.ask(.reportStatus) else { return #expect(Bool(false)) }
        #expect(second.peakMemory == Bytes(4_096))
        guard case .status(let third)? = worker.control.ask(.reportStatus) else { return #expect(Bool(false)) }
        #expect(third.peakMemory == Bytes(4_096) && !third.traffic)
    }

    @Test("it ends when told to")
    func terminates() throws {
        let worker = try TestWorker(.synthetic)
        worker.control.send(.terminate)
        #expect(worker.awaitEnding() == .terminated)
        #expect(!FileManager.default.fileExists(atPath: worker.launch.controlPath))
    }

    @Test("it ends when its session's connection closes")
    func endsWithSession() throws {
        let worker = try TestWorker(.synthetic)
        try TestClient(worker).close()
        #expect(worker.awaitEnding() == .sessionClosed)
    }

    @Test("it lapses without word from a GPU server while no program uses it")
    func lapses() throws {
        // Long enough to connect in, on a busy machine too.
        let worker = try TestWorker(.synthetic, timeToLive: .seconds(5))
        let held = try TestClient(worker)
        #expect(worker.awaitEnding() == .lapsed)
        _ = held
    }

    @Test("garbage on a control connection costs nobody else")
    func survivesGarbage() throws {
        let worker = try TestWorker(.synthetic)
        let other = try ControlSocket.connect(to: worker.launch.controlPath)
        let garbage = [UInt8](repeating: 0x41, count: 10_000)
        _ = garbage.withUnsafeBytes { other.send($0) }
        guard case .identity? = worker.control.ask(.identify) else { return #expect(Bool(false)) }
    }

    @Test("a device that is not there is named in the failure")
    func namesMissingDevice() {
        #expect {
            try TestWorker(.openCL(platform: 77, device: 0))
        } throws: { error in
            "\(error)".contains("no OpenCL platform 77")
        }
    }
}

extension WorkerAnswer? {
    fileprivate var isConnected: Bool {
        if case .status(let report)? = self { report.connected } else { false }
    }
}
