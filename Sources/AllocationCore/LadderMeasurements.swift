package import FleetModel

/// What the steps up the readiness ladder take, measured while the system runs.
///
/// Each figure is a decayed average that begins with a prior as ``priorWeight`` observations and ends with a memory of
/// ``memory``. There are three kinds, each the prior of the next: of the whole fleet, whose prior are the configured
/// figures; of an interface version on a model of device; and of such a version and model on one GPU server. So a server
/// that was never seen is judged by its like, and one that is slow by itself.
package struct LadderMeasurements: Sendable {
    package enum Step: Hashable, Sendable {
        /// A new version is fetched, verified and activated on a host.
        case stage
        /// Worker, context and handshake.
        case open
        /// Memory is set aside beside an open session.
        case reserve
    }

    /// How many observations a prior counts as.
    package static let priorWeight = 4.0
    /// How many observations back an average reaches.
    package static let memory = 64.0
    /// The most places of which averages are kept; beyond that those longest unused go.
    package static let limit = 4_096
    /// An observation counts for at most so many times the average: a step that was begun again after a lost message
    /// took a retry's time.
    private static let greatestRatio = 10.0
    /// Decisions count the opening of a session for at most so many times its prior, and a step for no less than the
    /// inverse. Of a reservation they count no more than the prior: the price of idle memory was found with that, and where
    /// reserving is slow a pool must not fill with what is only foreseen while programs wait for room.
    package static let greatestChange = 4.0

    private struct Place: Hashable {
        var version: InterfaceVersion?
        var model: String?
        var server: GPUServerID?
    }

    /// What is known of one place; a step that was not measured there has none.
    private struct Averages {
        var stage: Average?
        var open: Average?
        var reserve: Average?
        var lastUsed: UInt64 = 0

        subscript(step: Step) -> Average? {
            get {
                switch step {
                case .stage: stage
                case .open: open
                case .reserve: reserve
                }
            }
            set {
                switch step {
                case .stage: stage = newValue
                case .open: open = newValue
                case .reserve: reserve = newValue
                }
            }
        }
    }

    private struct Average {
        var mean: Double
        var weight: Double

        mutating func take(_ value: Double) {
            weight = min(weight + 1, LadderMeasurements.memory)
            mean += (min(max(value, 0), mean * LadderMeasurements.greatestRatio) - mean) / weight
        }
    }

    private let prior: LadderCosts
    private var averages: [Place: Averages] = [:]
    private var uses: UInt64 = 0
    private var warmShare: Double
    private var warmShareWeight = LadderMeasurements.priorWeight
    /// What a warm session's worker holds of its host's memory, averaged; nil before one was seen.
    package private(set) var warmHostMemory: Bytes?
    /// Steps that were measured.
    package private(set) var count: UInt64 = 0

    /// Places of which averages are kept: at most ``limit``.
    package var placeCount: Int { averages.count }

    /// - Parameter prior: what the steps are believed to take before any was measured.
    package init(prior: LadderCosts) {
        self.prior = prior
        warmShare = prior.warmShare
    }

    /// Takes in that a step took `milliseconds`, in a version, on a server's device of a model. O(1), and O(places) when
    /// there are too many.
    package mutating func observe(
        _ step: Step, milliseconds: Double, version: InterfaceVersion, model: String?, server: GPUServerID?
    ) {
        guard milliseconds.isFinite else { return }
        count += 1
        uses += 1
        var estimate = prior.milliseconds(of: step)
        for place in Self.places(version, model, server) {
            var known = averages[place] ?? Averages()
            var average = known[step] ?? Average(mean: max(estimate, 0.001), weight: Self.priorWeight)
            average.take(milliseconds)
            known[step] = average
            known.lastUsed = uses
            averages[place] = known
            estimate = average.mean
        }
        if averages.count > Self.limit { forgetOldest() }
    }

    /// Takes in what a warm session's worker holds of its host's memory, `share` of what there is for one device.
    package mutating func observeWarmSession(memory: Bytes, share: Double?) {
        let known = Double(warmHostMemory?.rawValue ?? memory.rawValue)
        warmHostMemory = Bytes(Int64(known + (Double(memory.rawValue) - known) / Self.memory))
        guard let share, share.isFinite else { return }
        warmShareWeight = min(warmShareWeight + 1, Self.memory)
        warmShare += (min(max(share, 0), 1) - warmShare) / warmShareWeight
    }

    /// The costs as they are now believed to be; of a version, a model and a server where they are named.
    package func costs(
        version: InterfaceVersion? = nil, model: String? = nil, server: GPUServerID? = nil
    ) -> LadderCosts {
        var (stage, open, reserve) = (Average?.none, Average?.none, Average?.none)
        for place in Self.places(version, model, server).reversed() where stage == nil || open == nil || reserve == nil
        {
            guard let known = averages[place] else { continue }
            stage = stage ?? known.stage
            open = open ?? known.open
            reserve = reserve ?? known.reserve
        }
        var costs = prior
        costs.stageMs = Self.believed(stage, prior: prior.stageMs, most: Self.greatestChange)
        costs.openMs = Self.believed(open, prior: prior.openMs, most: Self.greatestChange)
        costs.reserveMs = Self.believed(reserve, prior: prior.reserveMs, most: 1)
        costs.warmShare = warmShare
        return costs
    }

    /// An average between ``greatestChange`` times less than the prior and `most` times as much.
    private static func believed(_ average: Average?, prior: Double, most: Double) -> Double {
        average.map { min(max($0.mean, prior / greatestChange), prior * most) } ?? prior
    }

    /// From the whole fleet to the one server.
    private static func places(_ version: InterfaceVersion?, _ model: String?, _ server: GPUServerID?) -> [Place] {
        var places = [Place()]
        guard let version else { return places }
        places.append(Place(version: version))
        if let model { places.append(Place(version: version, model: model)) }
        if let server { places.append(Place(version: version, model: model, server: server)) }
        return places
    }

    /// Forgets the half that was not used for longest.
    private mutating func forgetOldest() {
        let uses = averages.values.map(\.lastUsed).sorted()
        let oldest = uses[uses.count / 2]
        averages = averages.filter { $0.value.lastUsed > oldest || $0.key.version == nil }
    }
}

extension LadderCosts {
    fileprivate func milliseconds(of step: LadderMeasurements.Step) -> Double {
        switch step {
        case .stage: stageMs
        case .open: openMs
        case .reserve: reserveMs
        }
    }
}
