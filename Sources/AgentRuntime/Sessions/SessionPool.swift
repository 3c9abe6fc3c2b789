import FleetModel
import Glibc
import RemotingCore
import SessionTransport

/// The sessions that the agent opens ahead of time and keeps for programs.
struct SessionPool {
    enum Event: Equatable {
        case opened(GrantID)
        /// Not opened, or closed by the worker while it was held.
        case failed(GrantID, String)
        case lost(GrantID)
    }

    /// A session that leaves the pool for a program, which then owns the descriptors.
    struct Prepared {
        var descriptor: Int32
        /// Memory that the worker shares.
        var memory: Int32?
        var interfaceVersion: String
        var continuation: SessionContinuation
        var deviceInformation: [UInt8]

        var descriptors: [Int32] { memory.map { [descriptor, $0] } ?? [descriptor] }
    }

    private struct Entry {
        var token: PollToken
        var connection: SessionConnection
        var isOpen = false
    }

    private let poller: Poller
    private let telemetry: TelemetryRequests
    private let transport: TransportChoice
    /// A session that is opened when others have.
    private struct Opening {
        var grant: GrantID
        var address: SocketAddress
        var hello: ClientHello
    }

    /// So many are opened at once. More at once would not open sooner, and the last of many would not within its time.
    static let greatestOpening = 64

    private var entries: [GrantID: Entry] = [:]
    private var opening = 0
    private var waiting: [Opening] = []
    private var grants: [PollToken: GrantID] = [:]

    init(poller: Poller, telemetry: TelemetryRequests, transport: TransportChoice = .automatic) {
        self.transport = transport
        self.poller = poller
        self.telemetry = telemetry
    }

    var count: Int { entries.count }

    /// When the first of the sessions that are being opened is given up, or one that waits can be begun; nil for never.
    var nextDeadline: MonotonicTime? {
        guard waiting.isEmpty || opening >= Self.greatestOpening else { return .zero }
        return entries.values.lazy.compactMap(\.connection.deadline).min()
    }

    /// Begins to open a session at a numeric address, or does so when fewer are being opened.
    mutating func open(
        _ grant: GrantID, at address: SocketAddress, hello: ClientHello, now: MonotonicTime
    ) -> [Event] {
        close(grant)
        waiting.append(Opening(grant: grant, address: address, hello: hello))
        return beginWaiting(now: now)
    }

    private mutating func beginWaiting(now: MonotonicTime) -> [Event] {
        var events: [Event] = []
        while opening < Self.greatestOpening, !waiting.isEmpty {
            let next = waiting.removeFirst()
            events += begin(next.grant, at: next.address, hello: next.hello, now: now)
        }
        return events
    }

    private mutating func begin(
        _ grant: GrantID, at address: SocketAddress, hello: ClientHello, now: MonotonicTime
    ) -> [Event] {
        switch SessionConnection.begin(to: address, hello: hello, transport: transport, now: now) {
        case .failure(let error):
            return [.failed(grant, error.description)]
        case .success(let connection):
            telemetry.markAsPresync(cookie: connection.cookie)
            let token = poller.add(connection.descriptor, [.read, .write])
            entries[grant] = Entry(token: token, connection: connection)
            opening += 1
            grants[token] = grant
            return []
        }
    }

    /// Closes a session, open or not; nothing where there is none.
    mutating func close(_ grant: GrantID) {
        waiting.removeAll { $0.grant == grant }
        guard let entry = entries.removeValue(forKey: grant) else { return }
        if !entry.isOpen { opening -= 1 }
        grants[entry.token] = nil
        poller.remove(entry.token)
        telemetry.unmark(cookie: entry.connection.cookie)
        entry.connection.close()
    }

    /// Takes note that a session's socket is ready; nil when the token is no session's.
    mutating func socketReady(_ token: PollToken, now: MonotonicTime) -> [Event]? {
        guard let grant = grants[token] else { return nil }
        return advance(grant, now: now) + beginWaiting(now: now)
    }

    /// Gives up what has not opened in time, and begins what waits.
    mutating func deadlinesPassed(now: MonotonicTime) -> [Event] {
        let overdue = entries.filter { $0.value.connection.deadline.map { $0 <= now } ?? false }.keys.sorted()
        return overdue.flatMap { advance($0, now: now) } + beginWaiting(now: now)
    }

    /// Takes held sessions out of the pool, all or none. Nil, and all of them are closed, when the worker of one has closed
    /// it, or has sent a part of a frame only: frames of a worker that has no requests are some 40 bytes, sent at once.
    /// - Returns: as many, in their order.
    mutating func take(_ wanted: [GrantID]) -> [Prepared]? {
        let prepared = wanted.compactMap { prepare($0) }
        guard prepared.count == wanted.count else {
            for grant in wanted { close(grant) }
            return nil
        }
        for grant in wanted { release(grant) }
        return prepared
    }

    /// What a program gets of a held session; nil where it cannot go on with it.
    private func prepare(_ grant: GrantID) -> Prepared? {
        guard var entry = entries[grant], entry.isOpen,
            let (continuation, acceptance) = entry.connection.continuation()
        else { return nil }
        return Prepared(
            descriptor: entry.connection.descriptor, memory: entry.connection.memory,
            interfaceVersion: entry.connection.interfaceVersion, continuation: continuation,
            deviceInformation: acceptance.deviceInformation)
    }

    /// Forgets a session whose connection is a program's from now on.
    private mutating func release(_ grant: GrantID) {
        guard let entry = entries.removeValue(forKey: grant) else { return }
        grants[entry.token] = nil
        poller.remove(entry.token)
        Descriptor.makeBlocking(entry.connection.descriptor)
    }

    private mutating func advance(_ grant: GrantID, now: MonotonicTime) -> [Event] {
        guard var entry = entries[grant] else { return [] }
        let wantedToWrite = entry.connection.wantsToWrite
        let outcome = entry.connection.advance(now: now)
        let wasOpen = entry.isOpen
        if outcome == .opened, !entry.isOpen {
            entry.isOpen = true
            opening -= 1
        }
        entries[grant] = entry
        switch outcome {
        case .pending, .opened:
            if entry.connection.wantsToWrite != wantedToWrite {
                poller.change(entry.token, to: entry.connection.wantsToWrite ? [.read, .write] : .read)
            }
            return outcome == .opened ? [.opened(grant)] : []
        case .ended(let reason):
            close(grant)
            return [wasOpen ? .lost(grant) : .failed(grant, reason)]
        }
    }
}
