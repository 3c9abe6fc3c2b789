import AllocationCore
import FleetModel
import ForecastCore
import SessionCore
import TelemetryCore

/// Instances, and what is reported of them.
extension ManagerMachine {
    mutating func instanceAppeared(
        _ description: InstanceDescription, on agent: AgentID, now: MonotonicTime
    ) -> [ManagerEffect] {
        if let index = instanceIndex[description.id], var record = instances[index] {
            let (moved, returned) = (record.agent != agent, record.isGone)
            if record.description != description {
                forecaster.describe(record.slot, as: description)
                forecasts.dropAmounts(of: record.slot)
            }
            leaveSet(at: index)
            record.description = description
            record.priority = rules.priority(of: description)
            if moved { agents[record.agent]?.instances.remove(description.id) }
            agents[agent]?.instances.insert(description.id)
            record.agent = agent
            record.isGone = false
            record.isAgentAway = false
            instances[index] = record
            enterSet(at: index)
            // What was prepared on another host is of no use on this one.
            let effects = moved ? record.grants.flatMap { release($0, .instanceGone, now: now) } : []
            return returned
                ? effects + [.record(FleetEvent(at: now, kind: .instanceAppeared, instance: description.id))] : effects
        }
        guard instanceIndex.count < configuration.maximumInstances else {
            return [
                .record(
                    FleetEvent(
                        at: now, kind: .failure, instance: description.id,
                        detail: "not admitted: the manager has \(instanceIndex.count) instances, the most that it may"))
            ]
        }
        let record = InstanceRecord(
            description: description, priority: rules.priority(of: description),
            order: activeOrders[description.id]?.order ?? .none, agent: agent,
            slot: forecaster.admit(description),
            grants: (orphans.removeValue(forKey: description.id) ?? []).filter { grants[$0] != nil })
        // The slot may have been another's.
        forecasts.clear(record.slot)
        agents[agent]?.instances.insert(description.id)
        let place = freePlaces.popLast() ?? instances.count
        if place < instances.count { instances[place] = record } else { instances.append(record) }
        instanceIndex[description.id] = place
        enterSet(at: place)
        for id in record.grants { grants.change(id) { $0.place = place } }
        var effects = [ManagerEffect.record(FleetEvent(at: now, kind: .instanceAppeared, instance: description.id))]
        if let missing = missingClass(of: description) {
            effects.append(
                .record(FleetEvent(at: now, kind: .failure, instance: description.id, detail: missing)))
        }
        return effects
    }

    /// What is to be said where an instance's class is of no name that is known.
    func missingClass(of instance: InstanceDescription) -> String? {
        rules.missingClass(of: instance).map {
            "there is no class \($0): it is treated as \(rules.priority(of: instance).name)"
        }
    }

    mutating func instanceGone(
        _ instance: InstanceID, on agent: AgentID, now: MonotonicTime
    ) -> [ManagerEffect] {
        guard let record = record(of: instance), record.agent == agent else { return [] }
        update(instance) { $0.isGone = true }
        noteDeparted(record, now)
        requests.removeAll { $0.instance == instance }
        let effects = record.grants.flatMap { release($0, .instanceGone, now: now) }
        forgetIfDone(instance)
        return effects + [.record(FleetEvent(at: now, kind: .instanceGone, instance: instance))]
    }

    /// Forgets an instance that is gone once it holds nothing more.
    mutating func forgetIfDone(_ instance: InstanceID) {
        guard let index = instanceIndex[instance], let record = instances[index], record.isGone, record.grants.isEmpty
        else { return }
        forecaster.retire(record.slot)
        watched.forget(instance)
        agents[record.agent]?.instances.remove(instance)
        leaveSet(at: index)
        instances[index] = nil
        instanceIndex[instance] = nil
        freePlaces.append(index)
    }

    /// Takes in a report. An agent that goes on reporting of an instance that it has not introduced, though there is
    /// room for it, is out of step, and is made to begin anew.
    mutating func takeIn(_ report: PredictionReport, from agent: AgentID, now: MonotonicTime) -> [ManagerEffect] {
        guard report.sequence > agents[agent]?.lastReport ?? 0 else { return [] }
        agents[agent]?.lastReport = report.sequence
        var isOutOfStep = false
        for telemetry in report.telemetry {
            guard let index = instanceIndex[telemetry.instance] else {
                isOutOfStep = instanceIndex.count < configuration.maximumInstances
                continue
            }
            instances.takeIn(index) { record in
                if record.agent == agent {
                    _ = record.intake.ingest(telemetry, sentAt: report.sentAt, receivedAt: now)
                }
                return false
            }
        }
        guard isOutOfStep else {
            agents[agent]?.reportsOutOfStep = 0
            return []
        }
        agents[agent]?.reportsOutOfStep += 1
        guard agents[agent]?.reportsOutOfStep == 2, let link = agentLink(agent) else { return [] }
        return closed(link, now: now)
            + [.closeLink(link, reason: "the agent reports of an instance that it has not introduced")]
    }

    mutating func takeIn(
        _ heartbeat: GPUServerHeartbeat, from server: GPUServerID, now: MonotonicTime
    ) -> [ManagerEffect] {
        guard let link = serverLink(server) else { return [] }
        var effects = watch(heartbeat.held, at: server, now: now)
        // By the instances' places.
        var used: [Int: Slice] = [:]
        var listed: Set<GrantID> = []
        var devices = servers[server]?.devices.map { _ in Slice.zero } ?? []
        let descriptions = servers[server]?.devices ?? []
        var commands = CommandTime()
        for held in heartbeat.held where held.device.server == server {
            listed.insert(held.grant)
            if let index = instanceIndex[held.instance] {
                used[index, default: .zero].memory += held.usedMemory
                used[index, default: .zero].compute += held.usedCompute
            }
            if devices.indices.contains(held.device.index) {
                devices[held.device.index].memory += held.usedMemory
                devices[held.device.index].compute += held.usedCompute
                if !descriptions[held.device.index].isHostProcessor {
                    commands.busy += held.commandTime.busy
                    commands.processors += held.commandTime.processors
                }
            }
            guard grants.standing(held.grant) != nil else {
                effects.append(disown(held, on: link))
                continue
            }
            learn(held)
        }
        servers[server]?.used = devices
        servers[server]?.processorNeed.observe(commands, at: now)
        for (index, use) in used {
            instances.takeIn(index) { record in
                record.intake.recordGPUUse(memory: use.memory, compute: use.compute, receivedAt: now)
                guard use.memory > .zero, !record.hasUsedGPU else { return false }
                record.hasUsedGPU = true
                return true
            }
        }
        return effects + noticeMissing(at: server, listed: listed, on: link)
    }

    /// A grant that its server once held and no longer lists has ended without our hearing of it. The server is asked
    /// to release it, which it confirms if nothing is there and refuses if a program is.
    private mutating func noticeMissing(
        at server: GPUServerID, listed: Set<GrantID>, on link: LinkID
    ) -> [ManagerEffect] {
        var effects: [ManagerEffect] = []
        for id in grants.grants(on: server) where !listed.contains(id) {
            guard let grant = grants[id] else { continue }
            if grant.lifecycle.server == .unknown {
                // It was ending when the server introduced itself, and is gone now.
                grants[id]?.lifecycle.ended(.serverFailed)
                charge(id, .none)
                grants.touch(id)
            }
            guard case .holds = grant.lifecycle.server else { continue }
            grants[id]?.missing += 1
            guard grant.missing >= 2 else { continue }
            effects.append(command(grant.stored, .released, on: link))
        }
        return effects
    }
}
