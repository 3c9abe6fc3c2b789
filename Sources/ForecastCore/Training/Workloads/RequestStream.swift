import Determinism

/// The rate at which requests reach a service: drifting, at times in steps, at times not at all.
struct RequestStream: Sendable {
    /// Requests per second, each second.
    let rates: [Double]
    /// How long a user stays with an instance, seconds; nil where each request goes anywhere.
    let sessionSeconds: Double?
    let sessions: Int

    init(seconds: Int, mean: Double, random: inout SeededGenerator) {
        let drift = random.flip(0.7) ? random.draw(0.05...0.5) : 0
        let driftSeconds = random.drawLogarithmic(60...900)
        let scatter = random.flip(0.5) ? random.drawLogarithmic(0.5...8) : 0
        var gate = Gate(random: &random)
        var level = 1.0
        var wander = 0.0
        let trend = random.flip(0.3) ? random.draw(-0.8...0.8) / Double(seconds) : 0
        rates = (0..<seconds).map { second in
            wander += -wander / driftSeconds + drift * (2 / driftSeconds).squareRoot() * random.drawNormal()
            if random.flip(1.0 / 800) { level *= random.drawLogarithmic(0.35...2.8) }
            level = min(max(level, 0.1), 6)
            guard gate.isOpen(&random) else { return 0 }
            // A gamma distribution's place is taken by an exponential raised to the scatter wanted.
            let burst = scatter > 0 ? random.drawExponential(mean: 1) * (1 - 1 / (1 + scatter)) + 1 / (1 + scatter) : 1
            return mean * level * burst * BinaryPowers.power(wander * 1.4427 + trend * Double(second))
        }
        sessionSeconds = random.flip(0.55) ? random.drawLogarithmic(6...80) : nil
        sessions = 1 + Int(random.below(10))
    }

    /// A stream that stops for a while, and comes back.
    private struct Gate {
        private let open: Double
        private let shut: Double
        private let isGated: Bool
        private var remaining: Double
        private var isOpen = true

        init(random: inout SeededGenerator) {
            isGated = random.flip(0.45)
            open = random.drawLogarithmic(6...120)
            shut = random.drawLogarithmic(6...150)
            remaining = random.drawExponential(mean: open)
        }

        mutating func isOpen(_ random: inout SeededGenerator) -> Bool {
            guard isGated else { return true }
            remaining -= 1
            if remaining <= 0 {
                isOpen.toggle()
                remaining = random.drawLogNormal(median: isOpen ? open : shut, spread: 0.8)
            }
            return isOpen
        }
    }

    /// Deals the requests of the stream to `instances`, by popularity (Zipf), and has them served.
    func serve(instances: Int, seconds: Int, random: inout SeededGenerator) -> [SyntheticSeries] {
        var series = [SyntheticSeries](repeating: SyntheticSeries(seconds: seconds), count: instances)
        var shape = RequestShape(random: &random)
        let exponent = random.draw(0.4...1.3)
        var cumulated: [Double] = []
        for rank in 1...instances {
            let weight = BinaryPowers.power(-exponent * BinaryPowers.logarithm(Double(rank)))
            cumulated.append((cumulated.last ?? 0) + weight)
        }
        func anyInstance() -> Int {
            let wanted = random.unit() * (cumulated.last ?? 1)
            return cumulated.firstIndex { $0 > wanted } ?? 0
        }
        var places = (0..<sessions).map { _ in (instance: 0, until: 0.0) }
        for second in 0..<seconds {
            for _ in 0..<random.drawPoisson(mean: rates[second]) {
                let time = Double(second) + random.unit()
                var instance: Int
                if let sessionSeconds {
                    let session = Int(random.below(UInt64(sessions)))
                    if time >= places[session].until {
                        places[session] = (anyInstance(), time + random.drawExponential(mean: sessionSeconds))
                    }
                    instance = places[session].instance
                } else {
                    instance = anyInstance()
                }
                instance = min(instance, instances - 1)
                let tokens = shape.drawTokens(&random)
                series[instance].serve(shape, context: tokens.context, generated: tokens.generated, at: time)
            }
        }
        return series
    }
}
