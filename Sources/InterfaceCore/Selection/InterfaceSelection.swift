package import FleetModel

/// Which version an instance's sessions run in, on one device.
///
/// A version is *possible* where both hosts can load it, the device has what it needs, no operator's rule speaks against
/// it, and neither end has found it unusable. Among those that are possible the best is *wanted*, and is installed ahead of
/// need; among those that both ends have the best is *chosen*, and opens sessions until the wanted one is there.
package struct InterfaceSelection: Sendable {
    /// One host of a session.
    package struct End: Sendable {
        package var platform: HostPlatform
        /// A few; of no GPU server in particular what any of them has.
        package var installed: [InterfaceVersion]
        /// Why versions cannot be used there: not to be verified, revoked, self-test failed.
        package var unusable: [InterfaceVersion: String]

        package init(
            platform: HostPlatform = HostPlatform(), installed: [InterfaceVersion] = [],
            unusable: [InterfaceVersion: String] = [:]
        ) {
            self.platform = platform
            self.installed = installed
            self.unusable = unusable
        }
    }

    /// For whom a version is looked for.
    package struct Question: Sendable {
        package var kind: String
        package var client: End
        package var server: End
        /// Nil before a device is known: then none is required to have anything.
        package var device: DeviceDescription?
        /// What operators allow; nil for everything.
        package var rule: VersionRule?
        /// What the forecast workload needs of an interface: capabilities that it used.
        package var needs: Set<String>
        /// Whether this instance may be the first to use what nobody has used yet.
        package var isCanary: Bool
        /// Versions that are kept from it for now, with the reason: rollouts that have not come to it.
        package var withheld: [InterfaceVersion: String] = [:]
        /// The version number that a rollout has come to it with: it goes before all that are possible.
        package var preferred: SemanticVersion?
        /// The client library that its programs have loaded: a session as a client of any other version is nothing to them.
        package var library: SemanticVersion?

        package init(
            kind: String, client: End, server: End, device: DeviceDescription? = nil, rule: VersionRule? = nil,
            needs: Set<String> = [], isCanary: Bool = true
        ) {
            self.kind = kind
            self.client = client
            self.server = server
            self.device = device
            self.rule = rule
            self.needs = needs
            self.isCanary = isCanary
        }
    }

    /// What speaks against a version.
    package enum Obstacle: Hashable, Sendable {
        case clientPlatform(HostPlatform)
        case serverPlatform(HostPlatform)
        case deviceLacks([String])
        case rule(VersionRule)
        case withheld(String)
        case quarantined(String)
        case unusableAtClient(String)
        case unusableAtServer(String)
    }

    /// An offer, and what speaks against it; nothing where it is possible.
    package struct Candidate: Hashable, Sendable {
        package var offer: InterfaceOffer
        package var obstacles: [Obstacle]
        /// Whether the client's host has it and its programs can use it.
        package var isAtClient: Bool
        package var isAtServer: Bool
        /// Older versions at the client that this one's worker serves, and that are possible there; the best first.
        package var servedAtClient: [InterfaceVersion] = []
    }

    /// What the two ends of a session run. They differ only where they have no version in common, or programs have loaded an
    /// older library; the worker's, the newer, was tested with the client's.
    package struct Pair: Hashable, Sendable {
        package var client: InterfaceVersion
        package var worker: InterfaceVersion

        package init(client: InterfaceVersion, worker: InterfaceVersion) {
            self.client = client
            self.worker = worker
        }
    }

    /// Each offer of the kind, the best first, those that are not possible last.
    package let candidates: [Candidate]
    /// In what the first of them is better than the second, in words; empty where there is no second.
    var advantage: String { leaders.map { $0.first.advantage(over: $0.second) } ?? "" }
    /// Words are made of them only where a person asks.
    private let leaders: (first: Rank, second: Rank)?
    private let isLibraryLoaded: Bool

    /// The best of those that are possible: what is to be installed.
    package var wanted: InterfaceVersion? {
        candidates.first { $0.obstacles.isEmpty }?.offer.version
    }

    /// What a session can open in now: the best of the versions that both ends have, else the best of the server's whose
    /// worker serves an older client that is there.
    package var chosenPair: Pair? {
        let atServer = candidates.filter { $0.obstacles.isEmpty && $0.isAtServer }
        // A library that programs have loaded stays as it is: there is nothing to wait for, and the best worker serves it.
        if isLibraryLoaded {
            return atServer.lazy.compactMap { worker in
                (worker.isAtClient ? worker.offer.version : worker.servedAtClient.first).map {
                    Pair(client: $0, worker: worker.offer.version)
                }
            }.first
        }
        if let shared = atServer.first(where: \.isAtClient)?.offer.version {
            return Pair(client: shared, worker: shared)
        }
        guard let serving = atServer.first(where: { !$0.servedAtClient.isEmpty }) else { return nil }
        return Pair(client: serving.servedAtClient[0], worker: serving.offer.version)
    }

    /// The worker's version of ``chosenPair``.
    package var chosen: InterfaceVersion? { chosenPair?.worker }

    /// - Parameters:
    ///   - offers: what is published and not revoked, in the operator's order, newest last.
    ///   - quarantined: versions that were taken out of use in operation, with the reason.
    ///   - record: what is known of a version on the question's device.
    ///
    /// O(offers² ) comparisons at most; a repository offers few.
    package init(
        _ question: Question, offers: [InterfaceOffer], quarantined: [InterfaceVersion: String] = [:],
        record: (InterfaceVersion) -> VersionRecord? = { _ in nil }
    ) {
        var ranked: [(candidate: Candidate, rank: Rank)] = []
        let best = offers.compactMap { record($0.version)?.commandRate }.max()
        for (place, offer) in offers.enumerated() where offer.version.kind == question.kind {
            let obstacles = Self.obstacles(to: offer, question, quarantined)
            let candidate = Candidate(
                offer: offer, obstacles: obstacles,
                isAtClient: question.client.installed.contains(offer.version)
                    && (question.library.map { $0 == offer.version.version } ?? true),
                isAtServer: question.server.installed.contains(offer.version))
            ranked.append(
                (candidate, Rank(candidate, question, record(offer.version), bestRate: best, place: place)))
        }
        ranked.sort { $0.rank < $1.rank }
        candidates = Self.withServedClients(ranked.map(\.candidate))
        isLibraryLoaded = question.library != nil
        leaders = ranked.count < 2 ? nil : (ranked[0].rank, ranked[1].rank)
    }

    private static func withServedClients(_ candidates: [Candidate]) -> [Candidate] {
        let clients = candidates.filter { $0.isAtClient && $0.obstacles.isEmpty }.map(\.offer)
        return candidates.map { candidate in
            guard let manifest = candidate.offer.manifest, !manifest.testedWith.isEmpty else { return candidate }
            let worker = InstalledManifest(manifest: manifest, digest: candidate.offer.version.digest)
            var candidate = candidate
            candidate.servedAtClient = clients.lazy.filter { client in
                guard client != candidate.offer, let manifest = client.manifest else { return false }
                let installed = InstalledManifest(manifest: manifest, digest: client.version.digest)
                return SharedVersion.isShared(client: installed, worker: worker)
            }.map(\.version)
            return candidate
        }
    }

    private static func obstacles(
        to offer: InterfaceOffer, _ question: Question, _ quarantined: [InterfaceVersion: String]
    ) -> [Obstacle] {
        var obstacles: [Obstacle] = []
        if let manifest = offer.manifest {
            if !manifest.runs(on: question.client.platform) {
                obstacles.append(.clientPlatform(question.client.platform))
            }
            if !manifest.runs(on: question.server.platform) {
                obstacles.append(.serverPlatform(question.server.platform))
            }
            let missing = question.device.map(manifest.unmetNeeds(of:)) ?? []
            if !missing.isEmpty { obstacles.append(.deviceLacks(missing)) }
        }
        if let rule = question.rule, !rule.allows(offer.version.version) { obstacles.append(.rule(rule)) }
        if let reason = question.withheld[offer.version] { obstacles.append(.withheld(reason)) }
        if let reason = quarantined[offer.version] { obstacles.append(.quarantined(reason)) }
        if let reason = question.client.unusable[offer.version] { obstacles.append(.unusableAtClient(reason)) }
        if let reason = question.server.unusable[offer.version] { obstacles.append(.unusableAtServer(reason)) }
        return obstacles
    }
}

extension InterfaceSelection {
    /// What one version is preferred for to another, the first that differs counts; less is better.
    private struct Rank: Comparable {
        /// Possible before impossible.
        let obstacles: Int
        /// What a rollout brings before all else.
        let isOther: Int
        /// What the workload needs and the version lacks.
        let unmet: Int
        /// Only canaries try what is not known, and only where something else is known.
        let isUntried: Int
        /// Failures double from class to class, from 2 in 100 on: what is below is as good as none.
        let failures: Int
        /// Halvings below the best rate of commands; what is not measured counts as the best. Rates are measured at
        /// different times, on hosts that do other things as well: less than half is no difference.
        let slowness: Int
        /// Steps of 25 ms to open.
        let waiting: Int
        /// The newer before the older, in the operator's order.
        let age: Int

        init(
            _ candidate: Candidate, _ question: Question, _ record: VersionRecord?, bestRate: Double?, place: Int
        ) {
            obstacles = candidate.obstacles.count
            isOther = question.preferred == candidate.offer.version.version ? 0 : 1
            unmet = candidate.offer.manifest.map { question.needs.subtracting($0.capabilities).count } ?? 0
            isUntried = question.isCanary || record?.isKnown == true ? 0 : 1
            failures = record.map { Self.failureClass($0.errorRate) } ?? 0
            slowness =
                if let rate = record?.commandRate, let bestRate { Self.halvings(of: bestRate, to: rate) } else { 0 }
            waiting = record?.isKnown == true ? Int((record?.timeToOpen ?? .zero) / .milliseconds(25)) : 0
            age = -place
        }

        private static func halvings(of best: Double, to rate: Double) -> Int {
            var (rate, steps) = (rate, 0)
            while rate * 2 <= best, steps < 8 {
                rate *= 2
                steps += 1
            }
            return steps
        }

        private static func failureClass(_ rate: Double) -> Int {
            var bound = 0.02
            var steps = 0
            while rate >= bound, steps < 8 {
                bound *= 2
                steps += 1
            }
            return steps
        }

        /// What is compared, in this order, and what it says of the lesser.
        private var criteria: [(value: Int, words: String)] {
            [
                (obstacles, "less speaks against it"), (isOther, "it is what the rollout brings"),
                (unmet, "it leaves less of what the workload uses unmet"),
                (isUntried, "it is known, and the other is for canaries"), (failures, "fewer of its sessions failed"),
                (slowness, "it runs more commands a second"), (waiting, "it opens faster"), (age, "it is newer"),
            ]
        }

        /// The first that differs, in words.
        func advantage(over other: Self) -> String {
            zip(criteria, other.criteria).first { $0.value != $1.value }?.0.words ?? ""
        }

        static func < (left: Self, right: Self) -> Bool {
            left.criteria.lazy.map(\.value).lexicographicallyPrecedes(right.criteria.lazy.map(\.value))
        }
    }
}

extension InterfaceSelection.Obstacle: CustomStringConvertible {
    package var description: String {
        switch self {
        case .clientPlatform(let platform): "the instance's host is \(platform)"
        case .serverPlatform(let platform): "the GPU server is \(platform)"
        case .deviceLacks(let names): "the device lacks \(names.joined(separator: ", "))"
        case .rule(let rule): "only \(rule) is allowed"
        case .withheld(let reason): reason
        case .quarantined(let reason): "quarantined: \(reason)"
        case .unusableAtClient(let reason): "the instance's host cannot use it: \(reason)"
        case .unusableAtServer(let reason): "the GPU server cannot use it: \(reason)"
        }
    }
}

extension InterfaceSelection {
    /// The version that sessions open in; throws, with what each side has, where there is none.
    package func choose(_ question: Question) throws(NoSharedVersion) -> InterfaceVersion {
        if let chosen { return chosen }
        let versions = candidates.map(\.offer.version)
        throw NoSharedVersion(
            kind: question.kind, agent: versions.filter(question.client.installed.contains),
            server: versions.filter(question.server.installed.contains), repository: versions)
    }
}
