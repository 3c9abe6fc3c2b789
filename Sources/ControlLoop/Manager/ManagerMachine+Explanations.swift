import AllocationCore
package import FleetModel

/// Why an instance has what it has, for someone who asks.
extension ManagerMachine {
    /// Why the instance `name`, or the one whose request of that name waits (`r12`), has what it has. Where there is
    /// neither, the instances whose names come nearest. Changes nothing; costs as much as a step's decisions.
    package func explain(_ name: String, at now: MonotonicTime) -> ExplanationAnswer {
        guard let (record, waiting) = asked(about: name) else {
            return ExplanationAnswer(nearest: nearestInstances(to: name))
        }
        var told: AllocationExplanation
        if let waiting {
            told = explainAsked(record, waiting, now)
        } else {
            // The step notes on the way what is wanted; of this one nothing is to remain.
            var step = self
            told = step.explainStep(record, now)
            if isPaused(record, now), told.held < .reserved { told.decision = .paused }
            if record.isAgentAway, told.decision == .raised || told.decision == .short {
                (told.decision, told.reason, told.change) = (.short, Self.agentIsAway, .nothing)
            }
        }
        if told.decision == .short, !hasServers { told.reason = "no GPU server is connected" }
        let notes = notesOfSet(on: record, waiting) + told.notes + notesOnProcessors(told) + notes(on: record, at: now)
        told.notes = Array(notes.prefix(AllocationExplanation.noteLimit))
        return ExplanationAnswer(explanation: told)
    }

    /// What is done for a program that waits for an instance. What keeps one that asks for several virtual GPUs is told of each
    /// of them: it gets all or none.
    private func explainAsked(
        _ record: InstanceRecord, _ waiting: WaitingRequest, _ now: MonotonicTime
    ) -> AllocationExplanation {
        let parts = waiting.together > 1 ? self.parts(of: AskingProgram(waiting)) : []
        let own = Set(parts.map { requests[$0].instance }).union([waiting.instance])
        let shortage = shortage(of: parts, now)
        var subject = shortage?.subject ?? askingSubject(self.record(of: waiting.instance) ?? record)
        subject.closed = devicesWithoutVersion(for: subject.instance)
        let others = holders(besides: own).filter { other in
            shortage?.taken.contains { $0 == other.holding?.grant } != true
        }
        var told = planner.explain(subject, others: others, pool: shortage?.pool ?? pool, now: now, isAsked: true)
        if isIncomplete(AskingProgram(waiting), together: waiting.together) {
            (told.decision, told.reason, told.change) = (.short, "its program has yet to ask for the others", .nothing)
        } else if own.contains(where: { isPaused($0, now) }) {
            told.decision = .paused
        } else if told.instance != record.description.id {
            told.notes = [
                shortage == nil
                    ? "\(told.instance) is what it waits for"
                    : "it is \(told.instance) that lacks a device, once the others have theirs"
            ]
        }
        if told.instance != record.description.id {
            let holding = unattended(record, now).holding
            (told.instance, told.priority) = (record.description.id, record.priority)
            (told.held, told.slice, told.device) =
                (holding?.level ?? .cold, holding?.slice ?? .zero, holding?.device)
        }
        return told
    }

    private func isPaused(_ instance: InstanceID, _ now: MonotonicTime) -> Bool {
        if let record = record(of: instance) { isPaused(record, now) } else { false }
    }

    /// Devices of GPU servers that are there, and with which the instance's agent shares no interface version: found out once
    /// for servers that are alike. O(devices)
    private func devicesWithoutVersion(for instance: InstanceID) -> Set<DeviceID> {
        var known: [VersionKind: Bool] = [:]
        var devices: Set<DeviceID> = []
        for (server, record) in servers where record.link != nil {
            for device in record.devices {
                let kind = versionKind(of: record, server, model: device.model)
                let shares = known[kind] ?? ((try? sharedVersion(instance, on: device.id)) != nil)
                known[kind] = shares
                if !shares { devices.insert(device.id) }
            }
        }
        return devices
    }

    private static var notedServers: Int { 4 }

    /// Where compute is missing, or taken, that processors of a host do not keep up with.
    private func notesOnProcessors(_ told: AllocationExplanation) -> [String] {
        var servers = told.devices.filter { $0.missing.compute > .zero }.map(\.device.server)
        if let device = told.device { servers.insert(device.server, at: 0) }
        var noted: [GPUServerID] = []
        for server in servers where !noted.contains(server) && noted.count < Self.notedServers {
            if promisableCompute(on: server) < .wholeDevice { noted.append(server) }
        }
        return noted.map {
            "the processors of \($0) keep up with \(promisableCompute(on: $0).rawValue)/1000 of its devices' compute"
        }
    }

    /// What the next step does about an instance. Of a manager that only records it is what it would do; what the instance
    /// has is said as it is.
    private mutating func explainStep(_ record: InstanceRecord, _ now: MonotonicTime) -> AllocationExplanation {
        func isMeant(_ subject: AllocationSubject) -> Bool { subject.instance == record.description.id }
        let rehearses = mode == .forecastOnly && !record.order.isReserved && preparing(record) == nil
        guard rehearses else {
            var memo = SubjectMemo()
            let (subjects, _) = attentiveSubjects(instances.indices, now, &memo, withIdle: true)
            return actingPlanner.explain(
                subjects.first(where: isMeant) ?? unattended(record, now), others: subjects, pool: pool,
                price: idlePrice, limits: allocationLimits(now), now: now)
        }
        let rehearsed = rehearsal.pool(beside: pool)
        let subjects = rehearsedSubjects(rehearsed, now)
        var limits = AllocationLimits.counting(subjects, quotas: rules.quotas)
        limits.closing = closingDevices(now)
        var told = planner.explain(
            subjects.first(where: isMeant) ?? unattended(record, now), others: subjects, pool: rehearsed,
            price: idlePrice, limits: limits, now: now)
        if told.decision == .raised { told.decision = .recorded }
        let real = subject(record, onset: InlineArray(repeating: 0)).holding
        (told.held, told.slice, told.device) = (real?.level ?? .cold, real?.slice ?? .zero, real?.device)
        return told
    }

    /// An instance that the step does not look at, as it would see it.
    private func unattended(_ record: InstanceRecord, _ now: MonotonicTime) -> AllocationSubject {
        let onset = forecasts.onset(of: record.slot)
        return subject(record, onset: onset.unless(isFading(record, now)))
    }

    /// The instance that is meant, and the request that is explained: of a program that waits for it, or, where its part of
    /// what a program asks for is set aside, for another part.
    private func asked(about name: String) -> (InstanceRecord, WaitingRequest?)? {
        guard let record = InstanceID(rawValue: name).flatMap(record(of:)) else {
            guard let waiting = requests.first(where: { $0.request.description == name }) else { return nil }
            return record(of: waiting.instance).map { ($0, waiting) }
        }
        let own = requests.first { $0.instance == record.description.id }
        return (
            record, own ?? programWithClaim(on: record).flatMap { parts(of: $0.program).first }.map { requests[$0] }
        )
    }

    /// O(instances)
    private func nearestInstances(to name: String) -> [InstanceID] {
        let most = max(2, name.utf8.count / 3)
        var near: [(distance: Int, instance: InstanceID)] = []
        for instance in instanceIndex.keys {
            guard let distance = EditDistance.between(name, instance.rawValue, atMost: most) else { continue }
            near.append((distance, instance))
        }
        near.sort { ($0.distance, $0.instance) < ($1.distance, $1.instance) }
        return near.prefix(ExplanationAnswer.nearestLimit).map(\.instance)
    }
}

/// How far two names are apart: the least number of bytes to put in, take out or replace (Levenshtein, "Binary codes
/// capable of correcting deletions, insertions, and reversals", 1966).
enum EditDistance {
    /// Nil where it is more than `most`. O(product of the lengths)
    static func between(_ one: String, _ other: String, atMost most: Int) -> Int? {
        let (short, long) = (Array(one.utf8), Array(other.utf8))
        guard abs(short.count - long.count) <= most else { return nil }
        var row = Array(0...long.count)
        for (index, byte) in short.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            var least = row[0]
            for column in long.indices {
                let replaced = diagonal + (long[column] == byte ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(replaced, row[column] + 1, diagonal + 1)
                least = min(least, row[column + 1])
            }
            guard least <= most else { return nil }
        }
        return row[long.count] <= most ? row[long.count] : nil
    }
}
