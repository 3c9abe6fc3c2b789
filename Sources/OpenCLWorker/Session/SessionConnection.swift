import DeviceDrivers
import Glibc
import RemotingCore
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

    private let descriptor: Descriptor
    private let wakeup: Wakeup
    private let account: SliceAccount
    private var stream: SessionStream
    /// What goes out before the stream's own bytes.
    private var greeting: ArraySlice<UInt8>
    private var saidTakenOver = false

    /// `wakeup` is signalled when the slice changed or the worker is over.
    init(_ opened: SessionDoor.Opened, account: SliceAccount, wakeup: Wakeup) {
        descriptor = opened.connection
        stream = opened.stream
        greeting = opened.answer[...]
        self.account = account
        self.wakeup = wakeup
    }

    /// The next requests; waits at most `milliseconds` for them, or without end at -1.
    mutating func receive(waitingFor milliseconds: Int32) throws(SessionEnd) -> Arrival {
        var waited = false
        while true {
            while let event = stream.nextEvent() {
                switch event {
                case .data(let payload): return .requests(payload)
                case .goneAway: throw .clientLeft
                case .pong, .sliceChanged: break
                }
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

    /// Sends one message whose bulk data follows its head. Waits while the client has given no credit for it.
    mutating func send(_ head: [UInt8], _ bulk: UnsafeRawBufferPointer) throws(SessionEnd) {
        precondition(head.count + bulk.count <= SessionLimits.framePayload)
        while !stream.sendData(head, bulk: bulk) {
            guard !stream.isEnded else { throw .clientLeft }
            try turn(waitingFor: -1)
        }
    }

    /// Writes what the socket takes now.
    mutating func flush() throws(SessionEnd) {
        var isOpen = true
        if !greeting.isEmpty {
            let sent = greeting.withUnsafeBytes { descriptor.send($0) }
            isOpen = sent != nil
            greeting = greeting.dropFirst(sent ?? 0)
        }
        while isOpen, greeting.isEmpty, stream.hasUnsent {
            var taken = 0
            stream.send { bytes in
                let sent = descriptor.send(bytes)
                isOpen = sent != nil
                taken = sent ?? 0
                return taken
            }
            if taken == 0 { break }
        }
        guard isOpen else { throw .clientLeft }
    }

    /// Tells the client why the session ends, if it still listens.
    mutating func sayFarewell(_ farewell: SessionFarewell) {
        stream.goAway(farewell)
        try? flush()
    }

    /// Sends, waits until there is something to do, and takes in what has arrived.
    private mutating func turn(waitingFor milliseconds: Int32) throws(SessionEnd) {
        try flush()
        let isBlocked = !greeting.isEmpty || stream.hasUnsent
        var entries = [pollfd(descriptor, isBlocked ? POLLIN | POLLOUT : POLLIN), wakeup.pollEntry]
        wait(for: &entries, milliseconds: milliseconds)
        if entries[1].isReady {
            wakeup.clear()
            let slice = SessionSlice(account.slice)
            if slice != stream.slice { stream.announce(slice) }
        }
        if entries[0].isReady { try takeIn() }
    }

    private mutating func takeIn() throws(SessionEnd) {
        var outcome = Descriptor.ReadOutcome.nothingYet
        do {
            // The stream takes at most its window, which what is not yet executed counts against.
            let count = try stream.receive { space in
                outcome = descriptor.read(into: space)
                if case .bytes(let count) = outcome { return count }
                return 0
            }
            if count > 0 { account.noteTraffic() }
        } catch {
            throw .protocolViolated(error.message)
        }
        if outcome == .ended { throw .clientLeft }
    }
}
