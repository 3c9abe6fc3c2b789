import Determinism
import FleetModel
import Testing

@testable import ForecastCore

@Suite struct SyntheticFleetTests {
    @Test func equalSeedsGiveEqualFleets() throws {
        let left = try #require(SyntheticFleet.panel(seed: 5, instances: 12, seconds: 120))
        let right = try #require(SyntheticFleet.panel(seed: 5, instances: 12, seconds: 120))
        #expect(left.observations == right.observations)
        #expect(left.instances.count == 12 && left.seconds == 120)
    }

    @Test func fleetsAreVariedAndSane() throws {
        var busyShares: [Double] = []
        var withHost = 0
        for seed in 0..<24 as Range<UInt64> {
            let panel = try #require(SyntheticFleet.panel(seed: seed, instances: 16, seconds: 300))
            let all = panel.observations.flatMap { $0 }
            #expect(
                all.allSatisfy {
                    $0.gpuMemory.isFinite && $0.gpuMemory >= 0 && $0.gpuCompute.isFinite && $0.gpuCompute >= 0
                })
            busyShares.append(Double(all.count { $0.gpuMemory > 0 }) / Double(all.count))
            if all.contains(where: { $0.networkIn != nil }) { withHost += 1 }
        }
        busyShares.sort()
        #expect(busyShares[4] < 0.25 && busyShares[19] > 0.35)
        #expect((4...22).contains(withHost))
    }
}

@Suite struct ExampleStoreTests {
    private func store(_ replacement: ExampleStore.Replacement, added: Int) -> [Int] {
        var random = SeededGenerator(seed: 1)
        var store = ExampleStore(capacity: 10, replacement: replacement)
        for number in 0..<added {
            let row = [Float](repeating: Float(number), count: FeatureVector.count)
            store.add(
                features: row[...], outcomes: InlineArray(repeating: 6), scales: [2, 3], share: 4, random: &random)
        }
        #expect(store.count == min(added, 10))
        #expect(store.outcome(0, 0) == 3 && store.outcome(0, 11) == 2)
        #expect(store.scale(0, 0) == 8 && store.scale(0, 11) == 12)
        return (0..<store.count).map { index in
            var row: [Float] = []
            store.copyFeatures(index, into: &row)
            return Int(row[0])
        }
    }

    @Test func theOldestGoFirst() { #expect(store(.oldest, added: 25).sorted() == Array(15..<25)) }

    @Test func aReservoirIsSpreadOverAllThatWasAdded() {
        let kept = store(.random, added: 10_000)
        #expect(kept.contains { $0 < 5_000 } && kept.contains { $0 >= 5_000 })
    }
}

@Suite struct NetworkFitTests {
    private let small = [QuantileNetwork(hidden: [8, 8], seed: 1), QuantileNetwork(hidden: [8, 8], seed: 2)]

    private func fit(_ panel: DemandPanel) -> (networks: [QuantileNetwork], progress: [NetworkFit.Progress]) {
        var configuration = NetworkFit.Configuration()
        configuration.epochs = 8
        configuration.examplesPerSecond = 16
        var fit = NetworkFit(panels: [panel], seconds: 300, from: small, configuration: configuration)
        var progress: [NetworkFit.Progress] = []
        while let step = fit.step() { progress.append(step) }
        return (fit.networks, progress)
    }

    @Test func aFitReportsItsEpochsAndRepeats() throws {
        let panel = try #require(SyntheticFleet.panel(seed: 3, instances: 16, seconds: 360))
        let (networks, progress) = fit(panel)
        #expect(networks.count == 2 && networks != small)
        guard case .recorded(let examples, let heldOut)? = progress.first else {
            Issue.record("a fit begins with what it recorded")
            return
        }
        #expect(examples > 500 && heldOut > 50)
        let losses = progress.compactMap { step -> Double? in
            if case .trained(0, let epoch) = step { epoch.trainingLoss } else { nil }
        }
        #expect(losses.count > 3 && losses[losses.count - 1] < losses[0])
        #expect(fit(panel).networks == networks)
    }

    /// What comes after the seconds that a fit may see changes nothing.
    @Test func aFitSeesNothingBeyondItsSeconds() throws {
        let panel = try #require(SyntheticFleet.panel(seed: 3, instances: 16, seconds: 360))
        let other = panel.observations.map { series in
            series.map { observation in
                observation.second < 300
                    ? observation : LoadObservation(second: observation.second, gpuMemory: 9e9, gpuCompute: 900)
            }
        }
        let changed = try #require(DemandPanel(instances: panel.instances, observations: other))
        #expect(fit(changed).networks == fit(panel).networks)
    }
}

@Suite struct NetworkLearnerTests {
    /// An engine that has run over a fleet, with `networks` proposed half-way.
    /// - Parameter calls: by how many calls the fleet is forecast each second.
    private func run(proposing networks: [QuantileNetwork]?, calls: Int = 1) throws -> FleetForecaster {
        let panel = try #require(SyntheticFleet.panel(seed: 11, instances: 32, seconds: 400))
        var forecaster = FleetForecaster()
        let slots = panel.instances.map { forecaster.admit($0) }
        for second in 0..<400 {
            if second == 300, let networks { forecaster.propose(networks) }
            for (index, slot) in slots.enumerated() { forecaster.observe(slot, panel.observations[index][second]) }
            for call in 0..<calls {
                let asked = slots[(call * slots.count / calls)..<((call + 1) * slots.count / calls)]
                _ = forecaster.forecast(Array(asked), madeAt: .seconds(Double(second)))
            }
        }
        return forecaster
    }

    /// Also where each of many calls pays for a part of what is learned.
    @Test(arguments: [1, 8]) func theNetworksLearnWhileTheyServe(calls: Int) throws {
        let forecaster = try run(proposing: nil, calls: calls)
        #expect(forecaster.learner.promotions > 0)
        #expect(forecaster.networks != ShippedNetworks.all)
    }

    @Test func aNetworkThatForecastsWorseNeverServes() throws {
        let parameters = ShippedNetworks.all[0].parameters.map { -3 * $0 }
        let bad = try #require(QuantileNetwork(hidden: [64, 48], parameters: parameters))
        let companion = try #require(
            QuantileNetwork(
                hidden: [64, 48], ignored: FeatureVector.ofType,
                parameters: ShippedNetworks.all[1].parameters.map { -3 * $0 }))
        let forecaster = try run(proposing: [bad, companion])
        let usual = try run(proposing: nil)
        #expect(forecaster.learner.rollbacks >= usual.learner.rollbacks)
        let loss = try #require(forecaster.accuracy.weightedQuantileLoss)
        let usualLoss = try #require(usual.accuracy.weightedQuantileLoss)
        #expect(loss < 1.05 * usualLoss)
    }

    @Test func networksOfAnotherShapeAreLeftOut() throws {
        var forecaster = FleetForecaster()
        forecaster.propose([QuantileNetwork(hidden: [8, 8], seed: 1)])
        #expect(forecaster.networks == ShippedNetworks.all)
    }
}
