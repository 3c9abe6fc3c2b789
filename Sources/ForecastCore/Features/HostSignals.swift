import FleetModel

/// What the host tells of one instance beside its use of the GPU: CPU, memory, and network each way, against what is
/// usual for it, and the user's idle time. 56 bytes.
///
/// A signal counts by its logarithm, so that twice the usual is as far from it whatever the unit. A signal that was
/// never reported, or not in the last second, is as usual.
struct HostSignals: Sendable {
    /// Of a feature row: now and lately for each signal, then user activity and whether it is known.
    static let featureCount = 11

    /// Below these a signal is idle chatter: thousandths of a core, bytes, and bytes per second.
    static let cpuFloor: Float = 25
    private static let memoryFloor: Float = 16_777_216
    static let networkFloor: Float = 16_384
    private static let floors: InlineArray<4, Float> = [cpuFloor, memoryFloor, networkFloor, networkFloor]
    /// Half-lives of 2 and 120 s.
    private static let recentPace = Float(1 - BinaryPowers.power(-1.0 / 2))
    private static let usualPace = Float(1 - BinaryPowers.power(-1.0 / 120))

    /// CPU, memory, network in, network out. Logarithms of signal + floor; ``usual`` is not a number until the first
    /// report.
    private var now: InlineArray<4, Float> = InlineArray(repeating: 0)
    private var recent: InlineArray<4, Float> = InlineArray(repeating: 0)
    private var usual: InlineArray<4, Float> = InlineArray(repeating: .nan)
    /// Seconds; below 0 where that is not watched.
    private var userIdle: Float = -1

    /// Whether any of the four was ever reported.
    private(set) var isReported = false

    mutating func observe(_ observation: LoadObservation) {
        take(observation.cpuMilli, 0)
        take(observation.hostMemory, 1)
        take(observation.networkIn, 2)
        take(observation.networkOut, 3)
        userIdle = observation.userIdleSeconds.map { $0 >= 0 ? Float(min($0, 1e6)) : -1 } ?? -1
    }

    private mutating func take(_ signal: Double?, _ index: Int) {
        guard let signal, signal.isFinite else {
            now[index] = usual[index].isNaN ? 0 : usual[index]
            return
        }
        isReported = true
        let level = FloatMath.log(Float(min(max(signal, 0), 1e15)) + Self.floors[index])
        now[index] = level
        guard !usual[index].isNaN else {
            usual[index] = level
            recent[index] = level
            return
        }
        recent[index] += Self.recentPace * (level - recent[index])
        usual[index] += Self.usualPace * (level - usual[index])
    }

    /// Writes ``featureCount`` features.
    func write(to writer: inout FeatureWriter) {
        for index in now.indices {
            let isKnown = !usual[index].isNaN
            writer.put(isKnown ? now[index] - usual[index] : 0)
            writer.put(isKnown ? recent[index] - usual[index] : 0)
        }
        let isWatched = userIdle >= 0
        writer.put(isWatched ? 1 / (1 + 0.2 * userIdle) : 0)
        writer.put(isWatched ? 0.25 * FloatMath.log1p(userIdle) : 0)
        writer.put(isWatched ? 1 : 0)
    }
}

// MARK: - Snapshots

extension HostSignals {
    /// Levels of signals: logarithms of what is at most 10^15.
    private static let levels: ClosedRange<Float> = 0...40

    func encode(to writer: inout SnapshotWriter) {
        writer.put(isReported ? 1 : 0 as UInt8)
        for index in now.indices {
            writer.put(usual[index].isNaN ? 1 : 0 as UInt8)
            guard !usual[index].isNaN else { continue }
            writer.put(now[index])
            writer.put(recent[index])
            writer.put(usual[index])
        }
        writer.put(userIdle)
    }

    init(from reader: inout SnapshotReader) throws(SnapshotFailure) {
        isReported = try reader.number(UInt8.self) != 0
        for index in now.indices where try reader.number(UInt8.self) == 0 {
            now[index] = try reader.single(in: Self.levels)
            recent[index] = try reader.single(in: Self.levels)
            usual[index] = try reader.single(in: Self.levels)
        }
        userIdle = try reader.single(in: -1...1e6)
    }
}
