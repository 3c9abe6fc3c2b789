package import FleetModel

/// One grant as the manager steers it: what is wanted, what the store, the GPU server and the agent have acknowledged,
/// and what is to be said next.
///
/// The manager sets ``goal``; ``nextSteps(at:reach:)`` compares it with what is acknowledged and says what to send. It
/// is called after every change and once a period, so a lost message is sent again, and a goal that changes half way
/// needs no case of its own.
///
/// Two orders keep a program safe: on the way up the GPU server comes before the agent (nobody is told of memory that
/// is not set aside), on the way down the agent comes before the GPU server (nothing is taken that a program may be
/// getting at this moment). What the store has not made durable is told to nobody.
package struct GrantLifecycle: Hashable, Sendable {
    /// What the manager wants.
    package enum Goal: Hashable, Sendable {
        case warm
        case reserved
        case released(ReclaimReason)
    }

    /// What the GPU server has acknowledged.
    package enum ServerSide: Hashable, Sendable {
        /// Recovered from the store, and the server has not yet said what it holds.
        case unknown
        case nothing
        case holds(Readiness, SessionEndpoint)
        case released
    }

    /// What the agent has acknowledged.
    package enum AgentSide: Hashable, Sendable {
        /// Recovered from the store, and the agent has not yet said what it holds.
        case unknown
        case nothing
        case ready(Readiness)
        case handedOver
        case released
    }

    /// Whether the peers can be reached, and whether a silent agent's own leases must be over.
    package struct Reach: Hashable, Sendable {
        package var server: Bool
        package var agent: Bool
        package var agentLapsed: Bool

        package init(server: Bool, agent: Bool, agentLapsed: Bool) {
            self.server = server
            self.agent = agent
            self.agentLapsed = agentLapsed
        }
    }

    /// What to say next.
    package enum Step: Hashable, Sendable {
        /// Tell the GPU server the goal, under a fresh epoch.
        case commandServer(GrantCommand.Goal)
        /// Tell the agent what it may hold.
        case notifyAgent(Readiness)
        case withdrawFromAgent(ReclaimReason)
        /// Nothing of the grant remains anywhere: forget it.
        case forget(ReclaimReason)
    }

    /// How long an answer may take before the same is said again.
    package static let retryInterval: Duration = .seconds(2)

    package private(set) var goal: Goal
    package private(set) var server: ServerSide
    package private(set) var agent: AgentSide
    /// Whether the store holds the grant with the memory that the goal needs.
    package private(set) var isDurable: Bool
    private var saidToServer: (goal: GrantCommand.Goal, at: MonotonicTime)?
    private var saidToAgent: (step: Step, at: MonotonicTime)?

    /// A new grant that nobody has heard of.
    package init(goal: Goal) {
        self.goal = goal
        server = .nothing
        agent = .nothing
        isDurable = false
    }

    /// A grant read from the store: its holders have yet to say what they hold.
    package init(recovered goal: Goal) {
        self.goal = goal
        server = .unknown
        agent = .unknown
        isDurable = true
    }

    /// The readiness that a program's request would find.
    package var readiness: Readiness {
        switch agent {
        case .handedOver: .attached
        case .ready(let level): level
        case .unknown, .nothing, .released: .staged
        }
    }

    package var isAttached: Bool { agent == .handedOver }

    package var isReleasing: Bool {
        if case .released = goal { true } else { false }
    }

    /// Whether the agent has acknowledged that it holds the session.
    package var wasReady: Bool {
        if case .ready = agent { true } else { false }
    }

    /// Whether all sides have what is wanted, so that a new decision may be taken.
    package var isSettled: Bool {
        switch (goal, server, agent) {
        case (_, _, .handedOver): true
        case (.warm, .holds(.warm, _), .ready(.warm)), (.reserved, .holds(.reserved, _), .ready(.reserved)): true
        default: false
        }
    }

    /// Sets what is wanted. An attached grant keeps its goal: nothing is taken from a program.
    /// - Returns: whether the goal was accepted.
    @discardableResult
    package mutating func want(_ newGoal: Goal, needsCommit: Bool = false) -> Bool {
        if isAttached, !(newGoal == .reserved) { return false }
        if isReleasing { return false }
        goal = newGoal
        if needsCommit { isDurable = false }
        return true
    }

    package mutating func committed() { isDurable = true }

    /// The GPU server has accounted for all that it holds, and this grant is not among it. What was never acknowledged
    /// may still be on its way; the rest is over, also what a manager before this one gave: its worker may have been
    /// there, and its ticket be used.
    package mutating func serverLost() {
        switch server {
        case .holds, .unknown: ended(.serverFailed)
        case .nothing, .released: break
        }
    }

    /// The GPU server says what it holds. Without an endpoint its worker is coming up or going, and nothing is known.
    package mutating func serverHolds(_ level: Readiness, endpoint: SessionEndpoint?) {
        guard let endpoint else { return }
        server = .holds(level == .warm ? .warm : .reserved, endpoint)
        if level == .attached { attached() }
        saidToServer = nil
    }

    /// The GPU server confirms that nothing of the grant remains.
    package mutating func serverReleased() {
        server = .released
        saidToServer = nil
    }

    /// The GPU server refused or failed: it holds what it held. Saying it again waits for the retry interval.
    package mutating func serverRefused() {
        if server == .unknown { server = .nothing }
    }

    /// The session is over at the GPU server, whoever held it: only the agent is left to be told.
    package mutating func ended(_ reason: ReclaimReason) {
        server = .released
        saidToServer = nil
        if agent != .released { agent = .unknown }
        goal = .released(reason.isEndOfSession ? reason : .serverFailed)
    }

    /// The slice of a reservation has changed: what the server acknowledged was for the old one.
    package mutating func sliceChanged() {
        if case .holds(_, let endpoint) = server { server = .holds(.warm, endpoint) }
    }

    package mutating func agentReady(_ level: Readiness) {
        guard !isAttached else { return }
        agent = .ready(level)
        saidToAgent = nil
    }

    /// A program holds the session, as its agent or its GPU server says. A release that was under way is off.
    package mutating func attached() {
        guard server != .released else { return }
        agent = .handedOver
        saidToAgent = nil
        if goal != .reserved { goal = .reserved }
    }

    package mutating func agentReleased() {
        agent = .released
        saidToAgent = nil
    }

    /// The agent does not hold the session, though it may have been told to.
    package mutating func agentHoldsNothing() {
        guard !isAttached else { return }
        agent = .nothing
        saidToAgent = nil
    }

    /// A new connection to a peer: what was said on the old one may be lost, so it is said again at once.
    package mutating func serverReconnected() { saidToServer = nil }
    package mutating func agentReconnected() { saidToAgent = nil }

    /// What to send now; at most one step for each side.
    package mutating func nextSteps(at now: MonotonicTime, reach: Reach) -> [Step] {
        guard isDurable else { return [] }
        switch goal {
        case .warm: return stepsToward(.warm, at: now, reach: reach)
        case .reserved: return stepsToward(.reserved, at: now, reach: reach)
        case .released(let reason): return stepsToRelease(reason, at: now, reach: reach)
        }
    }

    private mutating func stepsToward(_ level: Readiness, at now: MonotonicTime, reach: Reach) -> [Step] {
        guard !isAttached else { return [] }
        switch server {
        case .unknown, .released:
            return []
        case .nothing:
            return command(level, at: now, reach: reach)
        case .holds(let held, _) where held < level:
            return command(level, at: now, reach: reach)
        case .holds(let held, _):
            guard agent == .ready(level) else { return tellAgent(.notifyAgent(level), at: now, reach: reach) }
            return held > level ? command(level, at: now, reach: reach) : []
        }
    }

    private mutating func stepsToRelease(
        _ reason: ReclaimReason, at now: MonotonicTime, reach: Reach
    ) -> [Step] {
        let agentIsDone: Bool
        switch agent {
        case .released: agentIsDone = true
        case .nothing: agentIsDone = saidToAgent == nil
        case .unknown, .ready, .handedOver: agentIsDone = false
        }
        if !agentIsDone, !reach.agentLapsed {
            return tellAgent(.withdrawFromAgent(reason), at: now, reach: reach)
        }
        guard server != .released else { return [.forget(reason)] }
        return say(.released, at: now, reach: reach)
    }

    private mutating func command(_ level: Readiness, at now: MonotonicTime, reach: Reach) -> [Step] {
        say(level == .warm ? .warm : .reserved, at: now, reach: reach)
    }

    private mutating func say(_ goal: GrantCommand.Goal, at now: MonotonicTime, reach: Reach) -> [Step] {
        guard reach.server else { return [] }
        if let said = saidToServer, said.goal == goal, now < said.at + Self.retryInterval { return [] }
        saidToServer = (goal, now)
        return [.commandServer(goal)]
    }

    private mutating func tellAgent(_ step: Step, at now: MonotonicTime, reach: Reach) -> [Step] {
        guard reach.agent else { return [] }
        if let said = saidToAgent, said.step == step, now < said.at + Self.retryInterval { return [] }
        saidToAgent = (step, now)
        return [step]
    }
}

extension GrantLifecycle {
    package static func == (left: Self, right: Self) -> Bool {
        left.goal == right.goal && left.server == right.server && left.agent == right.agent
            && left.isDurable == right.isDurable
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(goal)
        hasher.combine(server)
        hasher.combine(agent)
        hasher.combine(isDurable)
    }
}
