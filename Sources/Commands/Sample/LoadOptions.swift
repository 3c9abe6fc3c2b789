import ArgumentParser
import Determinism
import FleetModel

/// The load of a sample: where its arrivals come from, and how much work a token is. Shared by `sample` and `up`.
struct LoadOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Replay the requests of this file instead of the built-in arrivals.",
            discussion: "CSV with the columns timestamp_s, context_tokens and generated_tokens, plain or gzip.",
            valueName: "file"))
    var requests: String?

    @Option(
        help: ArgumentHelp(
            "Deal the file's requests to so many instances, each request to one by chance.",
            discussion: "Instances that do not run here keep theirs. Default: as many as bring --mean-gap.",
            valueName: "n"))
    var fleet: Int?

    @Option(help: ArgumentHelp("Seed of the arrivals, the dealing and the payloads.", valueName: "n"))
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("Mean idle seconds between the bursts of an instance.", valueName: "seconds"))
    var meanGap = ArrivalModel().meanGap

    @Option(help: ArgumentHelp("Coefficient of variation of these gaps, at least 1.", valueName: "ratio"))
    var gapCv = ArrivalModel().gapVariation

    @Option(help: ArgumentHelp("The shortest gap, above the grace period.", valueName: "seconds"))
    var minimumGap = ArrivalModel().minimumGap

    @Option(help: ArgumentHelp("The most GPU memory that a burst takes.", valueName: "bytes"))
    var memoryCap = BytesArgument(.mebibytes(128))

    @Option(help: ArgumentHelp("Pace at which a payload arrives, bytes a second.", valueName: "rate"))
    var uplink = 3_000_000

    @Flag(
        help: ArgumentHelp(
            "Every second instance has a user, simulated, who is at work before most bursts.",
            discussion: "What the user does is reported to the agent, which must allow it (user-activity)."))
    var users = false

    func validate() throws {
        var problems = model.problems
        if !(1_000...80_000_000).contains(uplink) { problems.append("--uplink must be between 1000 and 80000000") }
        if !(1_048_576...(8 << 30)).contains(memoryCap.bytes.rawValue) {
            problems.append("--memory-cap must be between 1MiB and 8GiB")
        }
        if let fleet, !(1...RequestDealer.maximumFleet).contains(fleet) {
            problems.append("--fleet must be between 1 and \(RequestDealer.maximumFleet)")
        }
        guard problems.isEmpty else { throw ValidationError(problems.joined(separator: "\n")) }
    }

    var model: ArrivalModel { ArrivalModel(meanGap: meanGap, gapVariation: gapCv, minimumGap: minimumGap) }

    /// The options as they are given to another process.
    var arguments: [String] {
        var arguments = [
            "--seed", String(seed), "--mean-gap", String(meanGap), "--gap-cv", String(gapCv),
            "--minimum-gap", String(minimumGap), "--memory-cap", String(memoryCap.bytes.rawValue),
            "--uplink", String(uplink),
        ]
        if let requests { arguments += ["--requests", requests] }
        if let fleet { arguments += ["--fleet", String(fleet)] }
        if users { arguments.append("--users") }
        return arguments
    }

    /// The arrivals of instance `member` of `members` in the first `duration` seconds.
    func arrivals(for duration: Double, member: Int, of members: Int) throws(CommandFailure) -> [Arrival] {
        guard let requests else {
            return model.arrivals(for: duration, seed: seed &+ UInt64(member) &* 0x9E37_79B9) { arrival in
                plan(for: arrival, seed: 0).expectedSeconds(uplink: uplink)
            }
        }
        let trace = try RequestDealer.read(requests)
        let size = max(members, fleet ?? RequestDealer.fleetSize(trace, meanGap: meanGap))
        return RequestDealer(fleet: size, seed: seed).deal(trace, to: member, for: duration)
    }

    /// The user before instance `member`; nil where there is none.
    func user(before arrivals: [Arrival], for duration: Double, member: Int) -> SampleUser? {
        guard users, member % 2 == 0 else { return nil }
        return SampleUser(before: arrivals, for: duration, seed: seed &+ UInt64(member) &* 0x5DEE_CE66)
    }

    /// The application type of instance `member`: what has a user is another than what has none.
    func application(member: Int) -> String { users && member % 2 == 0 ? "sample-interactive" : "sample" }

    /// What `arrival` has to do. Payload and CPU work lead the first GPU call by about 1.7 s in the median of the
    /// built-in arrivals.
    func plan(for arrival: Arrival, seed: UInt64) -> BurstPlan {
        let tokens = arrival.contextTokens + arrival.generatedTokens
        let ownBuffers = 65_536
        let cache = min(tokens * BurstPlan.bytesPerToken, Int(memoryCap.bytes.rawValue) - ownBuffers)
        return BurstPlan(
            contextTokens: arrival.contextTokens, generatedTokens: arrival.generatedTokens,
            payloadBytes: min(uplink * 7 / 20 + arrival.contextTokens * uplink / 1_000, uplink * 3),
            payloadSeed: seed, cacheBytes: cache, secondsPerToken: 0.025)
    }
}

/// Deals the requests of a trace to the instances of a fleet.
struct RequestDealer {
    var fleet: Int
    var seed: UInt64

    /// The size of fleet at which one instance's requests are `meanGap` seconds apart in the mean.
    static func fleetSize(_ trace: [Arrival], meanGap: Double) -> Int {
        guard let first = trace.first, let last = trace.last, last.at > first.at else { return 1 }
        let fitting = (Double(trace.count) / (last.at - first.at) * meanGap).rounded()
        return Int(min(max(fitting, 1), Double(maximumFleet)))
    }

    static let maximumFleet = 1_000_000

    /// The requests of `member` in the first `duration` seconds of the trace, which begins at its first request.
    /// Generated tokens are cut to 240, so that a burst ends within seconds.
    func deal(_ trace: [Arrival], to member: Int, for duration: Double) -> [Arrival] {
        guard let origin = trace.first?.at else { return [] }
        var generator = SeededGenerator(seed: seed)
        var dealt: [Arrival] = []
        for request in trace {
            let receiver = generator.below(UInt64(max(1, fleet)))
            guard request.at - origin < duration else { break }
            guard receiver == UInt64(member) else { continue }
            dealt.append(
                Arrival(
                    at: request.at - origin, contextTokens: request.contextTokens,
                    generatedTokens: min(request.generatedTokens, 240)))
        }
        return dealt
    }
}
