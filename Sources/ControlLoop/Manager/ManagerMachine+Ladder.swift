import AllocationCore
import FleetModel
import SessionCore

/// What the steps up the ladder take: measured from the first word that is said of a step to the last that is heard.
extension ManagerMachine {
    /// A GPU server is told to take a step; said again after a loss, it began the first time.
    mutating func stepBegins(_ id: GrantID, _ goal: GrantCommand.Goal, now: MonotonicTime) {
        grants.change(id) { grant in
            guard grant.began?.goal != goal else { return }
            let isOpen = if case .holds = grant.lifecycle.server { grant.lifecycle.wasReady } else { false }
            grant.began = goal == .released ? nil : (goal, isOpen ? .warm : .staged, now)
        }
    }

    /// The agent has what the step was for.
    mutating func stepEnded(_ id: GrantID, at level: Readiness, now: MonotonicTime) {
        guard let grant = grants[id], let began = grant.began else { return }
        let isReached = level == .attached || (began.goal == .warm) == (level == .warm)
        guard isReached else { return }
        grants[id]?.began = nil
        let device = grant.stored.device
        let model = self.device(device)?.model
        var took = (now - began.at).inSeconds * 1_000
        let step: LadderMeasurements.Step
        switch (began.goal, began.from) {
        case (.warm, .warm): return
        case (.warm, _): step = .open
        case (_, .warm): step = .reserve
        default:
            // Both at once: what is beyond a reservation is the opening.
            step = .open
            took -= ladder.costs(version: grant.stored.version, model: model, server: device.server).reserveMs
        }
        ladder.observe(step, milliseconds: took, version: grant.stored.version, model: model, server: device.server)
    }

    /// A host has a version that it was asked to install.
    mutating func staged(_ version: InterfaceVersion, askedAt: MonotonicTime?, now: MonotonicTime) {
        guard let askedAt else { return }
        ladder.observe(
            .stage, milliseconds: (now - askedAt).inSeconds * 1_000, version: version, model: nil, server: nil)
    }

    /// What a GPU server says of a warm session's worker.
    mutating func learnWarm(_ held: HeldGrant) {
        guard held.level == .warm, held.workerMemory > .zero else { return }
        let server = held.device.server
        let share = servers[server]?.host.memory.map { memory in
            Double(held.workerMemory.rawValue) * Double(servers[server]?.devices.count ?? 1)
                / Double(max(memory.rawValue, 1))
        }
        ladder.observeWarmSession(memory: held.workerMemory, share: share)
    }

    /// What the steps take for an instance: on the device where it holds something, else in its version on any.
    func costs(version: InterfaceVersion?, device: DeviceID?) -> LadderCosts {
        ladder.costs(version: version, model: device.flatMap { self.device($0)?.model }, server: device?.server)
    }

    private func device(_ id: DeviceID) -> DeviceDescription? {
        guard let devices = servers[id.server]?.devices, devices.indices.contains(id.index) else { return nil }
        return devices[id.index]
    }

    var ladderOverview: LadderOverview {
        let costs = ladder.costs()
        return LadderOverview(
            stageMs: costs.stageMs, openMs: costs.openMs, reserveMs: costs.reserveMs, warmShare: costs.warmShare,
            warmHostMemory: ladder.warmHostMemory ?? .zero, measured: ladder.count)
    }
}
