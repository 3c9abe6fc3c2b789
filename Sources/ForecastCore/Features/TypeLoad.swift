import FleetModel

/// What an application type's instances did together in one second, summed as their observations come in.
struct TypeSecond: Sendable {
    var arrivals: Float = 0
    var busy: Float = 0
    var continued: Float = 0
    /// In raw units.
    var demand: InlineArray<2, Float> = InlineArray(repeating: 0)
    /// In units of each instance's scale.
    var scaled: InlineArray<2, Float> = InlineArray(repeating: 0)
    var squares: InlineArray<2, Float> = InlineArray(repeating: 0)
}

/// The load of one application type: averages per instance over several half-lives, and what they say as features.
///
/// Instances of one type are often driven by one stream of requests: that it swells or has stopped tells of all.
struct TypeLoad: Sendable {
    /// Of arrivals, busy instances, and both demands: half-lives of 1.5, 5, 20, 80 and 600 s, by source × 5 + half-life.
    private var averages: InlineArray<20, Float> = InlineArray(repeating: 0)
    /// Half-life 600 s.
    private var continued: Float = 0
    private var squares: InlineArray<2, Float> = InlineArray(repeating: 0)
    /// Decayed sums of raw demand, and of busy seconds.
    private(set) var demandSums: InlineArray<2, Float> = InlineArray(repeating: 0)
    private(set) var busySeconds: Float = 0
    private var seconds = 0
    /// Seconds since any instance of the type was busy, and since the type began to be.
    private var idle: Float = 0
    private var active: Float = 0
    var second = TypeSecond()
    var members = 0
    /// How far amounts usually wander.
    var wander = InlineArray<2, AmountWander>(repeating: AmountWander())
    /// When what came before was last taken as scaled; forecasts made up to then tell nothing of the models.
    private(set) var rescaledAt: Int64 = .min
    /// The logarithm of the usual share of busy instances.
    private(set) var usualBusy: Float = 0
    private(set) var features: InlineArray<22, Float> = InlineArray(repeating: 0)

    private static let paces: InlineArray<5, Float> = InlineArray { index in
        let lives = [1.5, 5, 20, 80, 600]
        return Float(1 - BinaryPowers.power(-1 / lives[index]))
    }
    private static let kept600 = Float(BinaryPowers.power(-1.0 / 600))

    /// Ends the second that was summed up, and those without any observation before it.
    mutating func advance(by elapsed: Int64) {
        for skipped in (0..<min(elapsed, 64)).reversed() {
            take(skipped == 0 ? second : TypeSecond())
        }
        second = TypeSecond()
        writeFeatures()
    }

    private mutating func take(_ second: TypeSecond) {
        let share = 1 / Float(max(members, 1))
        let sources: InlineArray<4, Float> = [second.arrivals, second.busy, second.scaled[0], second.scaled[1]]
        for source in 0..<4 {
            for life in 0..<5 {
                let index = source * 5 + life
                averages[index] += Self.paces[life] * (sources[source] * share - averages[index])
            }
        }
        continued += Self.paces[4] * (second.continued * share - continued)
        for resource in 0..<2 {
            squares[resource] += Self.paces[4] * (second.squares[resource] * share - squares[resource])
            demandSums[resource] = demandSums[resource] * Self.kept600 + second.demand[resource]
        }
        busySeconds = busySeconds * Self.kept600 + second.busy
        seconds += 1
        if second.busy > 0 || second.arrivals > 0 {
            active = idle > 2 ? 1 : active + 1
            idle = 0
        } else {
            idle += 1
        }
    }

    /// Takes raw demand of more than `seconds` ago as multiplied by `factor`, of which `demandSince` has come since; and
    /// what came since in units of the instances' scales as measured in the new ones.
    mutating func rescale(
        _ resource: Resource, by factor: Float, olderThan seconds: Int, demandSince: Float, at second: Int64
    ) {
        rescaledAt = second
        let source = 2 + resource.rawValue
        for life in 0..<5 {
            let index = source * 5 + life
            // Before the change the averages stood at about the longest.
            let kept = Float(BinaryPowers.power(Double(seconds) * BinaryPowers.logarithm(1 - Double(Self.paces[life]))))
            let before = min(averages[index], averages[source * 5 + 4] * kept)
            averages[index] = min(before + (averages[index] - before) / factor, 1e12)
        }
        let demand = demandSums[resource.rawValue]
        demandSums[resource.rawValue] = min(max(0, demand - demandSince) * factor + min(demandSince, demand), 1e28)
        writeFeatures()
    }

    private mutating func writeFeatures() {
        var index = 0
        let usual = correction(life: 4)
        for source in 0..<4 {
            let long = averages[source * 5 + 4] * usual + 0.003
            for life in 0..<4 {
                let recent = averages[source * 5 + life] * correction(life: life) + 0.003
                features[index] = FloatMath.log(recent / long)
                index += 1
            }
        }
        let busy = averages[9] * usual + 0.003
        usualBusy = FloatMath.log(busy)
        features[16] = usualBusy
        for resource in 0..<2 {
            features[17 + resource] = FeatureVector.squeeze((squares[resource] * usual / busy).squareRoot())
        }
        features[19] = continued * usual / busy
        features[20] = 0.5 * FloatMath.log1p(idle)
        features[21] = 0.5 * FloatMath.log1p(active)
    }

    /// 1 over the share of the average's weight that lies within the seconds known.
    private func correction(life: Int) -> Float {
        guard seconds < 4_800 else { return 1 }
        let kept = BinaryPowers.power(Double(seconds) * BinaryPowers.logarithm(1 - Double(Self.paces[life])))
        return Float(1 / max(1 - kept, 1e-3))
    }

    func encode(to writer: inout SnapshotWriter) {
        writer.put(averages)
        writer.put(continued)
        writer.put(squares)
        writer.put(demandSums)
        writer.put(busySeconds)
        writer.put(UInt32(clamping: seconds))
        writer.put(idle)
        writer.put(active)
    }

    init() {}

    /// A type as it was, without members.
    init(from reader: inout SnapshotReader) throws(SnapshotFailure) {
        averages = try reader.singles(in: 0...1e12)
        continued = try reader.single(in: 0...1e12)
        squares = try reader.singles(in: 0...1e16)
        demandSums = try reader.singles(in: 0...1e28)
        busySeconds = try reader.single(in: 0...1e12)
        seconds = try reader.count(in: 0...Int(UInt32.max))
        idle = try reader.single(in: 0...1e12)
        active = try reader.single(in: 0...1e12)
        writeFeatures()
    }

    /// The usual demand of a busy second, leaning to the fleet's as if that had been seen for 20 s.
    func usualDemand(_ resource: Resource, fleet: Float) -> Float {
        (demandSums[resource.rawValue] + 20 * fleet) / (busySeconds + 20)
    }
}
