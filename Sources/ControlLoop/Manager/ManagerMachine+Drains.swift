import AllocationCore
package import FleetModel
import SessionCore

/// GPU servers that are emptied for maintenance, worked on, and taken back. There is one reason for it, a maintenance
/// window, whether it was planned for a night or begins now and has no end.
///
/// Nothing is placed on such a server. What is prepared there goes once it is prepared elsewhere, so that a program that
/// asks meanwhile finds something; what programs have stays until they end it, or until the deadline where the operator
/// has chosen so. When all is gone, work may begin. After it the server's self-test decides whether it is used again.
extension ManagerMachine {
    /// How long what is prepared on such a server is kept for want of something prepared elsewhere.
    private static let leavingPatience: Duration = .seconds(5)
    /// How often a program's session is ended anew at the deadline, in case the command was lost.
    private static let endingInterval: Duration = .seconds(5)

    // MARK: Beginning and end

    /// Takes note of windows that begin and end, and goes on emptying the GPU servers that are worked on.
    /// O(windows + servers + their grants)
    mutating func keepMaintenance(_ now: MonotonicTime) -> [ManagerEffect] {
        var effects = noteMaintenance(now)
        for id in leaving(now) { effects += release(id, .serverDrained, now: now) }
        return effects + endOverdue(now)
    }

    /// Takes note of windows that begin and end: nothing is placed on a GPU server that is worked on.
    mutating func noteMaintenance(_ now: MonotonicTime) -> [ManagerEffect] {
        let wall = wallTime(now)
        noteReturning(wall)
        let worked = orders.maintenance.lazy.filter { $0.isUnderWay(at: wall) }.map(\.server)
        let closed = orders.returning.union(worked)
        // A test that was under way when work began anew shows nothing of the server after that.
        for server in closed.subtracting(orders.returning) where servers[server]?.testsSince != nil {
            servers[server]?.testsSince = nil
        }
        var effects: [ManagerEffect] = []
        for server in closed.symmetricDifference(closedServers).sorted() {
            closedServers.formSymmetricDifference([server])
            let begins = closed.contains(server)
            closedSince[server] = begins ? now : nil
            if begins { closeDevices(of: server) } else { serverGained(server) }
            effects.append(tell("maintenance of \(server) \(begins ? "begins" : "is over")", now))
        }
        for server in orders.returning.sorted() where servers[server]?.testsSince == nil {
            effects += testAnew(server, now)
        }
        return effects
    }

    /// A window whose end has come is over; its server has yet to show that it works.
    private mutating func noteReturning(_ wall: WallTime) {
        let over = orders.maintenance.filter { $0.isOver(at: wall) && closedServers.contains($0.server) }
        guard !over.isEmpty else { return }
        orders.maintenance.removeAll { $0.isOver(at: wall) }
        for window in over
        where !orders.maintenance.contains(where: { $0.server == window.server && $0.isUnderWay(at: wall) }) {
            orders.returning.insert(window.server)
        }
        unwritten.orders = true
    }

    private mutating func closeDevices(of server: GPUServerID) {
        for device in servers[server]?.devices ?? [] { pool.setAvailable(device.id, false) }
    }

    // MARK: Emptying

    /// What goes now of that which is prepared on GPU servers that are worked on, ascending by server: what its instance
    /// has elsewhere by now, what has been waiting for that long enough, and what is on its way to a program, which is
    /// served elsewhere.
    func leaving(_ now: MonotonicTime) -> [GrantID] {
        closedServers.sorted().flatMap { server in
            let isPatient = now - (closedSince[server] ?? now) <= Self.leavingPatience
            return grants.grants(on: server).filter { id in
                guard let grant = grants[id], !grant.lifecycle.isReleasing, !grant.lifecycle.isAttached else {
                    return false
                }
                return grant.request != nil || !isPatient || isReplaced(id)
            }
        }
    }

    /// Where the operator has chosen so: tells agents by when the sessions that programs have are ended, and ends them then.
    private mutating func endOverdue(_ now: MonotonicTime) -> [ManagerEffect] {
        let wall = wallTime(now)
        // Nothing is taken from a program by an order that a restart could forget.
        guard areOrdersStored else { return [] }
        var deadlines: [GPUServerID: WallTime] = [:]
        for window in orders.maintenance where window.isUnderWay(at: wall) && window.atDeadline == .end {
            guard let deadline = window.deadline else { continue }
            deadlines[window.server] = min(deadline, deadlines[window.server] ?? deadline)
        }
        var effects: [ManagerEffect] = []
        for (server, deadline) in deadlines.sorted(by: { $0.key < $1.key }) {
            for id in grants.grants(on: server) where grants[id]?.lifecycle.isAttached == true {
                effects += deadline <= wall ? end(id, now) : warn(id, in: deadline - wall, now)
            }
        }
        toldOfDeadline = toldOfDeadline.filter { id in
            grants[id].map { deadlines[$0.stored.device.server] != nil } ?? false
        }
        endedAtDeadline = endedAtDeadline.filter { grants[$0.key] != nil && !deadlines.isEmpty }
        return effects
    }

    private mutating func warn(_ id: GrantID, in time: Duration, _ now: MonotonicTime) -> [ManagerEffect] {
        guard let grant = grants[id], let link = agentLink(grant.stored.agent), toldOfDeadline.insert(id).inserted
        else { return [] }
        let reason = "its GPU server, \(grant.stored.device.server), is to be worked on"
        return notice(of: grant, on: link, endsIn: time, "\(Int(time.inSeconds))", reason, now)
    }

    private mutating func end(_ id: GrantID, _ now: MonotonicTime) -> [ManagerEffect] {
        guard let grant = grants[id], let link = serverLink(grant.stored.device.server),
            endedAtDeadline[id].map({ now - $0 >= Self.endingInterval }) ?? true
        else { return [] }
        endedAtDeadline[id] = now
        return [command(grant.stored, .taken, on: link)]
    }

    // MARK: Return

    /// Has a GPU server verify and test its interface versions again: what it had before the work counts no more.
    private mutating func testAnew(_ server: GPUServerID, _ now: MonotonicTime) -> [ManagerEffect] {
        guard let record = servers[server], record.link != nil else { return [] }
        servers[server]?.testsSince = now
        servers[server]?.verifiesAgain += record.installed.filter { !record.verifiesAgain.contains($0) }
        servers[server]?.installed = []
        servers[server]?.asked = [:]
        servers[server]?.unavailable = [:]
        recountInstalled()
        return prepareServer(server, now)
    }

    /// A version has passed its self-test on a GPU server: it is used again, if that was what it waited for.
    mutating func returned(
        _ server: GPUServerID, with version: InterfaceVersion, now: MonotonicTime
    ) -> [ManagerEffect] {
        guard published.contains(version), servers[server]?.testsSince != nil,
            orders.returning.remove(server) != nil
        else { return [] }
        unwritten.orders = true
        servers[server]?.testsSince = nil
        closedServers.remove(server)
        closedSince[server] = nil
        serverGained(server)
        return [tell("\(server) is used again: the self-test of \(version) has passed there", now)]
    }

    private func tell(_ words: String, _ now: MonotonicTime) -> ManagerEffect {
        .record(FleetEvent(at: now, kind: .ordered, detail: words))
    }

    // MARK: For people

    /// The GPU servers on which nothing is placed because of their maintenance, ascending, and what is left on each.
    /// O(windows + their grants)
    package func drains(at now: MonotonicTime) -> [DrainProgress] {
        let wall = wallTime(now)
        return closedServers.sorted().map { server in
            let left = grants.grants(on: server).compactMap { grants[$0] }
            let attached = left.count { $0.lifecycle.isAttached }
            let windows = orders.maintenance.filter { $0.server == server && $0.isUnderWay(at: wall) }
            // Of several, the strictest.
            let window = windows.min {
                ($0.deadline ?? WallTime.range.upperBound) < ($1.deadline ?? WallTime.range.upperBound)
            }
            let isLate = attached > 0 && window?.deadline.map { $0 <= wall } ?? false
            let phase: DrainProgress.Phase =
                windows.isEmpty ? .returning : isLate ? .overdue : left.isEmpty ? .empty : .draining
            return DrainProgress(
                server: server, phase: phase, attached: attached, prepared: left.count - attached,
                deadline: window?.deadline, atDeadline: window?.atDeadline ?? .wait,
                reason: phase == .returning ? whyNotReturned(server) : "")
        }
    }

    private func whyNotReturned(_ server: GPUServerID) -> String {
        guard let record = servers[server], record.link != nil else { return "it is away" }
        let reasons = record.unavailable.sorted { $0.key.description < $1.key.description }.map(\.value.reason)
        return reasons.first ?? "its self-test is awaited"
    }
}
