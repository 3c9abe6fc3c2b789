import AllocationCore
import FleetModel
import SessionCore

/// The programs that wait for a slice.
extension ManagerMachine {
    /// For each time that a request has waited this long its class counts once more: so a light class is not kept out for
    /// ever by a heavy one.
    private static let agingSeconds = 30.0

    /// Places in ``requests``, in the order in which they are served: by the class's weight, which grows with the time
    /// waited; of equals the older. O(requests log requests)
    func queue(_ now: MonotonicTime) -> [Int] {
        let weights = requests.map { waiting in
            let weight = record(of: waiting.instance)?.priority.weight ?? 0
            return weight * (1 + (now - waiting.since).inSeconds / Self.agingSeconds)
        }
        return requests.indices.sorted { one, other in
            weights[one] == weights[other] ? one < other : weights[one] > weights[other]
        }
    }

    /// Refuses requests that have waited for as long as their class lets them. O(requests)
    mutating func refuseImpatient(_ now: MonotonicTime) -> [ManagerEffect] {
        let impatient = requests.filter { waiting in
            guard waiting.isRecorded || waiting.together > 1,
                let patience = record(of: waiting.instance)?.priority.patience
            else {
                return false
            }
            return now - waiting.since >= patience
        }
        guard !impatient.isEmpty else { return [] }
        requests.removeAll(where: Set(impatient).contains)
        return impatient.flatMap { waiting -> [ManagerEffect] in
            let why = reason(of: waiting)
            // What was set aside for other parts of it.
            if waiting.together > 1 { cancelled(waiting.request, by: waiting.agent) }
            totals.requestsRefused += 1
            let event = ManagerEffect.record(
                FleetEvent(at: now, kind: .refused, instance: waiting.instance, detail: "\(waiting.request): \(why)"))
            guard let link = agentLink(waiting.agent) else { return [event] }
            return [.sendToAgent(.requestRefused(waiting.request, reason: why), link), event]
        }
    }

    /// Who waits, for people.
    func waitingOverview(_ now: MonotonicTime) -> [WaitingOverview] {
        let inUse = grants.unordered.count { $0.lifecycle.isAttached }
        let noticed = noticedUntil
        return queue(now).prefix(WaitingOverview.limit).enumerated().map { turn, place in
            let waiting = requests[place]
            return WaitingOverview(
                request: waiting.request, agent: waiting.agent, instance: waiting.instance,
                waited: now - waiting.since, reason: reason(of: waiting),
                estimate: noticed[Taker(waiting)].map { max($0 - now, .zero) }
                    ?? estimate(waiting, turn: turn, inUse: inUse))
        }
    }

    /// In how long a program that waits, and for which no notice was given, is expected to be served: unused reservations
    /// that are taken back for it are free within a period; and otherwise, of `inUse` sessions that last a mean time L
    /// and end independently, one ends every L / `inUse`, and the program gets what the one after those before it leaves.
    /// Nil while no session has ended.
    private func estimate(_ waiting: WaitingRequest, turn: Int, inUse: Int) -> Duration? {
        if case .waitingForPreemption = record(of: waiting.instance)?.shortfall?.reason { return configuration.period }
        guard usualSession > .zero, inUse > 0, pool.availableCount >= waiting.together else { return nil }
        return usualSession * (turn + 1) / inUse
    }

    private func reason(of waiting: WaitingRequest) -> String {
        if waiting.together > pool.availableCount, pool.hasAvailableDevice {
            return "its program asks for \(waiting.together) virtual GPUs on as many devices, and there "
                + (pool.availableCount == 1 ? "is 1" : "are \(pool.availableCount)")
        }
        if let shortfall = record(of: waiting.instance)?.shortfall { return describe(shortfall, of: waiting.instance) }
        return waiting.together == 1
            ? "no slice is free" : "not all of the \(waiting.together) virtual GPUs that its program asked for are free"
    }
}
