import Dashboard
import FleetModel
import ForecastCore
import Foundation

/// Networks in a file: what `presync forecast train` writes.
enum NetworksFile {
    /// - Throws: ``CommandFailure`` when the file cannot be read or holds no networks.
    static func read(_ path: String) throws(CommandFailure) -> [QuantileNetwork] {
        guard let size = try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int,
            size <= NetworkFile.greatestSize, let text = try? String(contentsOfFile: path, encoding: .utf8)
        else {
            throw CommandFailure(
                .noInput, "\(path) cannot be read, or is larger than 1 MiB",
                advice: "name a file that 'presync forecast train' wrote")
        }
        do { return try NetworkFile.networks(of: text) } catch {
            throw CommandFailure(
                .noInput, "\(path) holds no networks: \(error)",
                advice: "name a file that 'presync forecast train' wrote")
        }
    }
}

/// A fit of networks to panels, told on standard error as it goes.
enum NetworkFitting {
    struct Outcome {
        var networks: [QuantileNetwork]
        /// For each network, its loss on the held-out part before and after, where it was trained.
        var heldOut: [(first: Double, best: Double)]
        /// How many examples they were fitted to.
        var learned: Int
    }

    static func run(
        panels: [DemandPanel], seconds: Int?, from networks: [QuantileNetwork],
        configuration: NetworkFit.Configuration = .init(), linearAlgebra: any LinearAlgebra
    ) -> Outcome {
        var fit = NetworkFit(
            panels: panels, seconds: seconds, from: networks, configuration: configuration, algebra: linearAlgebra)
        var learned = 0
        var heldOut = [(first: Double, best: Double)](repeating: (.infinity, .infinity), count: networks.count)
        while let progress = fit.step() {
            switch progress {
            case .recorded(let examples, let kept):
                StandardError.write("presync forecast: \(examples) examples, \(kept) held out\n")
                learned = examples
            case .trained(let network, let epoch):
                let losses = [epoch.trainingLoss, epoch.heldOutLoss].map { Quantity.decimal($0, digits: 4) }
                StandardError.write(
                    "presync forecast: network \(network + 1) of \(networks.count), epoch \(epoch.epoch): "
                        + "loss \(losses[0]), held out \(losses[1])\(epoch.isBest ? ", the best so far" : "")\n")
                guard heldOut.indices.contains(network) else { continue }
                heldOut[network].first = epoch.firstLoss
                heldOut[network].best = min(heldOut[network].best, epoch.heldOutLoss)
            }
        }
        return Outcome(networks: fit.networks, heldOut: heldOut, learned: learned)
    }
}
