import FleetModel

/// Decaying averages of one instance, one number each: 68 bytes, untouched while the instance is idle.
struct LoadAverages: Sendable {
    /// What is averaged, and over which half-life in seconds.
    enum Average: Int, CaseIterable {
        case memory30, memory120, memory600
        case compute30, compute120, compute600
        case busy10, busy60, busy300, busy1200
        case arrivals10, arrivals60, arrivals300
        case memorySquare600, computeSquare600
        case continued600, busy600

        var halfLife: Int {
            switch self {
            case .busy10, .arrivals10: 10
            case .memory30, .compute30: 30
            case .busy60, .arrivals60: 60
            case .memory120, .compute120: 120
            case .busy300, .arrivals300: 300
            case .busy1200: 1_200
            default: 600
            }
        }
    }

    static let count = 17
    /// The scale of a resource that is not wanted.
    static let leastScale: Float = 1e-6

    /// As they were at `updated`, without correction for the time before the instance was known.
    private(set) var values: InlineArray<17, Float> = InlineArray(repeating: 0)
    private var updated: Int64
    private(set) var arrivals: InlineArray<8, Float> = InlineArray(repeating: 0)
    private var lastArrival: Int64 = .min

    init(before second: Int64) { updated = second - 1 }

    /// Takes in one second; those between the last one taken in and this had nothing.
    mutating func observe(
        _ load: InlineArray<2, Double>, arrivals: Float, isBusy: Bool, wasBusy: Bool, at second: Int64,
        decay: DecayTable
    ) {
        let (memory, compute) = (Float(load[0]), Float(load[1]))
        let busy: Float = isBusy ? 1 : 0
        let continued: Float = isBusy && wasBusy ? 1 : 0
        let current: InlineArray<17, Float> = [
            memory, memory, memory, compute, compute, compute, busy, busy, busy, busy, arrivals, arrivals, arrivals,
            memory * memory, compute * compute, continued, busy,
        ]
        let elapsed = second - updated
        if elapsed == 1 {
            for index in 0..<Self.count {
                values[index] += decay.pace[index] * (current[index] - values[index])
            }
        } else {
            for index in 0..<Self.count {
                values[index] = values[index] * decay.kept(index, after: elapsed) + decay.pace[index] * current[index]
            }
        }
        updated = second
        note(arrivals, at: second)
    }

    private mutating func note(_ count: Float, at second: Int64) {
        if lastArrival != .min {
            for skipped in 1..<max(1, min(second - lastArrival, 8)) { arrivals[Self.place(second - skipped)] = 0 }
        }
        arrivals[Self.place(second)] = count
        lastArrival = second
    }

    /// Arrivals (or work in flight) in one of the last 8 seconds.
    func arrivals(at second: Int64) -> Float {
        second <= lastArrival && second > lastArrival - 8 ? arrivals[Self.place(second)] : 0
    }

    private static func place(_ second: Int64) -> Int { Int(truncatingIfNeeded: second) & 7 }

    /// An average as it is at `second`, as if the instance had always been as it was since it is known.
    func value(_ average: Average, at second: Int64, known seconds: Int64, decay: DecayTable) -> Float {
        let index = average.rawValue
        return raw(average, at: second, decay: decay) * decay.correction(index, after: seconds)
    }

    /// An average as it is at `second`, uncorrected.
    func raw(_ average: Average, at second: Int64, decay: DecayTable) -> Float {
        let index = average.rawValue
        return second == updated ? values[index] : values[index] * decay.kept(index, after: second - updated)
    }

    func encode(to writer: inout SnapshotWriter) {
        writer.put(second: updated)
        writer.put(values)
        writer.put(second: lastArrival == .min ? nil : lastArrival)
        writer.put(sparse: arrivals)
    }

    init(from reader: inout SnapshotReader) throws(SnapshotFailure) {
        updated = try reader.second(upTo: reader.newest)
        // The squares of demand are the greatest.
        values = try reader.singles(in: 0...2e30)
        lastArrival = try reader.secondIfAny(upTo: reader.newest) ?? .min
        arrivals = try reader.sparseSingles(in: 0...1e6)
    }

    /// Multiplies what the averages of a resource hold from before the seconds in `since`.
    mutating func rescale(_ resource: Resource, by factor: Float, since: LoadSince, decay: DecayTable) {
        let means: [3 of Average] =
            resource == .memory ? [.memory30, .memory120, .memory600] : [.compute30, .compute120, .compute600]
        for index in means.indices { rescale(means[index], by: factor, since: since, decay: decay) { $0 } }
        let square: Average = resource == .memory ? .memorySquare600 : .computeSquare600
        rescale(square, by: factor * factor, since: since, decay: decay) { $0 * $0 }
    }

    private mutating func rescale(
        _ average: Average, by factor: Float, since: LoadSince, decay: DecayTable, _ counted: (Float) -> Float
    ) {
        let index = average.rawValue
        var kept: Float = 0
        for (second, load) in since.seconds {
            kept += decay.pace[index] * counted(load) * decay.kept(index, after: updated - second)
        }
        values[index] = min(max(0, values[index] - kept) * factor + kept, 2e30)
    }

    /// The mean demand while there is any, leaning to `usual` as if that had been seen for 200 s; above 0.
    func scale(_ resource: Resource, usual: Float, at second: Int64, decay: DecayTable) -> Float {
        let sum = raw(resource == .memory ? .memory600 : .compute600, at: second, decay: decay)
        let busy = raw(.busy600, at: second, decay: decay)
        let seconds = decay.secondsPerUnit600
        return max((sum * seconds + 200 * usual) / (busy * seconds + 200), Self.leastScale)
    }
}

/// Powers of the retentions of all half-lives, looked up instead of computed.
struct DecayTable: Sendable {
    static let shared = DecayTable()

    /// How much a new second counts.
    let pace: InlineArray<17, Float>
    /// What a unit of an average with a half-life of 600 s stands for, in seconds.
    let secondsPerUnit600: Float
    /// Of all half-lives one after the other, by seconds.
    private var powers: [Float] = []
    private var corrections: [Float] = []
    /// Where a half-life's powers begin, and how many there are.
    private let first: InlineArray<17, Int32>
    private let length: InlineArray<17, Int32>

    private init() {
        let lives = LoadAverages.Average.allCases.map(\.halfLife)
        let distinct = Array(Set(lives)).sorted()
        pace = InlineArray { Float(1 - BinaryPowers.power(-1 / Double(lives[$0]))) }
        secondsPerUnit600 = Float(1 / (1 - BinaryPowers.power(-1.0 / 600)))
        first = InlineArray { index in
            Int32(distinct.prefix { $0 < lives[index] }.reduce(0) { $0 + $1 * 8 + 1 })
        }
        length = InlineArray { Int32(lives[$0] * 8 + 1) }
        for life in distinct {
            for second in 0...(life * 8) {
                let power = BinaryPowers.power(-Double(second) / Double(life))
                powers.append(Float(power))
                corrections.append(Float(1 / max(1 - power, 1e-3)))
            }
        }
    }

    /// What remains of an average after `seconds`; under 1/256 of it counts as nothing.
    @inline(__always)
    func kept(_ index: Int, after seconds: Int64) -> Float {
        seconds >= 0 && seconds < Int64(length[index]) ? powers[Int(first[index]) + Int(seconds)] : 0
    }

    @inline(__always)
    func correction(_ index: Int, after seconds: Int64) -> Float {
        seconds >= 1 && seconds < Int64(length[index]) ? corrections[Int(first[index]) + Int(seconds)] : 1
    }
}
