/// The two resources of a virtual GPU for which demand is forecast.
package enum Resource: Int, Hashable, Sendable, Codable, CaseIterable {
    /// GPU memory in bytes.
    case memory
    /// GPU compute in thousandths of a device.
    case compute
}

/// What a quantile is a quantile of.
package enum ForecastTarget: Int, Hashable, Sendable, Codable, CaseIterable {
    /// The value at `t + h`.
    case point
    /// The greatest value over `(t, t + h]`.
    case peak
}

/// How far ahead forecasts look: three times, whose seconds ``ForecastHorizons`` tells.
package enum ForecastHorizon: Int, Hashable, Sendable, Codable, CaseIterable, Comparable {
    case short
    case medium
    case long

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// The levels at which quantiles are forecast.
package enum QuantileLevels {
    /// 13 levels, ascending.
    package static let all: [Double] = [
        0.025, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975, 0.99,
    ]
    package static let count = 13
    /// The index of the level 0.5.
    package static let median = 5
}

/// Quantiles of one demand: 13 values for ``QuantileLevels/all``, ascending and not below 0.
package struct QuantileCurve: Sendable {
    /// Kept in single precision, inline: a forecast of 12 curves is 624 bytes and no allocation.
    package private(set) var values: InlineArray<13, Float>

    /// The curve through the values that `valueAtLevel` gives for indices 0 to 12 of ``QuantileLevels/all``, made
    /// valid: not a number and below 0 become 0, and a value below its predecessor becomes its predecessor.
    package init(_ valueAtLevel: (Int) -> Double) {
        values = InlineArray(repeating: 0)
        var floor: Float = 0
        for index in 0..<QuantileLevels.count {
            let value = Float(valueAtLevel(index))
            if value.isFinite, value > floor { floor = value }
            values[index] = floor
        }
    }

    /// The curve through `values`, made valid as by ``init(_:)``.
    package init(_ values: InlineArray<13, Float>) {
        self.values = values
        write { _ in }
    }

    /// Replaces the 13 values by what `fill` writes, made valid as by ``init(_:)``, where they stand.
    package mutating func write(_ fill: (UnsafeMutablePointer<Float>) -> Void) {
        withUnsafeMutableBytes(of: &values) { bytes in
            guard let values = bytes.assumingMemoryBound(to: Float.self).baseAddress else { return }
            fill(values)
            var floor: Float = 0
            for index in 0..<QuantileLevels.count {
                if values[index] > floor, values[index] < .infinity { floor = values[index] }
                values[index] = floor
            }
        }
    }

    package static let zero = QuantileCurve(InlineArray(repeating: 0))

    package subscript(index: Int) -> Double { Double(values[index]) }

    package var median: Double { self[QuantileLevels.median] }

    /// The value at `level`, interpolated linearly between the levels on either side, and clamped to the outermost.
    package func value(at level: Double) -> Double {
        let levels = QuantileLevels.all
        guard level > levels[0] else { return self[0] }
        for index in 1..<levels.count where level <= levels[index] {
            let share = (level - levels[index - 1]) / (levels[index] - levels[index - 1])
            return self[index - 1] + share * (self[index] - self[index - 1])
        }
        return self[levels.count - 1]
    }
}

extension QuantileCurve: Hashable {
    package static func == (left: Self, right: Self) -> Bool {
        left.values.indices.allSatisfy { left.values[$0] == right.values[$0] }
    }

    package func hash(into hasher: inout Hasher) {
        for index in values.indices { hasher.combine(values[index]) }
    }
}

/// What is expected of one instance, made at one time: 12 curves (resource × target × horizon), and for each horizon
/// the probabilities that demand begins and that it ends within it.
package struct DemandForecast: Sendable {
    package var madeAt: MonotonicTime
    /// How far ahead it looks.
    package var horizons: ForecastHorizons
    /// Indexed by ``curveIndex(_:_:_:)``.
    package var curves: InlineArray<12, QuantileCurve>
    /// For each horizon, the probability that GPU demand is above 0 at some time within it, 0 to 1: for an idle
    /// instance, that demand begins. It does not fall with the horizon.
    package var onset: InlineArray<3, Float>
    /// For each horizon, the probability that the burst under way ends, 0 to 1: that within it there is no demand for as
    /// many seconds in a row as part two bursts (2), whether it begins again or not. It does not fall with the horizon,
    /// and is 0 in a second without demand, when there is nothing to end.
    package var ending: InlineArray<3, Float>

    package static let curveCount = 12

    /// No demand at any horizon.
    package init(madeAt: MonotonicTime, horizons: ForecastHorizons = .standard) {
        self.madeAt = madeAt
        self.horizons = horizons
        curves = InlineArray(repeating: .zero)
        onset = InlineArray(repeating: 0)
        ending = InlineArray(repeating: 0)
    }

    package static func curveIndex(
        _ resource: Resource, _ target: ForecastTarget, _ horizon: ForecastHorizon
    ) -> Int {
        (resource.rawValue * 2 + target.rawValue) * 3 + horizon.rawValue
    }

    package func curve(_ resource: Resource, _ target: ForecastTarget, _ horizon: ForecastHorizon) -> QuantileCurve {
        curves[Self.curveIndex(resource, target, horizon)]
    }

    package func onsetProbability(within horizon: ForecastHorizon) -> Double { Double(onset[horizon.rawValue]) }

    package func endingProbability(within horizon: ForecastHorizon) -> Double { Double(ending[horizon.rawValue]) }
}

/// What one instance did of late, second by second.
package struct DemandCourse: Hashable, Sendable {
    /// The most seconds that are shown.
    package static let length = 60

    /// Oldest first, at most ``length`` and equally many: bytes, and thousandths of a device.
    package var memory: [Float]
    package var compute: [Float]

    package init(memory: [Float] = [], compute: [Float] = []) {
        self.memory = memory
        self.compute = compute
    }

    package subscript(resource: Resource) -> [Float] {
        switch resource {
        case .memory: memory
        case .compute: compute
        }
    }
}

/// What was said of one second ``ForecastHorizon/short`` before it.
package struct PastForecast: Hashable, Sendable {
    /// No more of them are kept of an instance: as far back as there is a course to compare with, and as far as there
    /// is something to come, whatever the horizons.
    package static let greatestCount = DemandCourse.length + ForecastHorizons.range.upperBound

    /// The second that it is about.
    package var second: Int64
    /// Quantiles of the value in that second.
    package var memory: QuantileCurve
    package var compute: QuantileCurve

    package init(second: Int64, memory: QuantileCurve, compute: QuantileCurve) {
        self.second = second
        self.memory = memory
        self.compute = compute
    }

    package subscript(resource: Resource) -> QuantileCurve {
        switch resource {
        case .memory: memory
        case .compute: compute
        }
    }
}

/// What one instance did in one whole second, as the profiler hands it to the forecaster: cleaned, on the manager's
/// clock, one per instance and second.
package struct LoadObservation: Hashable, Sendable {
    /// The second on the manager's clock that this describes.
    package var second: Int64
    /// GPU memory in use, bytes: the greatest within the second.
    package var gpuMemory: Double
    /// GPU compute used, thousandths of a device: the mean over the second.
    package var gpuCompute: Double
    /// CPU used, thousandths of a core; nil where nothing was reported.
    package var cpuMilli: Double?
    /// Host memory held, bytes.
    package var hostMemory: Double?
    /// Bytes received per second.
    package var networkIn: Double?
    /// Bytes sent per second.
    package var networkOut: Double?
    /// Requests in flight where reported; in traces, arrivals in the second.
    package var workInFlight: Double?
    /// Seconds since the user last did something, the least in the second; nil where that is not watched.
    package var userIdleSeconds: Double?

    package init(
        second: Int64, gpuMemory: Double, gpuCompute: Double, cpuMilli: Double? = nil, hostMemory: Double? = nil,
        networkIn: Double? = nil, networkOut: Double? = nil, workInFlight: Double? = nil,
        userIdleSeconds: Double? = nil
    ) {
        self.second = second
        self.gpuMemory = gpuMemory
        self.gpuCompute = gpuCompute
        self.cpuMilli = cpuMilli
        self.hostMemory = hostMemory
        self.networkIn = networkIn
        self.networkOut = networkOut
        self.workInFlight = workInFlight
        self.userIdleSeconds = userIdleSeconds
    }

    /// Whether the GPU was used in this second.
    package var hasDemand: Bool { gpuMemory > 0 || gpuCompute > 0 }

    /// Demand of one resource, in that resource's unit.
    package func demand(_ resource: Resource) -> Double {
        switch resource {
        case .memory: gpuMemory
        case .compute: gpuCompute
        }
    }
}
