/// Why an instance has what it has, and what would have to be different for it to have more.
package struct AllocationExplanation: Hashable, Sendable {
    /// What comes of the instance at the manager's next step, as things are.
    package enum Decision: String, Hashable, Sendable, CaseIterable {
        /// A program uses what it holds: nothing is decided.
        case inUse = "in-use"
        /// A command for what it holds is under way.
        case changing
        /// It has what it should have.
        case settled
        /// It holds more than its forecast justifies, and keeps it until the grace has passed.
        case inGrace = "in-grace"
        /// It is raised: nothing stands in the way.
        case raised
        /// What it holds is given back, or taken back for a higher class.
        case givenBack = "given-back"
        /// Its forecast justifies no more than it has.
        case improbable
        /// More is wanted and not possible; ``AllocationExplanation/reason`` says why.
        case short
        /// Its sessions fail to open: the next is not tried yet.
        case paused
        /// It would be raised, and the manager only records.
        case recorded
    }

    package var instance: InstanceID
    package var priority: PriorityClass
    /// What it holds; ``Readiness/cold`` without a grant.
    package var held: Readiness
    /// Zero below ``Readiness/reserved``.
    package var slice: Slice
    /// Where; nil without a grant.
    package var device: DeviceID?
    /// The level that is justified: by the forecast, or by a program that waits.
    package var wanted: Readiness
    /// Whether a program waits for it: then no forecast decides.
    package var isAsked: Bool
    /// What a reservation takes of a device: the memory, and the compute that is expected beside others.
    package var needed: Slice
    package var decision: Decision
    /// One sentence fragment with the figures that decided, for example `memory short by 128 MiB`; empty where
    /// ``decision`` says it all.
    package var reason: String
    /// The warm session and the reservation, in this order.
    package var steps: [ExplainedStep]
    /// The devices, those that come nearest to having room first; at most ``deviceLimit``.
    package var devices: [ConsideredDevice]
    /// How many devices there are.
    package var deviceCount: Int
    /// Others' reservations that no program has attached to, those that could be taken first; at most
    /// ``reservationLimit``.
    package var reservations: [ConsideredReservation]
    package var reservationCount: Int
    /// The least single thing after which the reservation would be made.
    package var change: SmallestChange
    /// What operators have ordered that bears on it, and where in the queue its program waits; sentence fragments, at most
    /// ``noteLimit``.
    package var notes: [String] = []

    package static let noteLimit = 16
    package static let deviceLimit = 256
    package static let reservationLimit = 64

    package init(
        instance: InstanceID, priority: PriorityClass, held: Readiness, slice: Slice, device: DeviceID?,
        wanted: Readiness, isAsked: Bool, needed: Slice, decision: Decision, reason: String, steps: [ExplainedStep],
        devices: [ConsideredDevice], deviceCount: Int, reservations: [ConsideredReservation], reservationCount: Int,
        change: SmallestChange
    ) {
        self.instance = instance
        self.priority = priority
        self.held = held
        self.slice = slice
        self.device = device
        self.wanted = wanted
        self.isAsked = isAsked
        self.needed = needed
        self.decision = decision
        self.reason = reason
        self.steps = steps
        self.devices = devices
        self.deviceCount = deviceCount
        self.reservations = reservations
        self.reservationCount = reservationCount
        self.change = change
    }
}

/// What decides on one step up the readiness ladder: its probability, discounted by the confidence, against its bar.
package struct ExplainedStep: Hashable, Sendable {
    /// ``Readiness/warm`` or ``Readiness/reserved``.
    package var level: Readiness
    /// How far ahead the probability looks.
    package var horizonSeconds: Int
    /// That demand begins within the horizon, 0 to 1.
    package var probability: Double
    /// How far the forecast is believed, 0 to 1.
    package var confidence: Double
    /// What `probability × confidence` must reach for the step to be taken: 0 or more; above 1 never. Where the level is
    /// held already, what it must reach to be kept.
    package var bar: Double
    /// What is set aside, as a share of a device of mean size.
    package var share: Double
    /// What an idle device-second costs now, in seconds of waiting of a class of weight 1.
    package var price: Double
    /// The smoothed share of the pool that is promised, which the price follows; 0 to 1.
    package var load: Double
    /// What the step spares a program's first command, in milliseconds.
    package var savedMs: Double
    package var weight: Double

    package init(
        level: Readiness, horizonSeconds: Int, probability: Double, confidence: Double, bar: Double, share: Double,
        price: Double, load: Double, savedMs: Double, weight: Double
    ) {
        self.level = level
        self.horizonSeconds = horizonSeconds
        self.probability = probability
        self.confidence = confidence
        self.bar = bar
        self.share = share
        self.price = price
        self.load = load
        self.savedMs = savedMs
        self.weight = weight
    }

    /// Whether the step is worth its cost.
    package var isJustified: Bool { probability * confidence >= bar }
}

/// One device, once those who come before the instance have been served.
package struct ConsideredDevice: Hashable, Sendable {
    package enum Verdict: String, Hashable, Sendable, CaseIterable {
        case fits
        /// Memory, compute or both are short by ``ConsideredDevice/missing``.
        case short
        /// It has less memory or compute than is needed even when it is empty.
        case tooSmall = "too-small"
        /// Its GPU server is away.
        case away
        /// Its GPU server and the instance's agent share no interface version.
        case noVersion = "no-version"
        /// Another virtual GPU of the same set has something there.
        case sibling
    }

    package var device: DeviceID
    package var verdict: Verdict
    package var freeMemory: Bytes
    /// Below 0 where more is promised than would be today.
    package var freeCompute: MilliShare
    /// What is missing of what is needed; zero where it fits.
    package var missing: Slice
    package var warmSessions: Int
    /// Whether it carries as many warm sessions as it may.
    package var isWarmFull: Bool

    package init(
        device: DeviceID, verdict: Verdict, freeMemory: Bytes, freeCompute: MilliShare, missing: Slice,
        warmSessions: Int, isWarmFull: Bool
    ) {
        self.device = device
        self.verdict = verdict
        self.freeMemory = freeMemory
        self.freeCompute = freeCompute
        self.missing = missing
        self.warmSessions = warmSessions
        self.isWarmFull = isWarmFull
    }
}

/// Another's reservation that no program has attached to.
package struct ConsideredReservation: Hashable, Sendable {
    package enum Verdict: String, Hashable, Sendable, CaseIterable {
        /// It may be taken for the instance.
        case takeable
        /// It is being changed or given back already.
        case coming
        /// Its class may not be taken from.
        case protected
        /// Its class is not lower than the instance's.
        case notLower = "not-lower"
        /// The instance's class may not take.
        case takerMayNot = "taker-may-not"
    }

    package var instance: InstanceID
    package var grant: GrantID
    package var device: DeviceID
    package var slice: Slice
    package var priorityClass: PriorityClassName
    package var verdict: Verdict

    package init(
        instance: InstanceID, grant: GrantID, device: DeviceID, slice: Slice, priorityClass: PriorityClassName,
        verdict: Verdict
    ) {
        self.instance = instance
        self.grant = grant
        self.device = device
        self.slice = slice
        self.priorityClass = priorityClass
        self.verdict = verdict
    }
}

/// The least single thing that would have to be different for an instance to get its reservation.
package enum SmallestChange: Hashable, Sendable {
    /// Nothing: it has it, or gets it at the next step.
    case nothing
    /// This much more free on the device, once those who come before have been served.
    case room(Slice, DeviceID)
    /// The device's GPU server is back.
    case available(DeviceID)
    /// A device that has this much, empty: none of those there are does.
    case device(Slice)
    /// This much more of the pool's memory in its tenant's quota.
    case quota(Bytes)
    /// This much more of the pool's memory in its class's idle budget.
    case idleBudget(Bytes)
    /// Both ends share an interface version.
    case sharedVersion
    /// The forecast does not justify it: demand within the reservation's horizon must be this probable, 0 to 1.
    case probability(Double)
    /// No probability justifies it at this price and confidence: the pool would have to be emptier, or the forecast
    /// narrower. Or nothing is ever anticipated, and only a program that asks is served.
    case request
}

/// The answer to who asks why.
package struct ExplanationAnswer: Hashable, Sendable {
    /// Nil where there is no instance, and no waiting request, of that name.
    package var explanation: AllocationExplanation?
    /// Then the instances whose names come nearest, at most ``nearestLimit``.
    package var nearest: [InstanceID]

    package static let nearestLimit = 5

    package init(explanation: AllocationExplanation? = nil, nearest: [InstanceID] = []) {
        self.explanation = explanation
        self.nearest = nearest
    }
}
