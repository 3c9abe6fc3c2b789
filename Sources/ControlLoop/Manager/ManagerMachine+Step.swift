import FleetModel
import ForecastCore
import TelemetryCore

/// What comes next in a step that is taken in parts, with other events in between: no part takes longer for the fleet being
/// larger.
enum StepPart: Sendable {
    /// Reports are taken in and demand is forecast, of the instances from a place on.
    case forecasts(from: Int)
    /// Peers that are silent are noticed, and rollouts go on.
    case peers
    /// Orders, and requests that wait.
    case requests
    /// What is expected of the compute of these GPU servers' devices, and what their hosts have memory and processors for, the last first.
    case compute([GPUServerID])
    /// What is prepared for whom: nil where that is to begin.
    case decision(DecisionInParts?)
    /// Second sessions are kept for the loss of a GPU server: nil where that is to begin.
    case standbys(ManagerMachine.StandbysInParts?)
    case accounts
    /// The leases at these GPU servers, the last first.
    case leases([GPUServerID])
    /// What these peers lack of interface versions, the last first.
    case versions([ManagerMachine.Peer])
}

/// The manager's step (design, section 2).
extension ManagerMachine {
    /// How many grants one part looks at, at most those of one GPU server more.
    private static let grantsInPart = 1_024
    /// How many instances' versions one part looks at, at most those of one agent more; a peer counts as one.
    private static let versionsInPart = 256

    /// Whether half a period has passed since the last step: the one that is due may have been taken early, when the
    /// last of the agents had reported.
    private func isStepDue(_ now: MonotonicTime) -> Bool { now - lastStep >= configuration.period / 2 }

    /// Takes the step as soon as every agent that is there has reported, rather than at the period's end: what the
    /// reports show is then half a period younger, which is what a request that is on its way leaves.
    mutating func stepIfAllReported(_ agent: AgentID, now: MonotonicTime) -> [ManagerEffect] {
        unreported.remove(agent)
        return unreported.isEmpty ? beginStep(now) : []
    }

    /// Begins the step that is due, if none is under way.
    mutating func beginStep(_ now: MonotonicTime) -> [ManagerEffect] {
        guard stepPart == nil, isStepDue(now) else { return [] }
        stepPart = .forecasts(from: 0)
        lastStep = now
        unreported = Set(agents.lazy.filter { $0.value.link != nil }.map(\.key))
        return goOnWithStep(now)
    }

    /// Takes the next part; of a fleet of one slice, the whole step.
    mutating func goOnWithStep(_ now: MonotonicTime) -> [ManagerEffect] {
        var effects: [ManagerEffect] = []
        repeat {
            // Taken out while it is gone on with: a second reference would copy it.
            guard let part = stepPart.take() else { return effects }
            effects += take(part, now)
        } while isDecidedAtOnce
        return stepPart == nil ? effects : effects + [.continueStep]
    }

    /// Whether the fleet is no larger than one slice.
    var isDecidedAtOnce: Bool { instances.count <= configuration.sliceSize }

    /// Takes one part, and says which is the next.
    private mutating func take(_ part: consuming StepPart, _ now: MonotonicTime) -> [ManagerEffect] {
        switch consume part {
        case .forecasts(let begin):
            let end = min(begin + configuration.sliceSize, instances.count)
            takeInReports(begin..<end, now)
            forecastDemand(begin..<end, now)
            stepPart = end < instances.count ? .forecasts(from: end) : .peers
            return []
        case .peers:
            keepWatched(now)
            grants.touchUnsettled()
            stepPart = .requests
            return noticeSilence(now) + stepRollout(now)
        case .requests:
            stepPart = .compute(servers.keys.sorted(by: >))
            return servePending(now)
        case .compute(var left):
            let part = takePart(of: &left)
            expectCompute(of: part)
            limitWarmSessions(on: part)
            limitCompute(on: part)
            stepPart = left.isEmpty ? .decision(nil) : .compute(left)
            return []
        case .decision(nil):
            return decideReadiness(now)
        case .decision(let decision?):
            return goOn(with: decision, now)
        case .standbys(nil):
            stepPart = .standbys(standbysToKeep(now))
            return []
        case .standbys(var kept?):
            keepStandbys(&kept, now)
            guard kept.left.isEmpty else {
                stepPart = .standbys(kept)
                return []
            }
            standbys = (kept.wanted, kept.ready)
            stepPart = .accounts
            return []
        case .accounts:
            keepAccounts(now)
            drillOneLoss()
            stepPart = .leases(servers.keys.sorted(by: >))
            return []
        case .leases(var left):
            let effects = renewLeases(of: takePart(of: &left))
            stepPart = left.isEmpty ? .versions(peersToRemind(now)) : .leases(left)
            return effects
        case .versions(var left):
            let effects = followVersionRules(ofPart: &left, now)
            guard left.isEmpty else {
                stepPart = .versions(left)
                return effects
            }
            return effects + snapshotIfDue(now)
        }
    }

    private mutating func followVersionRules(ofPart left: inout [Peer], _ now: MonotonicTime) -> [ManagerEffect] {
        var effects: [ManagerEffect] = []
        var looked = 0
        while looked < Self.versionsInPart, let peer = left.popLast() {
            looked += 1
            if case .agent(let agent) = peer, let record = agents[agent], record.installed.count > 1 {
                looked += record.instances.count
            }
            effects += followVersionRules(of: peer, now)
        }
        return effects
    }

    /// Takes the next GPU servers from a list, of which the last comes first: those whose grants one part looks at.
    private func takePart(of left: inout [GPUServerID]) -> [GPUServerID] {
        var part: [GPUServerID] = []
        var looked = 0
        while looked < Self.grantsInPart, let server = left.popLast() {
            looked += 1 + grants.grants(on: server).count
            part.append(server)
        }
        return part
    }

    /// Step 1: what the reports since the last step say becomes one observation per instance and second.
    mutating func takeInReports(_ slice: Range<Int>, _ now: MonotonicTime) {
        for index in slice {
            instances.takeIn(index) { record in
                let (slot, known) = (record.slot, (record.isObserved, record.hasUsedGPU))
                var isObserved = false
                var usesGPU = false
                var isBusy = false
                record.intake.takeObservations(before: now.secondIndex + 1) { observation in
                    forecaster.observe(slot, observation)
                    isObserved = true
                    usesGPU = usesGPU || observation.gpuMemory > 0
                    isBusy = isBusy || observation.gpuMemory > 0 || observation.gpuCompute > 0
                }
                if isBusy { forecasts.noteBusy(slot, at: now) }
                record.isObserved = record.isObserved || isObserved
                record.hasUsedGPU = record.hasUsedGPU || usesGPU
                return known != (record.isObserved, record.hasUsedGPU)
            }
        }
    }

    /// Step 2: what each instance will need. Step 4's comparison with what came is the forecaster's, at the next
    /// observations: it scores its own forecasts, and its experts' weights follow.
    mutating func forecastDemand(_ slice: Range<Int>, _ now: MonotonicTime) {
        let slots = slice.compactMap { index in
            let standing = instances.standing(index)
            return standing.isObserved ? standing.slot : nil
        }
        let forecasts = forecaster.forecast(slots, madeAt: now)
        forecasts.withUnsafeBufferPointer { forecasts in
            guard let forecasts = forecasts.baseAddress else { return }
            for index in slots.indices { self.forecasts.take(forecasts + index, of: slots[index]) }
        }
        keepAmounts(slice, now)
    }

    private mutating func snapshotIfDue(_ now: MonotonicTime) -> [ManagerEffect] {
        guard let period = configuration.snapshotPeriod, now - lastSnapshot >= period else { return [] }
        lastSnapshot = now
        return [.keepSnapshot]
    }
}
