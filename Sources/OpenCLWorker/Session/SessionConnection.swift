import DeviceDrivers
import Glibc
import RemotingCore
import SessionTransport
import WorkerControl

/// Why a session is over. It is thrown through whatever the session was doing.
enum SessionEnd: Error, Hashable {
    /// The client said farewell, or its connection closed.
    case clientLeft
    /// The client broke the protocol.
    case protocolViolated(String)
}

/// The session's connection, as the thread that executes its commands sees it: requests come in, answers go out, and
/// whoever waits for either keeps both directions moving.
struct SessionConnection: ~Copyable {
    /// What a turn of waiting came to.
    enum Arrival {
        /// A program has taken the session over, and has sent nothing else yet. Said once.
        case takenOver
        /// The payload of one data frame.
        case requests([UInt8])
        /// Nothing, for as long as the caller wanted to wait.
        case nothing
    }

    private var descriptor: Descriptor
    private var pipe: SessionPipe
    private let line: SessionLine
    private let grant: UInt64
    private let wakeup: Wakeup
    private let account: SliceAccount
    private var stream: SessionStream
    /// What goes out before the stream's own bytes.
    private var greeting: ArraySlice<UInt8>
    /// What goes with the greeting's first byte.
    private var offered: Descriptor?
    private var spinning = SpinBudget(processors: sysconf(CInt(_SC_NPROCESSORS_ONLN)))
    private var turnsWithoutPoll = 0
    /// Bytes that went out and are not accounted for.
    private var sentBytes = 0
    private var saidTakenOver = false
    private var hasAnsweredOffer = false

    /// `wakeup` is signalled when the slice changed, the client has come back, or the worker is over.
    init(_ opened: SessionDoor.Opened, line: SessionLine, account: SliceAccount, wakeup: Wakeup) {
        self.line = line
        grant = opened.grant
        descriptor = opened.connection
        stream = opened.stream
        greeting = opened.answer[...]
        offered = opened.memory?.descriptor
        pipe = SessionPipe(socket: descriptor.number, memory: opened.memory?.mapping, role: .worker)
        self.account = account
        self.wakeup = wakeup
        if line.grace > .zero { stream.keepForReplay() }
    }

    /// What both ends speak.
    var revision: UInt16 { stream.revision }

    /// The next requests; waits at most `milliseconds` for them, or without end at -1.
    mutating func receive(waitingFor milliseconds: Int32) throws(SessionEnd) -> Arrival {
        var waited = false
        while true {
            while let event = stream.nextEvent() {
                switch event {
                case .data(let payload): return .requests(payload)
                case .peerSwitched: try switchToSharedMemory()
                case .goneAway: throw .clientLeft
                case .pong, .sliceChanged, .completed, .placed: break
                }
            }
            if let key = stream.resumptionKey, !hasAnsweredOffer {
                hasAnsweredOffer = true
                stream.answerOffer(graceMilliseconds: line.offer(key, grant: grant))
            }
            // An agent that holds a session sends no ping, and a program that takes one over begins with one.
            if stream.wasPinged, !saidTakenOver {
                saidTakenOver = true
                return .takenOver
            }
            if waited, milliseconds >= 0 { return .nothing }
            try turn(waitingFor: milliseconds)
            waited = true
        }
    }

    /// Sends one message whose bulk data follows its head. Waits while the client has given no credit for it. Memory of
    /// `owner` is not copied; other bulk is the caller's again when this returns.
    mutating func send(
        _ head: [UInt8], _ bulk: UnsafeRawBufferPointer, _ owner: AnyObject?
    ) throws(SessionEnd) {
        precondition(head.count + bulk.count <= SessionLimits.framePayload)
        while !stream.hasUnsent, bulk.count >= Self.directBulk, greeting.isEmpty {
            guard !stream.isEnded else { throw .clientLeft }
            var outcome = WriteOutcome()
            if stream.sendData(
                head, borrowing: bulk, owner: owner, through: { outcome.write(to: pipe, $0, $1) })
            {
                if owner == nil { stream.settle() }
                return try take(outcome)
            }
            try turn(waitingFor: -1)
        }
        while !stream.sendData(head, bulk: bulk) {
            guard !stream.isEnded else { throw .clientLeft }
            try turn(waitingFor: -1)
        }
    }

    /// Bulk data of this size goes out at once and from where it lies.
    private static let directBulk = 16 << 10

    /// What came of writing, for a caller who only hears how many bytes were taken.
    private struct WriteOutcome {
        var end: SessionEnd?
        var count = 0

        mutating func write(
            to pipe: SessionPipe, _ first: UnsafeRawBufferPointer,
            _ second: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
        ) -> Int {
            do throws(RemotingError) {
                guard let count = try pipe.write(first, second) else {
                    end = .clientLeft
                    return 0
                }
                self.count = count
                return count
            } catch {
                end = .protocolViolated(error.message)
                return 0
            }
        }

    }

    private mutating func take(_ outcome: WriteOutcome) throws(SessionEnd) {
        sentBytes += outcome.count
        switch outcome.end {
        case nil: break
        case .clientLeft: try awaitReturn()
        case .protocolViolated(let message): throw .protocolViolated(message)
        }
    }

    /// The client's commands come through the memory from here on: so do the answers.
    private mutating func switchToSharedMemory() throws(SessionEnd) {
        guard pipe.canSwitch else { throw .protocolViolated("a switch to memory that was not offered") }
        account.noteUse(of: InterfaceCapability.sharedMemory)
        stream.switchToSharedMemory()
        while true {
            try flush()
            guard stream.hasUnsent else { break }
            var entries = [pollfd(descriptor, POLLOUT)]
            wait(for: &entries, milliseconds: -1)
        }
        pipe.switchSending()
        pipe.switchReceiving()
    }

    /// Writes what the socket takes now.
    mutating func flush() throws(SessionEnd) {
        if !greeting.isEmpty { try greet() }
        while greeting.isEmpty, stream.hasUnsent {
            var outcome = WriteOutcome()
            stream.send { outcome.write(to: pipe, $0, $1) }
            try take(outcome)
            if outcome.end == nil, outcome.count == 0 { break }
        }
    }

    private mutating func greet() throws(SessionEnd) {
        let passed = offered.map { [$0.number] } ?? []
        let sent = greeting.withUnsafeBytes { DescriptorPassing.send($0, passing: passed, on: descriptor.number) }
        // Of a client that has come back and gone again, the greeting goes to the next connection.
        if sent < 0, errno != EAGAIN, errno != EINTR { return try awaitReturn() }
        guard sent > 0 else { return }
        offered = nil
        greeting = greeting.dropFirst(sent)
    }

    /// Whether the client is to be told that every request before `completed` has ended: now that it hears nothing else
    /// for long, or else when something goes out anyway and there is enough to tell.
    func isWorthTelling(completed: UInt64, isIdle: Bool) -> Bool {
        guard completed > stream.completed, stream.canAnnounceCompleted else { return false }
        return isIdle || stream.hasUnsent && completed - stream.completed >= Self.requestsPerNotice
    }

    /// To be sent with what goes out next.
    mutating func tell(completed: UInt64) { stream.announce(completed: completed) }

    /// So many more must have ended for a notice beside an answer: it costs less than one of them, of all.
    private static let requestsPerNotice: UInt64 = 64

    /// Tells the client why the session ends, if it still listens.
    mutating func sayFarewell(_ farewell: SessionFarewell) {
        stream.goAway(farewell)
        try? flush()
    }

    /// Sends, waits until there is something to do, and takes in what has arrived.
    private mutating func turn(waitingFor milliseconds: Int32) throws(SessionEnd) {
        try flush()
        let isBlocked = !greeting.isEmpty || stream.hasUnsent
        if try turnWithoutPoll(waitingFor: milliseconds, isBlocked: isBlocked) { return }
        guard milliseconds == 0 || pipe.prepareToSleep(forRoom: isBlocked) else { return try takeIn() }
        var entries = [pollfd(descriptor, pipe.pollEvents(forRoom: isBlocked)), wakeup.pollEntry]
        wait(for: &entries, milliseconds: milliseconds)
        if entries[1].isReady {
            wakeup.clear()
            let slice = SessionSlice(account.slice)
            if slice != stream.slice { stream.announce(slice) }
            // Its client may know that the connection broke while nothing of it is seen here.
            if let returned = line.takeReturn() { return try goOn(returned) }
        }
        if entries[0].isReady {
            pipe.noteReady()
            try takeIn()
        }
    }

    /// With shared memory, what has arrived is found without a system call, and what arrives soon is looked for. False
    /// when the turn is to be one with a poll: there is nothing, or there was none for long.
    private mutating func turnWithoutPoll(
        waitingFor milliseconds: Int32, isBlocked: Bool
    ) throws(SessionEnd) -> Bool {
        guard pipe.receivesThroughMemory, turnsWithoutPoll < Self.turnsPerPoll else {
            turnsWithoutPoll = 0
            return false
        }
        turnsWithoutPoll += 1
        var found = pipe.hasBytes
        if !found, milliseconds != 0, !isBlocked {
            let look = pipe.lookForBytes(nanoseconds: spinning.nanoseconds)
            spinning.learn(found: look == .found)
            found = look != .nothing
        }
        if found { try takeIn() }
        if !found, milliseconds != 0 { turnsWithoutPoll = 0 }
        return found || milliseconds == 0
    }

    /// After so many turns without a poll the wake-up is looked at.
    private static let turnsPerPoll = 256

    private mutating func takeIn() throws(SessionEnd) {
        var outcome = SessionPipe.ReadOutcome.nothingYet
        do throws(RemotingError) {
            var failure: RemotingError?
            // The stream takes at most its window, which what is not yet executed counts against.
            let count = try stream.receive { space in
                do throws(RemotingError) { outcome = try pipe.read(into: space) } catch { failure = error }
                if case .bytes(let count) = outcome { return count }
                return 0
            }
            if let failure { throw failure }
            if count > 0 {
                account.noteTraffic(received: count, sent: sentBytes)
                sentBytes = 0
            }
        } catch {
            throw .protocolViolated(error.message)
        }
        if outcome == .ended { try awaitReturn() }
    }
}

// MARK: - Connections that break

extension SessionConnection {
    /// Waits for the client to come back, and goes on with it. The worker's main thread ends the wait. Throws where the
    /// client has not offered to, or the session is given up.
    private mutating func awaitReturn() throws(SessionEnd) {
        while line.canComeBack, !stream.isEnded {
            if let returned = line.takeReturn() { return try goOn(returned) }
            var entries = [wakeup.pollEntry]
            wait(for: &entries, milliseconds: -1)
            wakeup.clear()
        }
        throw .clientLeft
    }

    /// Goes on over another connection: tells the client what has arrived, and sends what it lacks.
    private mutating func goOn(_ returned: SessionLine.Return) throws(SessionEnd) {
        guard let key = stream.resumptionKey else { throw .clientLeft }
        descriptor = returned.connection
        pipe = SessionPipe(socket: descriptor.number, memory: nil, role: .worker)
        do throws(RemotingError) {
            try stream.resume(from: returned.hello.received)
        } catch {
            let refusal = ResumeAnswer.refused(SessionRefusal(.unavailable, error.message))
            greeting = refusal.encoded()[...]
            try greet()
            throw .protocolViolated(error.message)
        }
        let slice = SessionSlice(account.slice)
        if slice != stream.slice { stream.announce(slice) }
        greeting = ResumeAnswer.resumed(returned.hello, received: stream.received, key: key).encoded()[...]
    }
}
