import ControlLoop
import FleetModel
import Glibc
import RemotingCore

/// The UNIX socket at which programs ask for their instance's session and report on it, and at which instances register.
///
/// A program is asked once, when it connects, who it is; what it writes is not believed. No step waits for a program:
/// one that stops in the middle of its request, or does not read its answer, is closed after 2 s.
struct HandOverServer {
    private let poller: Poller
    private let limits: HandOverLimits
    private let path: String
    private let listener: Int32
    let listenerToken: PollToken
    private var connections: [PollToken: ProgramConnection] = [:]
    private var tokens: [RequestID: PollToken] = [:]
    private var nextRequest: UInt64
    private let accept: (Int32) -> Int32
    /// While it is set, the process had no descriptor left for another program: they wait in the backlog.
    private var pausedUntil: MonotonicTime?

    /// How long no program is let in after there was no descriptor for one.
    private static let pause: Duration = .milliseconds(100)

    /// - Parameters:
    ///   - firstRequest: where request numbers begin; greater than any that an agent before has used.
    ///   - accept: accept(2) on a listener; another in tests.
    init(
        path: String, mode: UInt16, limits: HandOverLimits, firstRequest: UInt64, poller: Poller,
        accept: @escaping (Int32) -> Int32 = { Glibc.accept($0, nil, nil) }
    ) throws(UnixSocketError) {
        self.accept = accept
        self.poller = poller
        self.limits = limits
        self.path = path
        nextRequest = firstRequest
        listener = try UnixSocket.listen(at: path, mode: mode)
        listenerToken = poller.add(listener, .read)
    }

    var connectionCount: Int { connections.count }
    var nextDeadline: MonotonicTime? {
        [connections.values.lazy.compactMap(\.deadline).min(), pausedUntil].compactMap(\.self).min()
    }

    /// Takes in the programs that have connected, and what they have asked already.
    mutating func acceptPrograms(_ directory: inout InstanceDirectory, now: MonotonicTime) -> [Event] {
        var events: [Event] = []
        // At most a full backlog at once: others have their turn before the rest.
        for _ in 0..<256 {
            let descriptor = accept(listener)
            guard descriptor >= 0 else {
                if [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(errno) { pause(until: now + Self.pause) }
                break
            }
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

    /// Closes programs that did not finish their request, or did not read their answer, in time; ends a pause.
    mutating func deadlinesPassed(now: MonotonicTime) -> [Event] {
        if let pausedUntil, pausedUntil <= now { pause(until: nil) }
        let overdue = connections.filter { $0.value.deadline.map { $0 <= now } ?? false }.keys
        return overdue.sorted { $0.rawValue < $1.rawValue }.flatMap { close($0) }
    }

    /// How long a request has waited; nil when its program is gone.
    func waitingTime(_ request: RequestID, now: MonotonicTime) -> Duration? {
        guard let token = tokens[request], case .waiting(_, let since)? = connections[token]?.state else { return nil }
        return now - since
    }

    /// Hands a session over: its connection, and memory where there is some. The descriptors are closed here in any case.
    /// - Parameter remaining: how many more of the request's sessions come after it.
    /// - Returns: what follows at once: the program may be gone.
    mutating func handOver(
        _ session: HandedOverSession, descriptors: [Int32], to request: RequestID, remaining: Int = 0,
        now: MonotonicTime
    ) -> [Event] {
        guard let token = tokens[request] else {
            for descriptor in descriptors { Glibc.close(descriptor) }
            return [.left(request)]
        }
        connections[token]?.state = .served(request)
        // As it was asked: whoever names virtual GPUs is told of each session which it is.
        let reply: HandOverReply =
            connections[token]?.gpus == 0..<1
            ? .session(session)
            : .sessionOf(session, remaining: UInt8(remaining), descriptors: UInt8(descriptors.count))
        return answer(token, reply, passing: descriptors, now: now)
    }

    /// Asks for a program anew, under a new number, since nothing came of its request; nothing where it has left.
    mutating func askAgain(_ request: RequestID) -> [Event] {
        guard let token = tokens.removeValue(forKey: request), let connection = connections[token],
            let instance = connection.instance
        else { return [] }
        var since: MonotonicTime?
        if case .waiting(_, let time) = connection.state { since = time }
        guard let since else { return [] }
        return [ask(token, instance, connection.library, gpus: connection.gpus, since: since)]
    }

    /// Tells a program that its request is not served, and ends its connection.
    mutating func refuse(_ request: RequestID, reason: String, now: MonotonicTime) -> [Event] {
        guard let token = tokens[request] else { return [] }
        return refuse(token, reason: reason, now: now)
    }

    /// Tells who looks after a program's instance that the program's session will be taken.
    func warn(_ request: RequestID, endsIn: Duration, reason: String) {
        guard let token = tokens[request], let instance = connections[token]?.instance else { return }
        let seconds = Int64(endsIn.inSeconds.rounded(.up))
        tellRegistrant(
            of: instance, .warned("the GPU session of a program of \(instance) ends in \(seconds) s: \(reason)"))
    }

    mutating func refuse(_ token: PollToken, reason: String, now: MonotonicTime) -> [Event] {
        if let request = connections[token]?.request { tokens[request] = nil }
        if let instance = connections[token]?.instance { tellRegistrant(of: instance, .refused(reason)) }
        return end(token, with: .refused(reason), now: now)
    }

    /// Makes the program at a connection the root of an instance, whose programs are to use `clientLibrary`.
    mutating func accept(
        _ token: PollToken, as instance: InstanceID, clientLibrary: String?, now: MonotonicTime
    ) -> [Event] {
        connections[token]?.state = .registered(instance)
        return answer(token, .registered(clientLibrary: clientLibrary ?? ""), now: now)
    }

    /// Tells a program that its report counts.
    mutating func takeReport(_ token: PollToken, now: MonotonicTime) -> [Event] {
        end(token, with: .reportTaken, now: now)
    }

    private mutating func end(_ token: PollToken, with reply: HandOverReply, now: MonotonicTime) -> [Event] {
        connections[token]?.state = .ending
        return answer(token, reply, now: now)
    }

    private func tellRegistrant(of instance: InstanceID, _ reply: HandOverReply) {
        for connection in connections.values {
            if case .registered(instance) = connection.state { connection.notify(reply) }
        }
    }

    private mutating func pause(until time: MonotonicTime?) {
        pausedUntil = time
        poller.change(listenerToken, to: time == nil ? .read : [])
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
        case .request(.openSession(let demand)):
            guard let instance = connections[token]?.instance else { return refuseStranger(token, now: now) }
            let library = ClientLibrary(kind: demand.interfaceKind, version: demand.interfaceVersion)
            let gpus = Int(demand.firstGPU)..<Int(demand.firstGPU) + Int(demand.gpus)
            return [ask(token, instance, library, gpus: gpus, since: now)]
        case .request(.report(let report)):
            guard let instance = connections[token]?.instance else { return refuseStranger(token, now: now) }
            return [.reported(token, instance, report)]
        case .request(.registerInstance(let registration)):
            guard let connection = connections[token] else { return [] }
            return [
                .wantsToRegister(
                    Registrant(
                        token: token, wanted: registration, credentials: connection.credentials,
                        current: connection.instance))
            ]
        case .malformed where connections[token]?.isEnding == true:
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

    private mutating func ask(
        _ token: PollToken, _ instance: InstanceID, _ library: ClientLibrary?, gpus: Range<Int>, since: MonotonicTime
    ) -> Event {
        let request = RequestID(rawValue: nextRequest)
        nextRequest += 1
        tokens[request] = token
        connections[token]?.state = .waiting(request, since: since)
        connections[token]?.library = library
        connections[token]?.gpus = gpus
        return .asked(request, instance, library, gpus: gpus)
    }

    private mutating func refuseStranger(_ token: PollToken, now: MonotonicTime) -> [Event] {
        refuse(token, reason: "the program belongs to no instance of this agent", now: now)
    }

    private mutating func answer(
        _ token: PollToken, _ reply: HandOverReply, passing descriptors: [Int32] = [], now: MonotonicTime
    ) -> [Event] {
        guard connections[token]?.answer(reply, passing: descriptors, now: now) == true else { return close(token) }
        return afterSending(token)
    }

    /// Waits for the program to take the rest, or ends a connection that has got its last answer.
    private mutating func afterSending(_ token: PollToken) -> [Event] {
        guard let connection = connections[token] else { return [] }
        poller.change(token, to: connection.hasUnsent ? [.read, .write] : .read)
        if connection.isEnding, !connection.hasUnsent { return close(token) }
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
        connections[token]?.state = .ending
        if case .registered(let instance) = connection.state { return [.unregistered(instance)] }
        guard let request = connection.request else { return [] }
        tokens[request] = nil
        return [.left(request)]
    }
}
