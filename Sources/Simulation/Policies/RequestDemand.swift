import Determinism
package import FleetModel

/// One request to a service of language models.
package struct ServiceRequest: Hashable, Sendable {
    /// Arrival, seconds from the trace's first second.
    package var arrival: Double
    /// Tokens of the prompt.
    package var contextTokens: Int
    /// Tokens of the answer.
    package var generatedTokens: Int
    /// Index of the instance that serves it.
    package var instance: Int

    package init(arrival: Double, contextTokens: Int, generatedTokens: Int, instance: Int) {
        self.arrival = arrival
        self.contextTokens = contextTokens
        self.generatedTokens = generatedTokens
        self.instance = instance
    }
}

/// What requests ask of a GPU, by the formula of the recorded panels: the prompt takes 0.1 ms per token of a whole device,
/// then the answer 25 ms per token of 1/32 of one; memory is 131,072 bytes per token of the prompt and per token
/// generated so far, in each second that the request touches.
package struct RequestDemand: Sendable {
    package static let prefillSecondsPerToken = 0.0001
    package static let decodeSecondsPerToken = 0.025
    package static let decodeShare = 1_000.0 / 32
    package static let bytesPerToken = 131_072.0
    /// A request that would take longer counts as this long, seconds.
    package static let longest = 3_600.0

    private var cells: [Int: (memory: Double, compute: Double, arrivals: Double, offset: Double)] = [:]
    private let instances: Int
    private var length = 0

    package init(instances: Int) { self.instances = instances }

    /// O(seconds that the request touches)
    package mutating func add(_ request: ServiceRequest) {
        let prefill = Double(request.contextTokens) * Self.prefillSecondsPerToken
        let began = request.arrival
        let decodes = began + prefill
        let ended = min(decodes + Double(request.generatedTokens) * Self.decodeSecondsPerToken, began + Self.longest)
        for second in Int(began)...max(Int(began), Int(ended.rounded(.up)) - 1) {
            let from = max(Double(second), began)
            let to = min(Double(second + 1), ended)
            let inPrefill = max(0, min(to, decodes) - from)
            let inDecode = max(0, to - max(from, decodes))
            let generated = min(
                max(0, to - decodes) / Self.decodeSecondsPerToken, Double(request.generatedTokens))
            let key = second * instances + request.instance
            var cell = cells[key] ?? (0, 0, 0, 1)
            cell.memory += (Double(request.contextTokens) + (generated + 1e-6).rounded(.down)) * Self.bytesPerToken
            cell.compute += inPrefill * 1_000 + inDecode * Self.decodeShare
            if second == Int(began) { cell.arrivals += 1 }
            cell.offset = min(cell.offset, from - Double(second))
            cells[key] = cell
            length = max(length, second + 1)
        }
    }

    /// All that was added, as a trace.
    package func trace(name: String, instances descriptions: [InstanceDescription]) -> DemandTrace {
        let entries = cells.map { key, cell in
            let second = key / instances
            return DemandTrace.Entry(
                second: second, instance: key % instances,
                load: LoadObservation(
                    second: Int64(second), gpuMemory: cell.memory, gpuCompute: cell.compute,
                    workInFlight: cell.arrivals),
                offset: cell.offset)
        }
        return DemandTrace(name: name, instances: descriptions, length: length, entries: entries)
    }
}

/// Deals requests to instances at random, each instance's share in proportion to its weight.
package struct WeightedDealer: Sendable {
    private let cumulative: [Double]
    private var generator: SeededGenerator

    /// - Parameter weights: of each instance, 0 or more; at least one above 0.
    package init(weights: [Double], seed: UInt64) {
        var sum = 0.0
        cumulative = weights.map { weight in
            sum += weight
            return sum
        }
        precondition(sum > 0, "requests are dealt to nobody")
        generator = SeededGenerator(seed: seed)
    }

    /// The instance of the next request. O(log instances)
    package mutating func deal() -> Int {
        let drawn = generator.unit() * (cumulative.last ?? 1)
        var low = 0
        var high = cumulative.count - 1
        while low < high {
            let middle = (low + high) / 2
            if cumulative[middle] > drawn { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
