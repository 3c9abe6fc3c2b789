import FleetModel

extension FleetForecaster {
    /// Seconds between looks at whether amounts have changed.
    private static let shiftPeriod: Int64 = 4
    /// Instances that a look takes in, at most, of as many as ``shiftVisited``.
    private static let shiftSample = 256
    private static let shiftVisited = 2_048

    /// Looks whether all instances of a type, or of all small types, have begun to want more or less by one factor, and
    /// takes what they did before as if it had been by that factor more or less.
    ///
    /// All that is forecast is in units of what instances usually want. So nothing else has to be learned anew, and what
    /// was learned from forecasts that missed the change is taken back. O(256 instances) every 4 s; O(instances) when
    /// amounts have changed.
    mutating func followAmounts() {
        guard let second = scoring.newest, second % Self.shiftPeriod == 0, second != shiftsLookedAt else { return }
        shiftsLookedAt = second
        var changed = false
        for resource in Resource.allCases {
            for (application, change) in amountChanges(resource, at: second).enumerated() {
                guard let change else { continue }
                if !changed { resumeBefore(second - Int64(change.seconds)) }
                changed = true
                rescale(resource, application: application, change, at: second)
            }
        }
        checkpoints.add(LearnedCheckpoint(second: second, weights: weights, calibration: calibration))
    }

    /// By application type, what has become of its amounts.
    private mutating func amountChanges(_ resource: Resource, at second: Int64) -> [AmountShift.Change?] {
        var shifts = [AmountShift](repeating: AmountShift(), count: types.count)
        let visited = min(slots.count, Self.shiftVisited)
        guard visited > 0 else { return [] }
        let first = Int(truncatingIfNeeded: second / Self.shiftPeriod) &* visited % slots.count
        var taken = 0
        for number in 0..<visited where taken < Self.shiftSample {
            let slot = slots[(first + number) % slots.count]
            guard slot.isInUse, let history = slot.history.map(Int.init),
                let distances = histories.read(
                    history,
                    { $0.pointee.distances(resource, at: second, clocks: clocks, recent: recent, row: history) })
            else { continue }
            shifts[Int(slot.application)].add(distances)
            taken += 1
        }
        var small = AmountShift()
        for shift in shifts where shift.means.count < AmountShift.leastInstances { small.add(shift) }
        let ofSmall = small.change(against: &smallWander[resource.rawValue])
        return shifts.enumerated().map { application, shift in
            shift.means.count < AmountShift.leastInstances
                ? ofSmall : shift.change(against: &types[application].wander[resource.rawValue])
        }
    }

    private mutating func rescale(
        _ resource: Resource, application: Int, _ change: AmountShift.Change, at second: Int64
    ) {
        var since: Float = 0
        for slot in slots.indices where slots[slot].isInUse && Int(slots[slot].application) == application {
            guard let history = slots[slot].history.map(Int.init) else { continue }
            since += histories[history].rescale(
                resource, bins: change.bins, olderThan: change.seconds, at: second, clocks: clocks, recent: &recent,
                row: history)
            idleCurves.clear(history)
        }
        let factor = Float(DemandGrid.factor(bins: change.bins))
        let before = fleetDemand[resource.rawValue]
        types[application].rescale(resource, by: factor, olderThan: change.seconds, demandSince: since, at: second)
        amounts.shift(resource, application: application, bins: change.bins)
        tenants.rescale(resource, application: application, bins: change.bins)
        sumUpTypes()
        let now = fleetDemand[resource.rawValue]
        if before > 0, now > 0 { scale.rescale(resource, by: Double(now / before)) }
    }

    /// Goes back to what weights and calibration were before `second`, as far as that is kept.
    private mutating func resumeBefore(_ second: Int64) {
        guard let checkpoint = checkpoints.last(before: second) else { return }
        weights = checkpoint.weights
        calibration = checkpoint.calibration
    }
}

/// What was learned from outcomes, as of some second.
struct LearnedCheckpoint: Sendable {
    let second: Int64
    let weights: ExpertWeights
    let calibration: UpperCalibration
}

/// Checkpoints of about the last minute, every 16 s: at most five, 70 KB each.
struct LearnedCheckpoints: Sendable {
    private static let period: Int64 = 16
    private static let limit = 5
    private var kept: [LearnedCheckpoint] = []

    mutating func add(_ checkpoint: LearnedCheckpoint) {
        if let last = kept.last, checkpoint.second < last.second + Self.period { return }
        kept.append(checkpoint)
        if kept.count > Self.limit { kept.removeFirst() }
    }

    /// The newest from before `second`, or else the oldest there is.
    func last(before second: Int64) -> LearnedCheckpoint? { kept.last { $0.second <= second } ?? kept.first }
}
