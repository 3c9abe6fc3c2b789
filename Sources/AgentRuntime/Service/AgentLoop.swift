import ControlLoop
import FleetModel
import Observability
import RemotingCore
import SessionTransport

/// The agent's one thread for everything that a program waits for: it owns the machine, the held sessions and the
/// programs' socket, so that a hand-over is one wake-up, one call of the machine, and one message with a descriptor.
///
/// Other threads reach it through its inbox only; it is made, run and dropped on its own thread.
final class AgentLoop {
    private let configuration: AgentConfiguration
    private let surroundings: any AgentSurroundings
    private let metrics: AgentMetrics
    private let inbox: LoopInbox<AgentLoopMessage>
    private let telemetry: TelemetryRequests
    private let poller = Poller()
    private let inboxToken: PollToken
    private var machine: AgentMachine
    private var sessions: SessionPool
    private var handOver: HandOverServer
    private var directory = InstanceDirectory()
    /// Instances that registered themselves, and those of the configuration.
    private var instances: Set<InstanceID> = []
    private var registered: Set<InstanceID> = []
    /// Those whose application type nobody declared.
    private var undeclared: Set<InstanceID> = []
    private var registrations = WaitingRegistrations()
    private var reports = ApplicationReports()
    /// Hellos of sessions whose worker's name is being resolved.
    private var resolving: [GrantID: ClientHello] = [:]
    /// The grants that the request of the effects under way gets, as far as they have come.
    private var handingOver: [GrantID] = []
    /// What effects have led to, to be handled after them.
    private var following: [AgentEvent] = []
    private var periods = 0
    private var isStopping = false

    /// After so many periods the manager has been found, or will be found by code that has run.
    private static let periodsOfStart = 8

    /// Opens the programs' socket and takes up the configured instances.
    init(
        configuration: AgentConfiguration, machine: AgentMachine, inbox: LoopInbox<AgentLoopMessage>,
        telemetry: TelemetryRequests, surroundings: any AgentSurroundings, metrics: AgentMetrics
    ) throws(UnixSocketError) {
        self.configuration = configuration
        self.machine = machine
        self.inbox = inbox
        self.telemetry = telemetry
        self.surroundings = surroundings
        self.metrics = metrics
        inboxToken = poller.add(inbox.descriptor, .read)
        sessions = SessionPool(
            poller: poller, telemetry: telemetry, transport: configuration.transport ?? .automatic)
        // Request numbers of an agent before were given out slower than a million a second, so that these are greater.
        let firstRequest = UInt64(max(0, WallClock.unixMilliseconds() / 1_000)) << 20
        handOver = try HandOverServer(
            path: configuration.socketPath, mode: configuration.socketMode, limits: configuration.handOverLimits,
            firstRequest: firstRequest, poller: poller)
        for instance in configuration.instances { add(instance, now: MonotonicClock.now()) }
    }

    /// Serves until told to stop. What was handed over stays with its programs; what is held is closed.
    func run() {
        while !isStopping {
            let deadlines = [sessions.nextDeadline, handOver.nextDeadline, registrations.nextDeadline]
            let deadline = deadlines.compactMap { $0 }.min()
            let ready = poller.wait(atMost: deadline.map { $0 - MonotonicClock.now() })
            let now = MonotonicClock.now()
            for one in ready { serve(one, now: now) }
            if let deadline, deadline <= now {
                took(sessions.deadlinesPassed(now: now), now: now)
                took(handOver.deadlinesPassed(now: now), now: now)
                for instance in registrations.overdue(now: now) { answer(instance, library: nil, now: now) }
            }
        }
        handOver.shutDown()
        for session in machine.holdings() { sessions.close(session.grant) }
    }

    private func serve(_ ready: Poller.Ready, now: MonotonicTime) {
        if ready.token == handOver.listenerToken {
            took(handOver.acceptPrograms(&directory, now: now), now: now)
        } else if ready.token == inboxToken {
            for message in inbox.take() { took(message, now: now) }
        } else if let events = handOver.socketReady(ready, now: now) {
            took(events, now: now)
        } else if let events = sessions.socketReady(ready.token, now: now) {
            took(events, now: now)
        }
    }

    private func took(_ message: AgentLoopMessage, now: MonotonicTime) {
        switch message {
        case .event(let event):
            handle(event, now: now)
        case .sampled(var samples):
            reports.complete(&samples, now: now)
            handle(.samplesTaken(samples), now: now)
            handle(.periodEnded, now: now)
            periods += 1
            if periods == Self.periodsOfStart { StartupPages.giveBack() }
            surroundings.use(machine.versionsInUse)
            metrics.holding(
                sessions: sessions.count, programs: handOver.connectionCount, instances: instances.count)
        case .recognized(let found):
            recognized(found, now: now)
        case .resolved(let grant, let address):
            guard let hello = resolving.removeValue(forKey: grant) else { return }
            guard let address else {
                return handle(.sessionFailed(grant, "the worker's host has no address"), now: now)
            }
            took(sessions.open(grant, at: address, hello: hello, now: now), now: now)
        case .stop:
            isStopping = true
        }
    }

    private func took(_ events: [SessionPool.Event], now: MonotonicTime) {
        for event in events {
            switch event {
            case .opened(let grant):
                handle(.sessionOpened(grant), now: now)
            case .failed(let grant, let reason):
                metrics.sessionFailed()
                handle(.sessionFailed(grant, reason), now: now)
            case .lost(let grant):
                metrics.sessionFailed()
                handle(.sessionLost(grant), now: now)
            }
        }
    }

    private func took(_ events: [HandOverServer.Event], now: MonotonicTime) {
        for event in events {
            switch event {
            case .asked(let request, let instance, let library, let gpus):
                handle(.programAsked(request, instance, library: library, gpus: gpus), now: now)
            case .left(let request): handle(.programLeft(request), now: now)
            case .wantsToRegister(let registrant): register(registrant, now: now)
            case .unregistered(let instance): remove(instance, now: now)
            case .reported(let token, let instance, let report): take(report, of: instance, from: token, now: now)
            }
        }
    }

    // MARK: The machine

    /// One event through the machine, its effects in order, and then whatever these have led to.
    private func handle(_ event: AgentEvent, now: MonotonicTime) {
        for effect in machine.handle(event, now: now) { carryOut(effect, now: now) }
        // Each of these ends a session or a request, of which there is a bounded number.
        while !following.isEmpty {
            for effect in machine.handle(following.removeFirst(), now: now) { carryOut(effect, now: now) }
        }
    }

    private func carryOut(_ effect: AgentEffect, now: MonotonicTime) {
        switch effect {
        case .send(let message): surroundings.send(message)
        case .openSession(let notification): open(notification, now: now)
        case .closeSession(let grant):
            resolving[grant] = nil
            sessions.close(grant)
        case .handOver(let grant, let request, let found, let remaining):
            handingOver.append(grant)
            if remaining == 0 { handOver(to: request, found: found, now: now) }
        case .refuse(let request, let reason):
            metrics.refused()
            follow(handOver.refuse(request, reason: reason, now: now))
        case .warn(let request, let endsIn, let reason):
            metrics.warned()
            handOver.warn(request, endsIn: endsIn, reason: reason)
        case .installInterface(let version, let sources): surroundings.installInterface(version, from: sources)
        case .useInterface(let version, let instance): answer(instance, library: version, now: now)
        case .record(let event): surroundings.record(event)
        }
    }

    private func open(_ notification: AllocationNotification, now: MonotonicTime) {
        let grant = notification.grant
        let identity = InterfaceIdentity(
            kind: notification.version.kind, version: notification.version.version.description,
            digest: notification.version.digest.bytes)
        guard let identity else {
            return following.append(.sessionFailed(grant, "\(notification.version) cannot be named in a handshake"))
        }
        let named = surroundings.wireRevisions(notification.version)
        guard let revisions = named.map(SessionRevision.spoken(of:)) ?? SessionLimits.revisions else {
            return following.append(
                .sessionFailed(grant, "\(notification.version) speaks no revision of sessions that this agent does"))
        }
        let credential = SessionCredential(
            grant: grant.rawValue, ticketHigh: notification.ticket.high, ticketLow: notification.ticket.low)
        let hello = ClientHello(interface: identity, credential: credential, revisions: revisions)
        let endpoint = notification.endpoint
        guard let address = SocketAddress(numeric: endpoint.host, port: endpoint.port) else {
            resolving[grant] = hello
            return surroundings.resolve(endpoint, for: grant)
        }
        for event in sessions.open(grant, at: address, hello: hello, now: now) {
            if case .failed(let grant, let reason) = event { following.append(.sessionFailed(grant, reason)) }
        }
    }

    /// Hands over all that a request gets, once the last of it is known.
    private func handOver(to request: RequestID, found: Readiness, now: MonotonicTime) {
        let grants = handingOver
        handingOver = []
        guard let prepared = sessions.take(grants) else {
            // The worker of one has closed it in this very moment: the sessions have ended, and the program, which has
            // none of them, waits for others.
            following.append(.programLeft(request))
            return follow(handOver.askAgain(request))
        }
        let waited = (handOver.waitingTime(request, now: MonotonicClock.now()) ?? .zero)
        for (place, (grant, one)) in zip(grants, prepared).enumerated() {
            let session = HandedOverSession(
                foundReadiness: found.rawValue, grant: grant.rawValue,
                elapsedMicroseconds: UInt64(max(0, waited.nanoseconds / 1_000)),
                interfaceVersion: one.interfaceVersion, continuation: one.continuation,
                deviceInformation: one.deviceInformation)
            follow(
                handOver.handOver(
                    session, descriptors: one.descriptors, to: request, remaining: grants.count - 1 - place, now: now))
            metrics.handedOver(found: found, after: waited)
        }
    }

    /// What answers lead to: a program whose connection they end has left, one that they ask for again waits.
    private func follow(_ events: [HandOverServer.Event]) {
        for event in events {
            switch event {
            case .left(let request): following.append(.programLeft(request))
            case .asked(let request, let instance, let library, let gpus):
                following.append(.programAsked(request, instance, library: library, gpus: gpus))
            case .wantsToRegister, .unregistered, .reported: break
            }
        }
    }

    // MARK: Instances

    private func add(_ instance: ConfiguredInstance, now: MonotonicTime) {
        let id = instance.description.id
        instances.insert(id)
        directory.add(id, instance.selector)
        let isRecognized = !instance.isApplicationDeclared && !configuration.applicationRules.rules.isEmpty
        if isRecognized { undeclared.insert(id) }
        telemetry.add(id, instance.selector, recognizedBy: isRecognized ? configuration.applicationRules : nil)
        handle(.instanceAppeared(instance.description, gpus: instance.gpus), now: now)
    }

    /// What an instance runs is of another application type than before.
    private func recognized(_ found: RecognizedApplication, now: MonotonicTime) {
        guard undeclared.contains(found.instance), var description = machine.instances[found.instance] else { return }
        description.application = found.application
        handle(.instanceAppeared(description), now: now)
    }

    private func remove(_ instance: InstanceID, now: MonotonicTime) {
        instances.remove(instance)
        registered.remove(instance)
        _ = registrations.take(instance)
        undeclared.remove(instance)
        directory.remove(instance)
        telemetry.remove(instance)
        reports.remove(instance)
        handle(.instanceGone(instance), now: now)
    }

    private func register(_ registrant: HandOverServer.Registrant, now: MonotonicTime) {
        let judgement = configuration.registration.judge(
            registrant, present: Set(machine.instances.keys), registered: registered.count, host: directory.host,
            tellsUsers: configuration.tellsUsers)
        switch judgement {
        case .refused(let reason):
            metrics.refused()
            took(handOver.refuse(registrant.token, reason: reason, now: now), now: now)
        case .accepted(var description, let selector):
            registered.insert(description.id)
            let isDeclared = registrant.wanted.isApplicationDeclared
            if !isDeclared {
                // The program is not there yet to be looked at, but its name is.
                let program = ProgramName(description.application.rawValue.utf8)
                description.application =
                    configuration.applicationRules.application(of: program) ?? description.application
            }
            add(
                ConfiguredInstance(
                    description: description, selector: selector, isApplicationDeclared: isDeclared,
                    gpus: Int(registrant.wanted.gpus)),
                now: now)
            registrations.add(description.id, registrant.token, now: now)
            if !surroundings.hasSeveralVersions { answer(description.id, library: nil, now: now) }
        }
    }

    /// Answers a registration that waits; nothing where none does.
    private func answer(_ instance: InstanceID, library version: InterfaceVersion?, now: MonotonicTime) {
        guard let token = registrations.take(instance) else { return }
        let library = surroundings.clientLibrary(of: version)
        took(handOver.accept(token, as: instance, clientLibrary: library, now: now), now: now)
    }

    private func take(
        _ report: ApplicationReport, of instance: InstanceID, from token: PollToken, now: MonotonicTime
    ) {
        guard report.userIdleMilliseconds == nil || configuration.telemetry.watchUserActivity else {
            let reason = "this agent takes no user activity: its setting user-activity is no"
            return took(handOver.refuse(token, reason: reason, now: now), now: now)
        }
        reports.take(report, of: instance, now: now)
        took(handOver.takeReport(token, now: now), now: now)
    }
}
