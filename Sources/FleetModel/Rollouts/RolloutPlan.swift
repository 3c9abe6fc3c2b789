/// A rollout's number, given by the manager and never used again.
package struct RolloutID: RawRepresentable, Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
    package var description: String { "rollout \(rawValue)" }
    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// A share in thousandths, 0 to 1,000: `5%`, `2.5%`.
package struct Permille: RawRepresentable, Hashable, Comparable, Sendable, Codable, LosslessStringConvertible {
    package let rawValue: Int

    package static let all = Permille(unchecked: 1_000)

    package init?(rawValue: Int) {
        guard (0...1_000).contains(rawValue) else { return nil }
        self.rawValue = rawValue
    }

    /// Cut to 0...1,000.
    package init(clamping value: Int) { rawValue = min(max(value, 0), 1_000) }

    private init(unchecked rawValue: Int) { self.rawValue = rawValue }

    /// A percentage with at most one decimal: `5%`, `0.5%`.
    package init?(_ text: String) {
        guard text.hasSuffix("%") else { return nil }
        let parts = text.dropLast().split(separator: ".", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), parts.allSatisfy({ $0.utf8.allSatisfy { (48...57).contains($0) } }),
            let whole = Int(parts[0]), whole <= 100
        else { return nil }
        var tenth = 0
        if parts.count == 2 {
            guard parts[1].count == 1, let digit = Int(parts[1]) else { return nil }
            tenth = digit
        }
        self.init(rawValue: whole * 10 + tenth)
    }

    /// How many of `count` this is, rounded up; 0 of none.
    package func roundedUp(of count: Int) -> Int { (count * rawValue + 999) / 1_000 }

    /// How many of `count` this is, rounded down, and one at least: a group of one can change too.
    package func atLeastOne(of count: Int) -> Int { max(1, count * rawValue / 1_000) }

    package var description: String {
        rawValue.isMultiple(of: 10) ? "\(rawValue / 10)%" : "\(rawValue / 10).\(rawValue % 10)%"
    }

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// What an operator orders: instances and GPU servers take a new version in stages, each watched before the next begins.
package struct RolloutPlan: Hashable, Sendable, Codable {
    package var target: InterfaceVersion
    /// The share of the instances that take it first.
    package var canary: Permille
    /// The share of the instances that each later stage adds.
    package var batch: Permille
    /// How long a stage is watched at least, from its beginning; time that it is paused does not count.
    package var soak: Duration
    /// How many sessions must have been opened in the target in a stage before the next begins.
    package var leastSessions: Int
    /// After how long a stage goes on with fewer; nil for never.
    package var evidenceWithin: Duration?
    package var gates: RolloutGates
    package var limits: RolloutLimits

    package init(
        target: InterfaceVersion, canary: Permille = Permille(clamping: 50), batch: Permille = Permille(clamping: 200),
        soak: Duration = .seconds(300), leastSessions: Int = 20, evidenceWithin: Duration? = nil,
        gates: RolloutGates = RolloutGates(), limits: RolloutLimits = RolloutLimits()
    ) {
        self.target = target
        self.canary = canary
        self.batch = batch
        self.soak = soak
        self.leastSessions = leastSessions
        self.evidenceWithin = evidenceWithin
        self.gates = gates
        self.limits = limits
    }

    package static let longestSoak: Duration = .seconds(30 * 24 * 3_600)

    package func validate() throws(OrderError) {
        guard canary.rawValue > 0, batch.rawValue > 0 else {
            throw OrderError("a stage takes more than 0% of instances")
        }
        guard soak >= .zero, soak <= Self.longestSoak else { throw OrderError("a stage lasts at most 30 days") }
        guard (0...1_000_000).contains(leastSessions) else {
            throw OrderError("a stage asks for at most 1000000 sessions")
        }
        if let evidenceWithin, evidenceWithin < soak || evidenceWithin > Self.longestSoak {
            throw OrderError("a stage waits for evidence as long as it soaks at least, and at most 30 days")
        }
        try gates.validate()
        try limits.validate()
    }
}

/// How much may change in one stage, of each group: a share of its members, one at least.
package struct RolloutLimits: Hashable, Sendable, Codable {
    /// Of a tenant's instances.
    package var perTenant: Permille
    /// Of a class's instances.
    package var perClass: Permille
    /// Of the GPU servers that fail together; those of which nobody has said what they fail with are one group.
    package var perFailureDomain: Permille

    package init(
        perTenant: Permille = Permille(clamping: 500), perClass: Permille = Permille(clamping: 500),
        perFailureDomain: Permille = Permille(clamping: 500)
    ) {
        self.perTenant = perTenant
        self.perClass = perClass
        self.perFailureDomain = perFailureDomain
    }

    package func validate() throws(OrderError) {
        guard min(perTenant, perClass, perFailureDomain).rawValue > 0 else {
            throw OrderError("a limit of 0% would let nothing change; pause the rollout instead")
        }
    }
}
