import Determinism

/// Programs of one kind that each go their own way: on and off, periodic, image generation, long batches.
enum SyntheticProgram: UInt64, CaseIterable {
    case onOff, periodic, diffusion, batch

    /// Draws what `instances` programs of this kind do. They share their habits, and differ somewhat in each.
    func series(instances: Int, seconds: Int, random: inout SeededGenerator) -> [SyntheticSeries] {
        let habits = Habits(self, random: &random)
        return (0..<instances).map { _ in
            var own = random.split()
            return Self.series(habits.varied(&own), seconds: seconds, random: &own)
        }
    }

    fileprivate struct Habits {
        var busy: Double
        var idle: Double
        var busySpread: Double
        var idleSpread: Double
        var memory: Double
        var compute: Double
        var levelSpread: Double
        var noise: Double
        /// Seconds from the first sign of a burst to its beginning; 0 without signs.
        var lead: Double
        /// Bytes that come in before a burst, for each byte of GPU memory that it takes; below 0 where they tell nothing.
        var payload: Double
        /// For how many seconds a user is at work before a burst; 0 without a user.
        var user: Double
        /// How many signs without a burst there are for each burst.
        var falseAlarms: Double
        /// The probability, each second, that the program's amounts or pace change for good.
        let change: Double

        init(_ program: SyntheticProgram, random: inout SeededGenerator) {
            let (busy, idle): (ClosedRange<Double>, ClosedRange<Double>) =
                switch program {
                case .onOff: (1.5...60, 4...150)
                case .periodic: (1.5...30, 5...120)
                case .diffusion: (4...45, 10...150)
                case .batch: (60...600, 20...300)
                }
            self.busy = random.drawLogarithmic(busy)
            self.idle = random.drawLogarithmic(idle)
            busySpread = program == .periodic ? random.draw(0...0.15) : random.draw(0.2...1.1)
            idleSpread = program == .periodic ? random.draw(0...0.15) : random.draw(0.3...1.2)
            memory = random.drawLogarithmic(5e7...1.6e10)
            compute = random.drawLogarithmic(30...1_000)
            levelSpread = random.flip(0.5) ? random.draw(0...0.1) : random.draw(0.1...0.9)
            noise = random.draw(0...0.3)
            lead = random.flip(0.6) ? random.draw(0.5...4) : 0
            payload = random.flip(0.6) ? random.drawLogarithmic(1e-3...0.1) : -1
            user = random.flip(0.4) ? random.drawLogarithmic(1...15) : 0
            falseAlarms = random.flip(0.5) ? random.draw(0...0.8) : 0
            change = random.flip(0.3) ? 1.0 / 500 : 0
        }

        func varied(_ random: inout SeededGenerator) -> Habits {
            var own = self
            own.busy *= random.drawLogNormal(median: 1, spread: 0.4)
            own.idle *= random.drawLogNormal(median: 1, spread: 0.8)
            own.memory *= random.drawLogNormal(median: 1, spread: 0.4)
            own.compute *= random.drawLogNormal(median: 1, spread: 0.3)
            return own
        }

        mutating func age(_ seconds: Double, _ random: inout SeededGenerator) {
            guard random.flip(min(1, change * seconds)) else { return }
            busy *= random.drawLogarithmic(0.4...2.5)
            idle *= random.drawLogarithmic(0.3...3)
            memory *= random.drawLogarithmic(0.3...3.5)
            compute *= random.drawLogarithmic(0.3...3.5)
        }
    }

    private static func series(_ habits: Habits, seconds: Int, random: inout SeededGenerator) -> SyntheticSeries {
        var habits = habits
        var series = SyntheticSeries(seconds: seconds)
        for second in 0..<seconds {
            series.cpu[second] = random.draw(2...14)
            series.network[second] = random.draw(100...4_000)
            series.networkOut[second] = random.draw(100...2_000)
            series.hostMemory[second] = 2e8
        }
        var time = -random.drawExponential(mean: habits.busy + habits.idle)
        while time < Double(seconds) {
            let idle = random.drawLogNormal(median: habits.idle, spread: habits.idleSpread)
            let busy = max(0.3, random.drawLogNormal(median: habits.busy, spread: habits.busySpread))
            let level = random.drawLogNormal(median: 1, spread: habits.levelSpread)
            if idle > 8, random.flip(habits.falseAlarms) {
                series.announce(at: time + random.draw(4...idle), habits, level: level, random: &random)
            }
            time += idle
            series.announce(at: time, habits, level: level, random: &random)
            series.use(
                from: time, to: time + busy, memory: habits.memory * level, compute: min(1_000, habits.compute * level),
                noise: habits.noise, random: &random)
            time += busy
            habits.age(idle + busy, &random)
        }
        return series
    }
}

extension SyntheticSeries {
    /// The signs before a burst of `level`, as these habits have them; the user is away at one burst in seven.
    fileprivate mutating func announce(
        at time: Double, _ habits: SyntheticProgram.Habits, level: Double, random: inout SeededGenerator
    ) {
        let user = random.flip(0.85) ? habits.user * random.draw(0.5...1.5) : 0
        let told = habits.payload * habits.memory * level * random.drawLogNormal(median: 1, spread: 0.1)
        announce(
            at: time, lead: habits.lead, payload: habits.payload > 0 ? told : random.drawLogarithmic(2e5...2e7),
            user: user, random: &random)
    }
}
