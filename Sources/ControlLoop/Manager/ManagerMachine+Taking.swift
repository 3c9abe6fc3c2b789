import AllocationCore
import FleetModel
import SessionCore

/// Sessions in use that are ended, after a notice, for programs of heavier classes that nothing else can serve.
///
/// A class allows it by its ``PriorityClass/notice``. Once a step: programs that wait for memory beside which no unused
/// reservation is coming free are each promised what the sessions to whose agents a notice goes will leave; when the
/// notice is over and the program still waits, the GPU server is told to end them, once a step until it has. What the
/// end leaves goes to those who wait, in the queue's order.
extension ManagerMachine {
    /// At most so many programs are looked at in a step: each costs a look at every session that could be taken.
    private static let maximumTakers = 16

    /// A notice that was given.
    struct Notice: Hashable {
        var taker: InstanceID
        var request: RequestID
        /// Before then the session is not ended.
        var until: MonotonicTime
    }

    /// A program for which notices were given.
    struct Taker: Hashable {
        var instance: InstanceID
        var request: RequestID

        init(_ waiting: WaitingRequest) { (instance, request) = (waiting.instance, waiting.request) }

        init(_ notice: Notice) { (instance, request) = (notice.taker, notice.request) }
    }

    /// When all notices are over that were given for each program. O(grants)
    var noticedUntil: [Taker: MonotonicTime] {
        Dictionary(grants.unordered.compactMap(\.noticed).map { (Taker($0), $0.until) }, uniquingKeysWith: max)
    }

    /// O(requests + grants), and nothing while no class allows it.
    mutating func takeForWaiting(_ now: MonotonicTime) -> [ManagerEffect] {
        guard mode == .active, rules.classes.contains(where: { $0.notice != nil }) else { return [] }
        return endNoticed(now) + giveNotice(now)
    }

    /// Ends what has had its notice, and forgets notices whose program waits no longer, or whose session is over.
    private mutating func endNoticed(_ now: MonotonicTime) -> [ManagerEffect] {
        var effects: [ManagerEffect] = []
        // Ascending, so that equal histories give equal commands.
        for id in grants.unordered.filter({ $0.noticed != nil }).map(\.stored.grant).sorted() {
            guard let grant = grants[id], let notice = grant.noticed else { continue }
            let isWaiting = requests.contains { $0.instance == notice.taker && $0.request == notice.request }
            guard grant.lifecycle.isAttached, isWaiting else {
                grants[id]?.noticed = nil
                continue
            }
            guard now >= notice.until, let link = serverLink(grant.stored.device.server) else { continue }
            effects.append(command(grant.stored, .taken, on: link))
        }
        return effects
    }

    private mutating func giveNotice(_ now: MonotonicTime) -> [ManagerEffect] {
        let promised = noticedUntil
        let programs = programsThatAskForSeveral
        let collector = collector(now, among: programs)
        let takers = queue(now).map { requests[$0] }
            // What is taken for a program that asks for several is of use to it only if it keeps it.
            .filter { $0.together == 1 || AskingProgram($0) == collector }
            .filter { promised[Taker($0)] == nil && mayTakeSessions($0) }.prefix(Self.maximumTakers)
        guard !takers.isEmpty else { return [] }
        let inUse = SessionsInUse(grants.unordered.compactMap(takable))
        var noticed = Set(grants.unordered.filter { $0.noticed != nil }.map(\.stored.grant))
        var effects: [ManagerEffect] = []
        // Of a program that asks for several, each part gets room on a device of its own.
        let collecting = Set((collector.flatMap { programs[$0] } ?? []).map { Taker(requests[$0]) })
        var noticedDevices = grants.unordered.filter { grant in
            grant.noticed.map { collecting.contains(Taker($0)) } ?? false
        }.map(\.stored.device)
        for taker in takers {
            guard let record = record(of: taker.instance) else { continue }
            let sessions = inUse.choose(
                for: taker.needed, weight: record.priority.weight, pool: pool, excluding: noticed,
                apartFrom: (siblings(of: record)?.devices ?? []) + (taker.together > 1 ? noticedDevices : []))
            if taker.together > 1 { noticedDevices += sessions.map(\.device) }
            for session in sessions {
                noticed.insert(session.grant)
                effects += notify(session, for: taker, now: now)
            }
        }
        return effects
    }

    /// Whether a program that waits is one for which sessions in use may be ended: of a class that may take, that lacks
    /// memory.
    private func mayTakeSessions(_ waiting: WaitingRequest) -> Bool {
        guard let record = record(of: waiting.instance), record.priority.mayTake,
            case .memory = record.shortfall?.reason
        else { return false }
        return true
    }

    /// A session in use that could be ended for another; nil where its class never allows it, its agent could not be told,
    /// or an operator has set it aside.
    private func takable(_ grant: GrantRecord) -> SessionsInUse.Session? {
        guard grant.lifecycle.isAttached, grant.charge.slice.memory > .zero,
            let record = record(of: grant.stored.instance.id), record.priority.mayBeTakenFrom,
            let notice = record.priority.notice, !record.order.isReserved,
            agentLink(grant.stored.agent) != nil, serverLink(grant.stored.device.server) != nil
        else { return nil }
        return SessionsInUse.Session(
            grant: grant.stored.grant, device: grant.stored.device, memory: grant.charge.slice.memory,
            weight: record.priority.weight, notice: notice, since: grant.attachedSince ?? startedAt)
    }

    private mutating func notify(
        _ session: SessionsInUse.Session, for taker: WaitingRequest, now: MonotonicTime
    ) -> [ManagerEffect] {
        guard let grant = grants[session.grant], let link = agentLink(grant.stored.agent) else { return [] }
        let wait = configuration.bugs.contains(.takeWithoutNotice) ? .zero : session.notice
        grants[session.grant]?.noticed = Notice(taker: taker.instance, request: taker.request, until: now + wait)
        let reason = "\(taker.instance), of a class that goes before it, needs its memory"
        return notice(of: grant, on: link, endsIn: session.notice, "\(session.notice.inSeconds)", reason, now)
    }

    /// Tells the agent, and whoever follows the events, that a session in use will be ended.
    /// - Parameter seconds: `endsIn` as people read it.
    func notice(
        of grant: GrantRecord, on link: LinkID, endsIn: Duration, _ seconds: String, _ reason: String,
        _ now: MonotonicTime
    ) -> [ManagerEffect] {
        let notice = PreemptionNotice(
            grant: grant.stored.grant, instance: grant.stored.instance.id, endsIn: endsIn, reason: reason)
        return [
            .sendToAgent(.notice(notice), link), event(.noticed, at: now, grant, "ends in \(seconds) s: \(reason)"),
        ]
    }
}
