import Determinism
import FleetModel

/// Keeps the networks up to date while they serve: every few seconds a small step, half on what has just come true, half
/// on what is remembered.
///
/// A network frozen after its training fails when the level of the load moves. What learns (the *challenger*) is not
/// what serves (the *champion*). Every step both are judged by what has come true since the last, before anything is
/// learned from it: a challenger that was no worse takes the champion's place; one that was worse
/// ``Rules/patience`` times in a row is set back to the champion; and a champion that does worse than the one before it
/// in the first judgement after the change gives its place back.
package struct NetworkLearner: Sendable {
    package struct Rules: Hashable, Sendable {
        /// Seconds between steps.
        package var every: Int64 = 4
        /// Examples of a step at most; a small fleet's is smaller, four for each that has come true since the last.
        package var batch = 512
        package var leastBatch = 64
        package var rate: Float = 5e-4
        /// Steps until the rate is full.
        package var warmUp = 20
        /// Examples that count as recent; about 300 s of 64 instances.
        package var recent = 16_384
        package var remembered = 16_384
        /// Examples that a judgement looks at, at most, and at least.
        package var judged = 256
        package var leastJudged = 32
        package var patience = 4

        package init() {}
    }

    /// One network's champion, challenger, and how they fare.
    private struct Seat: Sendable {
        var champion: QuantileNetwork
        var challenger: QuantileNetwork
        /// The champion before this one, until the first judgement after the change.
        var former: QuantileNetwork?
        var optimizer = NetworkOptimizer()
        var defeats = 0

        init(_ network: QuantileNetwork) {
            champion = network
            challenger = network
        }

        mutating func learn(from batch: TrainingBatch, rate: Float, using algebra: some LinearAlgebra) {
            _ = optimizer.step(&challenger, on: batch, rate: rate, using: algebra)
        }
    }

    /// A part of a step: of one network, by the place of its seat.
    private enum Part: Sendable {
        case judgement(Int)
        case learning(Int)
    }

    private let rules: Rules
    private let learns: Bool
    private let algebra: any LinearAlgebra
    private var seats: [Seat]
    /// What is left of the step that was begun, the next part last.
    private var due: [Part] = []
    private var units = InlineArray<12, Float>(repeating: 0)
    private var stepsDone = 0
    private var takenSinceStep = 0
    private var batchSize = 0
    private(set) var promotions = 0
    private(set) var rollbacks = 0
    private var recent: ExampleStore
    private var remembered: ExampleStore
    /// All examples since recording began; nil where nobody trains on them.
    var record: ExampleStore?
    /// What came true since the last step: features, outcomes and scales as they are judged by.
    private var fresh: ExampleStore
    private var batch = TrainingBatch()
    private var judge = NetworkOptimizer()
    private var random = SeededGenerator(seed: 0x5EED)

    init(networks: [QuantileNetwork], rules: Rules = Rules(), learns: Bool, algebra: any LinearAlgebra) {
        self.rules = rules
        self.learns = learns
        self.algebra = algebra
        seats = networks.map(Seat.init)
        recent = ExampleStore(capacity: rules.recent, replacement: .oldest)
        remembered = ExampleStore(capacity: rules.remembered, replacement: .random)
        fresh = ExampleStore(capacity: rules.judged, replacement: .random)
    }

    var count: Int { seats.count }

    /// The network that serves in a seat.
    func champion(_ index: Int) -> QuantileNetwork { seats[index].champion }

    var champions: [QuantileNetwork] { seats.map(\.champion) }

    /// Lets freshly trained networks challenge those in service, and go on learning from there.
    mutating func propose(_ networks: [QuantileNetwork]) {
        for (index, network) in networks.enumerated() where index < seats.count {
            let champion = seats[index].champion
            guard network.hidden == champion.hidden, network.ignored == champion.ignored else { continue }
            seats[index].challenger = network
            seats[index].optimizer = NetworkOptimizer()
            seats[index].defeats = 0
        }
        stepsDone = 0
    }

    /// Puts networks into service that were in service before, where they have the shape of the seat's.
    mutating func restore(_ networks: [QuantileNetwork]) {
        for (index, network) in networks.enumerated() where index < seats.count {
            let champion = seats[index].champion
            if network.hidden == champion.hidden, network.ignored == champion.ignored { seats[index] = Seat(network) }
        }
    }

    /// Remembers a forecast all of whose outcomes are known.
    mutating func take(_ kept: PendingSecond, _ index: Int) {
        guard learns || record != nil else { return }
        let forecast = kept.forecasts[index]
        let first = index * FeatureVector.count
        let row = kept.features[first..<(first + FeatureVector.count)]
        func add(to store: inout ExampleStore) {
            store.add(
                features: row, outcomes: forecast.outcomes, scales: forecast.scales, share: forecast.share,
                random: &random)
        }
        record.mutate { add(to: &$0) }
        guard learns else { return }
        takenSinceStep += 1
        add(to: &recent)
        add(to: &remembered)
        add(to: &fresh)
    }

    /// Lets a second pass, and begins a step when one is due. `units` make the losses of curves comparable.
    mutating func step(at second: Int64, units: InlineArray<12, Float>) {
        guard learns, !seats.isEmpty, second % rules.every == 0, recent.count >= rules.leastBatch else {
            return
        }
        goOn(parts: .max)
        self.units = units
        due = seats.indices.reversed().map { .learning($0) }
        if fresh.count >= rules.leastJudged { due += seats.indices.reversed().map { .judgement($0) } }
        stepsDone += 1
    }

    /// Goes on with the step that was begun. O((batch + judged) × parameters) for a part
    mutating func goOn(parts: Int) {
        var done = 0
        while done < parts, let part = due.popLast() {
            done += 1
            switch part {
            case .judgement(let seat):
                if seat == 0 { takeFresh() }
                judge(seat)
            case .learning(let seat):
                fillBatch(examples(for: seat))
                let rate = rules.rate * min(1, Float(stepsDone) / Float(rules.warmUp))
                seats[seat].learn(from: batch, rate: rate, using: algebra)
            }
        }
    }

    /// How many examples a step is made of: the same for all seats.
    private mutating func examples(for seat: Int) -> Int {
        if seat == 0 {
            batchSize = min(rules.batch, max(rules.leastBatch, 4 * takenSinceStep))
            takenSinceStep = 0
        }
        return batchSize
    }

    private mutating func takeFresh() {
        batch.removeAll()
        for index in 0..<fresh.count { batch.append(fresh, index, units: units) }
        fresh.removeAll()
    }

    private mutating func judge(_ index: Int) {
        let champion = judge.loss(seats[index].champion, on: batch, using: algebra)
        if let former = seats[index].former {
            seats[index].former = nil
            if judge.loss(former, on: batch, using: algebra) < champion * 0.98 {
                seats[index].champion = former
                rollbacks += 1
                return
            }
        }
        let challenger = judge.loss(seats[index].challenger, on: batch, using: algebra)
        if challenger <= champion {
            seats[index].former = seats[index].champion
            seats[index].champion = seats[index].challenger
            seats[index].defeats = 0
            promotions += 1
        } else {
            seats[index].defeats += 1
            if seats[index].defeats >= rules.patience || !challenger.isFinite { setBack(index) }
        }
    }

    private mutating func setBack(_ index: Int) {
        seats[index].challenger = seats[index].champion
        seats[index].optimizer = NetworkOptimizer()
        seats[index].defeats = 0
        rollbacks += 1
    }

    private mutating func fillBatch(_ count: Int) {
        batch.removeAll()
        for index in 0..<count {
            if index % 2 == 0 {
                batch.append(recent, Int(random.below(UInt64(recent.count))), units: units)
            } else {
                batch.append(remembered, Int(random.below(UInt64(remembered.count))), units: units)
            }
        }
    }
}

extension Optional {
    /// Changes what is there, if anything, in place.
    fileprivate mutating func mutate(_ change: (inout Wrapped) -> Void) {
        guard var value = self else { return }
        self = nil
        change(&value)
        self = value
    }
}
