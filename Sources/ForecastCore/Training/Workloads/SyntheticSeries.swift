import Determinism
import FleetModel

/// What one synthetic instance does, second by second, while it is being drawn.
struct SyntheticSeries: Sendable {
    /// Bytes.
    var memory: [Double]
    /// Thousandths of a device.
    var compute: [Double]
    var requests: [Double]
    /// Bytes per second.
    var network: [Double]
    /// Thousandths of a core.
    var cpu: [Double]
    /// Bytes of host memory.
    var hostMemory: [Double]
    /// Bytes sent per second.
    var networkOut: [Double]
    /// Whether the user does something.
    var userActive: [Bool]

    init(seconds: Int) {
        memory = Array(repeating: 0, count: seconds)
        compute = memory
        requests = memory
        network = memory
        cpu = memory
        hostMemory = memory
        networkOut = memory
        userActive = Array(repeating: false, count: seconds)
    }

    /// A request that arrives at `time` (seconds): `context` tokens are taken in, `generated` tokens come out one by one.
    mutating func serve(_ shape: RequestShape, context: Double, generated: Double, at time: Double) {
        let seconds = memory.count
        let first = Int(time)
        guard first < seconds else { return }
        requests[first] += 1
        network[first] += context * 400
        hostMemory[first] += context * 4_000
        let decoding = time + context * shape.prefillSeconds
        let end = decoding + generated * shape.decodeSeconds
        for second in first...min(Int(end), seconds - 1) {
            let (from, to) = (Double(second), Double(second + 1))
            let prefill = max(0, min(decoding, to) - max(time, from))
            let decode = max(0, min(end, to) - max(decoding, from))
            compute[second] += 1_000 * (prefill + decode * shape.decodeShare)
            let tokens = context + min(generated, max(0, (min(to, end) - decoding) / shape.decodeSeconds))
            memory[second] += shape.bytesPerToken * tokens
            cpu[second] += 30 * (prefill + decode)
            networkOut[second] += 2_000 * decode
        }
    }

    /// Steady use of the GPU over (`from`, `to`].
    mutating func use(
        from: Double, to: Double, memory level: Double, compute share: Double, noise: Double,
        random: inout SeededGenerator
    ) {
        for second in seconds(from, to) {
            let covered = max(0, min(to, Double(second + 1)) - max(from, Double(second)))
            guard covered > 0 else { continue }
            memory[second] += level
            compute[second] += share * covered * max(0.05, 1 + noise * random.drawNormal())
            cpu[second] += 150 * covered
            networkOut[second] += 3_000 * covered
        }
    }

    /// What is seen of an instance before it uses its GPU at `time`, or does not: a user at work, then a payload that
    /// comes in, then work on the CPU.
    mutating func announce(
        at time: Double, lead: Double, payload: Double, user: Double, random: inout SeededGenerator
    ) {
        for second in seconds(time - user, time) where user > 0 { userActive[second] = true }
        guard lead > 0 else { return }
        let received = time - lead / 2
        for second in seconds(time - lead, received) {
            let covered = max(0, min(received, Double(second + 1)) - max(time - lead, Double(second)))
            network[second] += payload * covered / (lead / 2)
            networkOut[second] += 0.02 * payload * covered / (lead / 2)
        }
        for second in seconds(received, time) { cpu[second] += random.draw(150...900) }
        for second in seconds(received, time + 3) { hostMemory[second] += payload }
    }

    /// The seconds of this series that (`from`, `to`] touches.
    private func seconds(_ from: Double, _ to: Double) -> Range<Int> {
        let first = max(0, Int(max(from, 0)))
        return first..<max(first, min(Int(to) + 1, memory.count))
    }
}

/// How a service turns tokens into seconds and bytes.
struct RequestShape: Sendable {
    let prefillSeconds: Double
    let decodeSeconds: Double
    /// The share of a device that one request's decoding takes.
    let decodeShare: Double
    let bytesPerToken: Double
    private let context: (median: Double, spread: Double)
    private let generated: (median: Double, spread: Double)

    init(random: inout SeededGenerator) {
        prefillSeconds = random.drawLogarithmic(3e-5...3e-4)
        decodeSeconds = random.drawLogarithmic(0.012...0.06)
        decodeShare = 1 / random.drawLogarithmic(8...64)
        bytesPerToken = random.drawLogarithmic(3e4...5e5)
        context = (random.drawLogarithmic(300...4_000), random.draw(0.4...1.3))
        generated = (random.drawLogarithmic(15...400), random.draw(0.3...1.2))
    }

    mutating func drawTokens(_ random: inout SeededGenerator) -> (context: Double, generated: Double) {
        (
            min(random.drawLogNormal(median: context.median, spread: context.spread), 16_000).rounded(.up),
            min(random.drawLogNormal(median: generated.median, spread: generated.spread), 2_000).rounded(.up)
        )
    }
}
