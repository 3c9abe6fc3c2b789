import FleetModel
import Glibc
import RemotingCore

/// How many programs may be connected to the agent's socket at once.
package struct HandOverLimits: Hashable, Sendable {
    package var connections: Int
    package var connectionsPerInstance: Int
    /// Of programs that belong to no instance and have not registered as one.
    package var unidentifiedConnections: Int

    package init(connections: Int = 1_024, connectionsPerInstance: Int = 128, unidentifiedConnections: Int = 64) {
        self.connections = connections
        self.connectionsPerInstance = connectionsPerInstance
        self.unidentifiedConnections = unidentifiedConnections
    }
}

/// The UNIX socket at which programs ask for their instance's session, and at which instances register.
///
/// A program is asked once, when it connects, who it is; what it writes is not believed. No step waits for a program:
/// one that stops in the middle of its request, or does not read its answer, is closed after 2 s.
struct HandOverServer {
    enum Event {
        /// A program of the instance asked for its session.
        case asked(RequestID, InstanceID)
        /// The program that asked is gone, answered or not.
        case left(RequestID)
        /// A program wants to be the root of an instance; to be answered with ``accept(_:as:now:)`` or
        /// ``refuse(_:reason:now:)-(PollToken,_,_)``.
        case wantsToRegister(Registrant)
        case unregistered(InstanceID)
    }

    /// A program that wants to be the root of an instance.
    struct Registrant {
        var token: PollToken
        var wanted: InstanceRegistration
        var credentials: PeerCredentials
        /// The instance that it belongs to already.
        var current: InstanceID?
    }

    private let poller: Poller
    private let limits: HandOverLimits
    private let path: String
    private let listener: Int32
    let listenerToken: PollToken
    private var connections: [PollToken: ProgramConnection] = [:]
    private var tokens: [RequestID: PollToken] = [:]
    private var nextRequest: UInt64

    /// - Parameter firstRequest: where request numbers begin; greater than any that an agent before has used.
    init(
        path: String, mode: UInt16, limits: HandOverLimits, firstRequest: UInt64, poller: Poller
    ) throws(UnixSocketError) {
        self.poller = poller
        self.limits = limits
        self.path = path
        nextRequest = firstRequest
        listener = try UnixSocket.listen(at: path, mode: mode)
        listenerToken = poller.add(listener, .read)
    }

    var connectionCount: Int { connections.count }
    var nextDeadline: MonotonicTime? { connections.values.lazy.compactMap(\.deadline).min() }

    /// Takes in the programs that have connected, and what they have asked already.
    mutating func acceptPrograms(_ directory: inout InstanceDirectory, now: MonotonicTime) -> [Event] {
        var events: [Event] = []
        // At most a full backlog at once: others have their turn before the rest.
        for _ in 0..<256 {
            let descriptor = Glibc.accept(listener, nil, nil)
            guard descriptor >= 0 else { break }
            Descriptor.makeNonBlocking(descriptor)
            guard let credentials = PeerCredentials(of: descriptor) else {
                Glibc.close(descriptor)
                continue
            }
            let instance = directory.instance(of: credentials.pid)
            guard hasRoom(for: instance) else {
                Glibc.close(descriptor)
                continue
            }
            let token = poller.add(descriptor, .read)
            connections[token] = ProgramConnection(
                descriptor: descriptor, token: token, credentials: credentials, instance: instance, now: now)
            events += receive(token, now: now)
        }
        return events
    }

    /// Takes note that a program's socket is ready; nil when the token is no program's.
    mutating func socketReady(_ ready: Poller.Ready, now: MonotonicTime) -> [Event]? {
        guard connections[ready.token] != nil else { return nil }
        if ready.isWritable, connections[ready.token]?.hasUnsent == true {
            guard connections[ready.token]?.sendMore() == true else { return close(ready.token) }
            let events = afterSending(ready.token)
            if connections[ready.token] == nil { return events }
        }
        return ready.isReadable ? receive(ready.token, now: now) : []
    }

    /// Closes programs that did not finish their request, or did not read their answer, in time.
    mutating func deadlinesPassed(now: MonotonicTime) -> [Event] {
        let overdue = connections.filter { $0.value.deadline.map { $0 <= now } ?? false }.keys
        return overdue.sorted { $0.rawValue < $1.rawValue }.flatMap { close($0) }
    }

    /// How long a request has waited; nil when its program is gone.
    func waitingTime(_ request: RequestID, now: MonotonicTime) -> Duration? {
        guard let token = tokens[request], case .waiting(_, let since)? = connections[token]?.state else { return nil }
        return now - since
    }

    /// Hands a session over; the descriptor is closed here in any case.
    /// - Returns: what follows at once: the program may be gone.
    mutating func handOver(
        _ session: HandedOverSession, descriptor: Int32, to request: RequestID, now: MonotonicTime
    ) -> [Event] {
        guard let token = tokens[request] else {
            Glibc.close(descriptor)
            return [.left(request)]
        }
        connections[token]?.state = .served(request)
        return answer(token, .session(session), passing: descriptor, now: now)
    }

    /// Tells a program that its request is not served, and ends its connection.
    mutating func refuse(_ request: RequestID, reason: String, now: MonotonicTime) -> [Event] {
        guard let token = tokens[request] else { return [] }
        return refuse(token, reason: reason, now: now)
    }

    mutating func refuse(_ token: PollToken, reason: String, now: MonotonicTime) -> [Event] {
        if let request = connections[token]?.request { tokens[request] = nil }
        connections[token]?.state = .refused
        return answer(token, .refused(reason), passing: nil, now: now)
    }

    /// Makes the program at a connection the root of an instance.
    mutating func accept(_ token: PollToken, as instance: InstanceID, now: MonotonicTime) -> [Event] {
        connections[token]?.state = .registered(instance)
        return answer(token, .registered, passing: nil, now: now)
    }

    /// Closes every connection and removes the socket. What was handed over stays with its programs.
    mutating func shutDown() {
        for token in Array(connections.keys) { _ = close(token) }
        poller.remove(listenerToken)
        Glibc.close(listener)
        unlink(path)
    }

    private func hasRoom(for instance: InstanceID?) -> Bool {
        guard connections.count < limits.connections else { return false }
        let peers = connections.values.lazy.filter { $0.instance == instance && !$0.isRegistered }.count
        return peers < (instance == nil ? limits.unidentifiedConnections : limits.connectionsPerInstance)
    }

    private mutating func receive(_ token: PollToken, now: MonotonicTime) -> [Event] {
        switch connections[token]?.receive() {
        case .request(.openSession):
            guard let instance = connections[token]?.instance else {
                return refuse(token, reason: "the program belongs to no instance of this agent", now: now)
            }
            let request = RequestID(rawValue: nextRequest)
            nextRequest += 1
            tokens[request] = token
            connections[token]?.state = .waiting(request, since: now)
            return [.asked(request, instance)]
        case .request(.registerInstance(let registration)):
            guard let connection = connections[token] else { return [] }
            return [
                .wantsToRegister(
                    Registrant(
                        token: token, wanted: registration, credentials: connection.credentials,
                        current: connection.instance))
            ]
        case .malformed where connections[token]?.isRefused == true:
            return close(token)
        case .malformed(let reason):
            let left = departure(token)
            return left + refuse(token, reason: reason, now: now)
        case .left:
            return close(token)
        case .incomplete, nil:
            return []
        }
    }

    private mutating func answer(
        _ token: PollToken, _ reply: HandOverReply, passing descriptor: Int32?, now: MonotonicTime
    ) -> [Event] {
        guard connections[token]?.answer(reply, passing: descriptor, now: now) == true else { return close(token) }
        return afterSending(token)
    }

    /// Waits for the program to take the rest, or ends a connection that has got its refusal.
    private mutating func afterSending(_ token: PollToken) -> [Event] {
        guard let connection = connections[token] else { return [] }
        poller.change(token, to: connection.hasUnsent ? [.read, .write] : .read)
        if case .refused = connection.state, !connection.hasUnsent { return close(token) }
        return []
    }

    private mutating func close(_ token: PollToken) -> [Event] {
        let events = departure(token)
        poller.remove(token)
        connections[token]?.close()
        connections[token] = nil
        return events
    }

    /// What the end of a connection means, said once.
    private mutating func departure(_ token: PollToken) -> [Event] {
        guard let connection = connections[token] else { return [] }
        connections[token]?.state = .refused
        if case .registered(let instance) = connection.state { return [.unregistered(instance)] }
        guard let request = connection.request else { return [] }
        tokens[request] = nil
        return [.left(request)]
    }
}
