import AllocationCore
package import FleetModel
import ForecastCore
import SessionCore
import TelemetryCore

/// The fleet as people see it, and what must always hold.
extension ManagerMachine {
    /// The fleet at this moment. O(instances + grants + devices)
    /// - Parameter forecasts: whether each instance's is wanted: they are most of the whole.
    package func overview(at now: MonotonicTime, forecasts: Bool = true) -> FleetOverview {
        FleetOverview(
            at: now, term: term,
            instances: instanceIndex.keys.sorted().compactMap { overview(of: $0, at: now, forecasts) },
            devices: servers.keys.sorted().flatMap(overview(of:)), totals: totals, violations: violations,
            accuracy: forecaster.accuracy, recovery: recovery(at: now), ladder: ladderOverview, mode: mode,
            audit: audit(at: now), waiting: waitingOverview(now))
    }

    /// Every grant that a peer may have heard of, ascending. For checkers.
    package var heldGrants: [StoredGrant] { grants.ascending.compactMap { grants[$0]?.stored } }

    /// Requests for which there is no slice yet.
    package var waitingRequests: Int { requests.count }

    /// Stops the program where an account is wrong; for tests and simulation. O(devices + grants + instances)
    package func checkInvariants() {
        pool.checkInvariants()
        instances.checkInvariants()
        grants.checkInvariants()
        checkFigures()
        precondition(grants.ascending.last.map { $0.rawValue < nextGrant } ?? true, "a grant that was not numbered")
        for grant in grants.standings {
            guard let place = grant.place else { continue }
            precondition(
                instances.read(place) { $0.pointee.grants.contains(grant.grant) } == true, "another instance's grant")
        }
        for (key, places) in sets {
            let areMembers = places.allSatisfy { place in
                instances[place].map { $0.agent == key.agent && $0.description.set == key.first } ?? false
            }
            precondition(areMembers && !places.isEmpty, "another set's member")
        }
        let unlinked = Set(agents.keys).union(grants.agents).filter { agentLink($0) == nil }
        precondition(unlinkedAgents == unlinked, "an agent's link is out of date")
        let unlinkedHere = Set(servers.keys).union(grants.servers).filter { serverLink($0) == nil }
        precondition(unlinkedServers == unlinkedHere, "a GPU server's link is out of date")
    }

    static let agentIsAway = "its agent is not connected"

    func overview(
        of instance: InstanceID, at now: MonotonicTime, _ withForecasts: Bool
    ) -> InstanceOverview? {
        guard let record = record(of: instance) else { return nil }
        let held = record.grants.compactMap { grants[$0] }
        let best = held.max { $0.lifecycle.readiness < $1.lifecycle.readiness }
        let unprepared: Readiness = agents[record.agent]?.installed.isEmpty == false ? .staged : .cold
        let readiness = max(best?.lifecycle.readiness ?? unprepared, unprepared)
        return InstanceOverview(
            description: record.description, agent: record.agent, readiness: readiness,
            slice: readiness >= .reserved ? best?.stored.slice ?? .zero : .zero, device: best?.stored.device,
            latest: record.intake.latest, source: record.intake.source,
            telemetryAge: record.intake.lastReceived.map { now - $0 } ?? now - startedAt,
            forecast: withForecasts ? forecasts[record.slot] : nil,
            trust: withForecasts && forecasts.hasForecast(of: record.slot) ? forecaster.trust(record.slot) : nil,
            shortfall: record.isAgentAway
                ? Self.agentIsAway : record.shortfall.map { describe($0, of: instance) },
            activity: best.flatMap { $0.lifecycle.isAttached ? $0.activity : nil })
    }

    private func overview(of server: GPUServerID) -> [DeviceOverview] {
        guard let record = servers[server] else { return [] }
        let ofServer = grants.grants(on: server).compactMap { grants[$0] }
        return record.devices.enumerated().map { index, device in
            let held = ofServer.filter { $0.stored.device == device.id }
            let account = pool.account(of: device.id)
            let used = record.used.indices.contains(index) ? record.used[index] : .zero
            return DeviceOverview(
                description: device, available: record.link != nil && !closedServers.contains(server),
                reservedMemory: account?.reserved.memory ?? .zero, reservedCompute: account?.reserved.compute ?? .zero,
                usedMemory: used.memory, usedCompute: used.compute,
                warmSessions: held.count { $0.lifecycle.readiness == .warm },
                reservedSessions: held.count { $0.lifecycle.readiness == .reserved },
                attachedSessions: held.count { $0.lifecycle.isAttached },
                promisableCompute: device.isHostProcessor ? .wholeDevice : promisableCompute(on: server))
        }
    }
}
