import Foundation
import Simulation

/// What `presync simulate placement` writes.
struct PlacementView: Encodable {
    struct Figure: Encodable {
        var mean: Double
        var min: Double
        var max: Double

        init(_ figure: PlacementSummary.Figure) {
            (mean, min, max) = (Self.rounded(figure.mean), Self.rounded(figure.min), Self.rounded(figure.max))
        }

        private static func rounded(_ value: Double) -> Double { (value * 1_000).rounded() / 1_000 }

        /// The mean, and the range in brackets.
        var text: String { String(format: "%.2f [%.2f, %.2f]", mean, min, max) }
    }

    struct Policy: Encodable {
        var name: String
        /// By load in per cent: per cent of the devices.
        var allocated: [String: Figure]
        /// By load in per cent: per cent of the devices.
        var fragmented: [String: Figure]
        /// Per cent of the devices.
        var allocatedByMoving: Figure
        var moves: Figure
    }

    var load: Int
    var firstSeed: UInt64
    var lastSeed: UInt64
    var policies: [Policy]
    /// Ascending, in per cent of the devices.
    private var loads: [Int]

    private enum CodingKeys: String, CodingKey { case load, firstSeed, lastSeed, policies }

    init(load: Int, seeds: SeedRange, summaries: [PlacementSummary]) {
        self.load = load
        (firstSeed, lastSeed) = (seeds.first, seeds.last)
        loads = summaries.first?.marks.map(\.load) ?? []
        policies = summaries.map { summary in
            func byLoad(_ figure: (PlacementSummary.Mark) -> PlacementSummary.Figure) -> [String: Figure] {
                Dictionary(
                    summary.marks.map { (String($0.load), Figure(figure($0))) }, uniquingKeysWith: { first, _ in first }
                )
            }
            return Policy(
                name: summary.placement.rawValue, allocated: byLoad(\.allocated), fragmented: byLoad(\.fragmented),
                allocatedByMoving: Figure(summary.allocatedByMoving), moves: Figure(summary.moves))
        }
    }

    /// A row for each policy.
    func table() -> TextTable {
        var table = TextTable(
            titles: ["POLICY"] + loads.map { "ALLOCATED AT \($0) %" } + ["BY MOVING"]
                + loads.suffix(2).prefix(1).map { "FRAGMENTED AT \($0) %" })
        for policy in policies {
            let allocated = loads.map { policy.allocated[String($0)]?.text ?? "-" }
            let fragmented = loads.suffix(2).prefix(1).map { policy.fragmented[String($0)]?.text ?? "-" }
            let moving = String(format: "%.2f (%.0f moves)", policy.allocatedByMoving.mean, policy.moves.mean)
            table.rows.append(([policy.name] + allocated + [moving] + fragmented).map { TextTable.Cell($0) })
        }
        return table
    }
}
