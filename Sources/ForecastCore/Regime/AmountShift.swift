/// Whether the instances of a group have all begun to want more, or less, by one factor, and since when.
///
/// What goes in are distances, in bins of the ``DemandGrid`` (a bin is 30 %), of an instance's demand in a second from
/// the mean of what it usually wants. A change is believed when the mean over the last ``tested`` seconds is far from 0
/// against the scatter between instances (Student's t), and most of them have gone most of the way: so neither a few
/// that leap nor a wandering load is taken for one. Its second is the split of the last ``window`` seconds
/// with the least squares (Hinkley, "Inference about the change-point in a sequence of random variables",
/// Biometrika 1970).
struct AmountShift: Sendable {
    /// Seconds that are looked back on.
    static let window = 48
    /// The last of them, over which a change is tested for.
    static let tested = 24
    /// Fewer instances with demand in the tested seconds tell nothing.
    static let leastInstances = 12
    /// The least change, in bins: a factor of 1.7.
    private static let leastBins: Float = 2
    private static let leastStatistic: Float = 4.5
    /// So many of the instances must have gone half the way.
    private static let agreeing: Float = 0.7
    /// A change is believed no sooner than so many seconds after it.
    private static let leastSeconds = 24

    /// A common change of amounts.
    struct Change: Hashable, Sendable {
        /// In bins of the ``DemandGrid``; below 0 for less.
        let bins: Int
        /// How many of the last seconds it has lasted for, 24...48.
        let seconds: Int
    }

    /// Sums of distances and how many there were, by how many seconds ago.
    private var sums: InlineArray<48, Float> = InlineArray(repeating: 0)
    private var counts: InlineArray<48, Float> = InlineArray(repeating: 0)
    /// The mean distance of each instance over the tested seconds.
    private(set) var means: [Float] = []

    /// Takes in one instance; `distances` by how many seconds ago, nil where it had no demand.
    mutating func add(_ distances: InlineArray<48, Float?>) {
        var (sum, count): (Float, Float) = (0, 0)
        for age in 0..<Self.window {
            guard let distance = distances[age] else { continue }
            sums[age] += distance
            counts[age] += 1
            guard age < Self.tested else { continue }
            sum += distance
            count += 1
        }
        if count > 0 { means.append(sum / count) }
    }

    mutating func add(_ other: AmountShift) {
        for age in 0..<Self.window {
            sums[age] += other.sums[age]
            counts[age] += other.counts[age]
        }
        means += other.means
    }

    /// The change that the group has gone through, if it has; `wander` is what its mean usually does, and learns from
    /// this. O(instances + window).
    func change(against wander: inout AmountWander) -> Change? {
        let count = Float(means.count)
        guard means.count >= Self.leastInstances else { return nil }
        let mean = means.reduce(0, +) / count
        let isUnusual = wander.isUnusual(mean)
        wander.note(mean)
        guard isUnusual, mean.magnitude >= Self.leastBins else { return nil }
        let variance = means.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)
        guard mean * mean * count >= Self.leastStatistic * Self.leastStatistic * variance else { return nil }
        let halfway = mean.magnitude / 2
        let followed = means.count { mean > 0 ? $0 > halfway : $0 < -halfway }
        guard Float(followed) >= Self.agreeing * count else { return nil }
        return split()
    }

    /// Splits the window in two where the squares of the distances from both means are least.
    private func split() -> Change? {
        let (all, total) = (0..<Self.window).reduce((Float(0), Float(0))) { ($0.0 + sums[$1], $0.1 + counts[$1]) }
        var (sum, count): (Float, Float) = (0, 0)
        var best: (gain: Float, seconds: Int, mean: Float)?
        for age in 0..<Self.window {
            sum += sums[age]
            count += counts[age]
            guard count > 0 else { continue }
            // What the squares fall by.
            let older = total - count
            let gain = sum * sum / count + (older > 0 ? (all - sum) * (all - sum) / older : 0)
            if gain > best?.gain ?? 0 { best = (gain, age + 1, sum / count) }
        }
        guard let best, best.seconds >= Self.leastSeconds, best.mean.magnitude >= Self.leastBins else { return nil }
        return Change(bins: Int(best.mean.rounded()), seconds: best.seconds)
    }
}

/// How far the mean demand of a group of instances usually wanders from what they usually want: where one stream of
/// requests drives them all, amounts swell and shrink with it for a while, which is no change for good.
struct AmountWander: Sendable {
    /// Of looks every 4 s, a half-life of 600 s.
    private static let pace: Float = 0.0046
    /// So many times as far as usual is unusual.
    private static let unusual: Float = 3
    /// Looks that what is taken for usual before anything was seen is worth.
    private static let priorLooks: Float = 16
    /// In squared bins.
    private var meanSquare: Float = 2
    private var looks: Float = 0

    func isUnusual(_ mean: Float) -> Bool { mean * mean > Self.unusual * Self.unusual * meanSquare }

    /// Takes in a mean; one that is unusual counts as if it just were.
    mutating func note(_ mean: Float) {
        let square = min(mean * mean, Self.unusual * Self.unusual * meanSquare)
        looks += 1
        meanSquare += max(Self.pace, 1 / (looks + Self.priorLooks)) * (square - meanSquare)
    }
}
