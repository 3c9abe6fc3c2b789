import AllocationCore
package import FleetModel

/// Why an instance has what it has, for someone who asks.
extension ManagerMachine {
    /// Why the instance `name`, or the one whose request of that name waits (`r12`), has what it has. Where there is
    /// neither, the instances whose names come nearest. Changes nothing; costs as much as a step's decisions.
    package func explain(_ name: String, at now: MonotonicTime) -> ExplanationAnswer {
        guard let (record, isAsked) = asked(about: name) else {
            return ExplanationAnswer(nearest: nearestInstances(to: name))
        }
        var told: AllocationExplanation
        if isAsked {
            told = planner.explain(
                askingSubject(record), others: holders(besides: record.description.id), pool: pool, now: now,
                isAsked: true)
        } else {
            // The step notes on the way what is wanted; of this one nothing is to remain.
            var step = self
            let subjects = step.attentiveSubjects(now)
            let subject = subjects.first { $0.instance == record.description.id } ?? unattended(record, now)
            told = planner.explain(
                subject, others: subjects, pool: pool, price: idlePrice, limits: allocationLimits, now: now)
        }
        if isPaused(record, now), told.held < .reserved { told.decision = .paused }
        return ExplanationAnswer(explanation: told)
    }

    /// An instance that the step does not look at, as it would see it.
    private func unattended(_ record: InstanceRecord, _ now: MonotonicTime) -> AllocationSubject {
        let onset = record.forecast?.onset ?? InlineArray(repeating: 0)
        return subject(record, onset: onset.unless(isFading(record, now)))
    }

    /// The instance that is meant, and whether a program of it waits for a slice.
    private func asked(about name: String) -> (InstanceRecord, isAsked: Bool)? {
        if let record = InstanceID(rawValue: name).flatMap(record(of:)) {
            return (record, requests.contains { $0.instance == record.description.id })
        }
        guard let waiting = requests.first(where: { $0.request.description == name }) else { return nil }
        return record(of: waiting.instance).map { ($0, true) }
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
