import ForecastCore
import Foundation

/// `presync-bench train-networks FILE`: trains the networks that ship, and writes the source file that holds them.
///
/// About three minutes on one core. Equal sources give equal networks: nothing but the seeds in ``ShippedTraining`` and
/// ``SyntheticFleet`` goes in.
enum TrainNetworks {
    static func run(writingTo path: String) throws {
        var training = ShippedTraining()
        while let progress = training.step() {
            switch progress {
            case .recorded(let fleet, let examples, let heldOut):
                guard fleet % 16 == 0 else { continue }
                print("recorded \(fleet) fleets: \(examples) examples, \(heldOut) held out")
            case .trained(let network, let epoch):
                let losses = [epoch.trainingLoss, epoch.heldOutLoss].map { String(format: "%.4f", $0) }
                print("network \(network), epoch \(epoch.epoch): loss \(losses[0]), held out \(losses[1])")
            }
            fflush(nil)
        }
        let lines = NetworkFile.text(of: training.networks).split(separator: "\n").map { "    " + $0 }
        let source = """
            /// The networks that ship, as a `NetworkFile`. Written by `presync-bench train-networks`; not to be edited.
            let shippedNetworkText = \"""
            \(lines.joined(separator: "\n"))

                \"""

            """
        try source.write(toFile: path, atomically: true, encoding: .utf8)
    }
}
