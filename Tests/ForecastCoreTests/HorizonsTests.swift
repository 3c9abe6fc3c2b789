import FleetModel
import Testing

@testable import ForecastCore

/// Forecasts that look ahead by other times than 5, 15 and 30 s.
@Suite struct HorizonsTests {
    private static let others = ForecastHorizons([3, 10, 20])

    private func engine(_ horizons: ForecastHorizons) -> FleetForecaster {
        var configuration = FleetForecaster.Configuration()
        configuration.horizons = horizons
        return FleetForecaster(configuration: configuration)
    }

    @Test func `an oracle of any horizons scores zero`() throws {
        let panel = try #require(DemandPanel.surges(instances: 4, seconds: 120, seed: 3))
        for seconds in [[3, 10, 20], [1, 2, 3], [28, 29, 30]] {
            var oracle = OracleForecaster(panel: panel, horizons: try #require(ForecastHorizons(seconds)))
            let result = Evaluation.run(&oracle, on: panel, origins: 60..<120)
            #expect(result.horizons.all == seconds)
            #expect(result.forecasts == (60 - seconds[2]) * 4 * 12)
            #expect(result.weightedQuantileLoss.allSatisfy { $0 == 0 })
        }
    }

    /// Networks that were trained for 5, 15 and 30 s stand in for those of other horizons, and learn them.
    @Test(arguments: [[3, 10, 20], [2, 4, 8]])
    func `the engine beats the climate at other horizons`(seconds: [Int]) throws {
        let horizons = try #require(ForecastHorizons(seconds))
        let panel = try #require(SyntheticFleet.panel(seed: 3, instances: 24, seconds: 600))
        func loss(_ models: [ForecastModel]) -> Double {
            var configuration = FleetForecaster.Configuration(models: models)
            configuration.horizons = horizons
            var forecaster = FleetForecaster(configuration: configuration)
            return Evaluation.run(&forecaster, on: panel, origins: 300..<570).meanLoss
        }
        #expect(loss(ForecastModel.allCases) < 0.97 * loss([.climate]))
    }

    @Test func `what is watched while running is that of the horizons`() throws {
        let horizons = try #require(Self.others)
        let panel = try #require(DemandPanel.surges(instances: 4, seconds: 200, seed: 4))
        var forecaster = engine(horizons)
        let result = Evaluation.run(&forecaster, on: panel, origins: 40..<180)
        let accuracy = forecaster.accuracy
        #expect(accuracy.horizons == horizons)
        #expect(abs(try #require(accuracy.weightedQuantileLoss) - result.meanLoss) < 0.25 * result.meanLoss)
        #expect(forecaster.forecast([ForecastSlot(rawValue: 0)], madeAt: .zero)[0].horizons == horizons)
    }

    // MARK: Networks

    @Test func `a network that looks ahead as it was trained to is itself`() {
        for network in ShippedNetworks.all { #expect(network.looking(ahead: .standard) == network) }
    }

    /// The new outputs are the blends of the old, and those of a horizon that both have are the same, where no feature
    /// tells of horizons.
    @Test func `outputs of other horizons are blends`() throws {
        let wanted = try #require(ForecastHorizons([5, 9, 15]))
        let network = ShippedNetworks.all[0]
        let features = (0..<FeatureVector.count).map { number in
            FeatureVector.onset.contains(number) ? 0 : Float(number % 7) / 7
        }
        let old = outputs(network, features)
        let new = outputs(network.looking(ahead: wanted), features)
        let share = Float(HorizonBlend(9, among: .standard).share)
        for curve in stride(from: 0, to: DemandForecast.curveCount, by: 3) {
            for level in 0..<QuantileLevels.count {
                func at(_ values: [Float], _ place: Int) -> Float {
                    values[(curve + place) * QuantileLevels.count + level]
                }
                #expect(at(new, 0) == at(old, 0))
                #expect(abs(at(new, 1) - (at(old, 0) + share * (at(old, 1) - at(old, 0)))) < 1e-4)
                #expect(at(new, 2) == at(old, 1))
            }
        }
    }

    /// Probabilities that lie on a line are read off it at the horizons that the network was trained with.
    @Test func `features that tell of horizons are taken for those it was trained with`() throws {
        let wanted = try #require(ForecastHorizons([3, 10, 30]))
        let network = ShippedNetworks.all[0]
        var features = [Float](repeating: 0, count: FeatureVector.count)
        var moved = features
        let said: [Float] = [0.2, 0.5, 0.8]
        for (place, feature) in FeatureVector.onset.enumerated() {
            moved[feature] = said[place]
            let blend = HorizonBlend(ForecastHorizons.standard.all[place], among: wanted)
            features[feature] = said[blend.lower] + Float(blend.share) * (said[blend.upper] - said[blend.lower])
        }
        let old = outputs(network, features)
        let new = outputs(network.looking(ahead: wanted), moved)
        // The longest horizon is the same: its outputs must be, too.
        for level in 0..<QuantileLevels.count {
            let place = 2 * QuantileLevels.count + level
            #expect(abs(new[place] - old[place]) < 1e-4)
        }
        #expect(features != moved)
    }

    @Test func `the features that tell of horizons are where they are said to be`() throws {
        var track = [Float](repeating: 0, count: FeatureVector.count)
        let clocks = ForecastClocks()
        let history = InstanceHistory(admitted: 0, last: 5, clocks: clocks)
        var recent = RecentLoads()
        recent.addRow()
        var signals = HostSignals()
        signals.observe(LoadObservation(second: 5, gpuMemory: 0, gpuCompute: 0, cpuMilli: 5))
        track.withUnsafeMutableBufferPointer { row in
            guard let place = row.baseAddress else { return }
            history.writeFeatures(
                to: place, scales: [1, 1], type: TypeLoad(), onset: [0.125, 0.25, 0.375], isSurge: false,
                signals: signals, calendar: CalendarFeatures(), at: 5, decay: clocks.decay, recent: recent, row: 0)
        }
        #expect(FeatureVector.onset.map { track[$0] } == [0.125, 0.25, 0.375])
    }

    private func outputs(_ network: QuantileNetwork, _ features: [Float]) -> [Float] {
        var tile = NetworkTile(capacity: 1, hidden: network.hidden)
        tile.layers[0] = features
        tile.run(network, rows: 1, using: PortableLinearAlgebra())
        return tile.layers[3]
    }

    @Test func `a file tells for which horizons its networks are`() throws {
        let network = QuantileNetwork(hidden: [8, 8], horizons: try #require(Self.others), seed: 1)
        let text = NetworkFile.text(of: [network, network])
        #expect(text.hasPrefix("presync-networks 2\nnetworks 2\nhorizons 3 10 20\n"))
        #expect(try NetworkFile.networks(of: text).map(\.horizons.all) == [[3, 10, 20], [3, 10, 20]])
        // Files for the standard ones are as they were.
        let standard = NetworkFile.text(of: [QuantileNetwork(hidden: [8, 8], seed: 1)])
        #expect(standard.hasPrefix("presync-networks 1\nnetworks 1\nhidden 8 8\n"))
        #expect(throws: NetworkFile.Failure.malformed(line: 3)) {
            try NetworkFile.networks(of: text.replacing("horizons 3 10 20", with: "horizons 3 20 10"))
        }
    }

    @Test func `a fit trains for the horizons that are wanted`() throws {
        let panel = try #require(SyntheticFleet.panel(seed: 3, instances: 16, seconds: 360))
        var configuration = NetworkFit.Configuration()
        configuration.epochs = 4
        configuration.examplesPerSecond = 16
        configuration.horizons = try #require(Self.others)
        var fit = NetworkFit(
            panels: [panel], from: [QuantileNetwork(hidden: [8, 8], seed: 1)], configuration: configuration)
        var losses: [Double] = []
        while let step = fit.step() {
            if case .trained(_, let epoch) = step { losses.append(epoch.trainingLoss) }
        }
        #expect(fit.networks.map(\.horizons.all) == [[3, 10, 20]])
        #expect(try #require(losses.last) < losses[0])
    }
}
