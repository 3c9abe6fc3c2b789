import Foundation
import RemotingCore
import SessionTransport
import Synchronization

/// A worker that answers as a test says, on a thread of its own: the real stream over a real socket, and no device.
final class ScriptedWorker: Sendable {
    /// What to do about a request.
    enum Reaction {
        case nothing
        case answer([OpenCLResponse])
        /// Bytes in a data frame, be they messages or not.
        case send([UInt8])
        /// So many requests have ended, and an answer.
        case complete(UInt64, OpenCLResponse)
        /// The connection breaks.
        case leave
    }

    typealias Script = @Sendable (OpenCLRequest) -> Reaction

    private let script: Script
    private let state = Mutex(State())
    private let reads = DispatchSemaphore(value: 0)

    private struct State {
        var requests: [OpenCLRequest] = []
        var usesMemory = false
    }

    /// The session's end for a program, with memory to share where `sharesMemory`. Reading begins with ``begin()``.
    let programEnd: [CInt]
    private let socket: CInt

    init(sharesMemory: Bool, _ script: @escaping Script) {
        self.script = script
        var ends: [CInt] = [-1, -1]
        socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends)
        let memory = sharesMemory ? SharedMemory.make() : nil
        (programEnd, socket) = ([ends[0]] + (memory.map { [$0] } ?? []), ends[1])
        let mapping = memory.flatMap { SharedMemory(mapping: $0) }
        Thread.detachNewThread { [self] in
            reads.wait()
            serve(SessionPipe(socket: socket, memory: mapping, role: .worker))
            shutdown(socket, CInt(SHUT_RDWR))
        }
    }

    deinit { close(socket) }

    /// Lets the worker read what it is sent.
    func begin() { reads.signal() }

    /// The worker's host is gone.
    func end() {
        shutdown(socket, CInt(SHUT_RDWR))
        reads.signal()
    }

    /// All that was asked so far.
    var requests: [OpenCLRequest] { state.withLock { $0.requests } }
    /// Whether the session has left its socket.
    var usesMemory: Bool { state.withLock { $0.usesMemory } }

    static let session = HandedOverSession(
        foundReadiness: 3, grant: 7, elapsedMicroseconds: 1, interfaceVersion: OpenCLInterface.version,
        continuation: continuation, deviceInformation: DeviceInformation().encoded())

    static let continuation = SessionContinuation(
        nextSendSequence: 0, nextReceiveSequence: 0, acknowledged: 0, sendWindow: SessionLimits.leastWindow,
        sendCredit: SessionLimits.leastWindow, receiveWindow: SessionLimits.leastWindow,
        receiveCredit: SessionLimits.leastWindow, slice: SessionSlice(memory: 1 << 30, compute: 500))

    private func serve(_ pipe: SessionPipe) {
        let window = SessionLimits.leastWindow
        var stream = SessionStream(
            role: .worker, sendWindow: window, receiveWindow: window, slice: Self.continuation.slice)
        do {
            while true {
                while let event = stream.nextEvent() {
                    switch event {
                    case .data(let payload):
                        guard try react(to: payload, &stream, pipe) else { return }
                    case .peerSwitched:
                        stream.switchToSharedMemory()
                        try send(&stream, pipe)
                        pipe.switchSending()
                        pipe.switchReceiving()
                        state.withLock { $0.usesMemory = true }
                    case .goneAway: return
                    case .pong, .sliceChanged, .completed, .placed: break
                    }
                }
                try send(&stream, pipe)
                guard try receive(&stream, pipe) else { return }
            }
        } catch {
            // What the test makes of it shows in what the program is told.
        }
    }

    private func react(to payload: [UInt8], _ stream: inout SessionStream, _ pipe: SessionPipe) throws -> Bool {
        var messages = WireMessages<OpenCLRequest>(payload: payload)
        while let request = try messages.next() {
            state.withLock { $0.requests.append(request) }
            switch script(request) {
            case .nothing: break
            case .answer(let responses): for response in responses { _ = stream.sendData(response.encoded()) }
            case .send(let bytes): _ = stream.sendData(bytes)
            case .complete(let number, let response):
                stream.announce(completed: number)
                _ = stream.sendData(response.encoded())
            case .leave: return false
            }
            try send(&stream, pipe)
        }
        return true
    }

    private func send(_ stream: inout SessionStream, _ pipe: SessionPipe) throws {
        while stream.hasUnsent {
            var failure: RemotingError?
            stream.send { bytes in
                do throws(RemotingError) { return try pipe.write(bytes) ?? 0 } catch { failure = error }
                return 0
            }
            if let failure { throw failure }
            if stream.hasUnsent { sleep(pipe, forRoom: true) }
        }
    }

    /// False at the end.
    private func receive(_ stream: inout SessionStream, _ pipe: SessionPipe) throws -> Bool {
        var outcome = SessionPipe.ReadOutcome.nothingYet
        var failure: RemotingError?
        _ = try stream.receive { space in
            do throws(RemotingError) { outcome = try pipe.read(into: space) } catch { failure = error }
            if case .bytes(let count) = outcome { return count }
            return 0
        }
        if let failure { throw failure }
        if outcome == .nothingYet { sleep(pipe, forRoom: false) }
        return outcome != .ended
    }

    private func sleep(_ pipe: SessionPipe, forRoom: Bool) {
        guard pipe.prepareToSleep(forRoom: forRoom) else { return }
        var entry = pollfd(fd: socket, events: Int16(pipe.pollEvents(forRoom: forRoom)), revents: 0)
        if poll(&entry, 1, 10_000) > 0 { pipe.noteReady() }
    }
}
