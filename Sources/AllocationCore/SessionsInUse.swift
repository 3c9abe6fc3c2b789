package import FleetModel

/// Sessions that programs use and that may be ended, after a notice, for a program of a heavier class that nothing else can
/// serve.
package struct SessionsInUse: Sendable {
    /// One of them.
    package struct Session: Hashable, Sendable {
        package var grant: GrantID
        package var device: DeviceID
        package var memory: Bytes
        /// Its class's.
        package var weight: Double
        package var notice: Duration
        /// Since when a program has it.
        package var since: MonotonicTime

        package init(
            grant: GrantID, device: DeviceID, memory: Bytes, weight: Double, notice: Duration, since: MonotonicTime
        ) {
            self.grant = grant
            self.device = device
            self.memory = memory
            self.weight = weight
            self.notice = notice
            self.since = since
        }

        /// The lightest class first, in it the one with the shortest notice, then the youngest, which has the least to
        /// lose, then by number.
        fileprivate func isTaken(before other: Self) -> Bool {
            if weight != other.weight { return weight < other.weight }
            if notice != other.notice { return notice < other.notice }
            if since != other.since { return since > other.since }
            return grant < other.grant
        }
    }

    /// By device, ascending; on each in the order in which they would be taken.
    private let groups: [(device: DeviceID, sessions: [Session])]

    /// O(sessions log sessions)
    package init(_ sessions: [Session]) {
        groups = Dictionary(grouping: sessions, by: \.device)
            .map { ($0.key, $0.value.sorted { $0.isTaken(before: $1) }) }
            .sorted { $0.device < $1.device }
    }

    /// The sessions to end so that `memory` will be free on one device: where the heaviest class among them is lightest,
    /// then the fewest, then the least memory. Compute is not asked for: what is short of it makes a program late, and
    /// does not keep it out. Empty where no device could make room, or none needs to. O(sessions)
    /// - Parameters:
    ///   - weight: only sessions of lighter classes are ended.
    ///   - excluded: sessions that are being ended already.
    ///   - closed: devices on which room would be of no use.
    package func choose(
        for memory: Bytes, weight: Double, pool: Pool, excluding excluded: Set<GrantID> = [],
        apartFrom closed: [DeviceID] = []
    ) -> [Session] {
        guard !closed.isEmpty || pool.greatestFreeMemory < memory else { return [] }
        var best: (sessions: [Session], cost: (Double, Int, Int64))?
        for (device, sessions) in groups where !closed.contains(device) {
            guard let account = pool.account(of: device), account.available, memory <= account.memory else { continue }
            let lighter = sessions.filter { $0.weight < weight && !excluded.contains($0.grant) }
            guard let chosen = Self.fewest(of: lighter, freeing: memory - account.freeMemory) else { continue }
            let cost = (
                chosen.map(\.weight).max() ?? 0, chosen.count, chosen.reduce(0) { $0 + $1.memory.rawValue }
            )
            if best.map({ cost < $0.cost }) ?? true { best = (chosen, cost) }
        }
        return best?.sessions ?? []
    }

    /// The first of `sessions` that free so much, without those among them that the later ones make needless; nil where
    /// all of them do not.
    private static func fewest(of sessions: [Session], freeing memory: Bytes) -> [Session]? {
        var chosen: [Session] = []
        var missing = memory
        for session in sessions where missing > .zero {
            chosen.append(session)
            missing -= session.memory
        }
        guard missing <= .zero else { return nil }
        for session in chosen.reversed() where missing + session.memory <= .zero {
            missing += session.memory
            chosen.removeAll { $0.grant == session.grant }
        }
        return chosen
    }
}
