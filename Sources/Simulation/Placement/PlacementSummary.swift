/// One policy over several seeds.
package struct PlacementSummary: Hashable, Sendable {
    /// Mean and range; all 0 of nothing.
    package struct Figure: Hashable, Sendable {
        package var mean = 0.0
        package var min = 0.0
        package var max = 0.0

        package init(_ values: [Double]) {
            guard let least = values.min(), let most = values.max() else { return }
            mean = values.reduce(0, +) / Double(values.count)
            (min, max) = (least, most)
        }
    }

    package struct Mark: Hashable, Sendable {
        /// What is asked for, in per cent of the devices.
        package var load: Int
        package var allocated: Figure
        package var fragmented: Figure
    }

    package var placement: ReplayedPlacement
    /// Ascending by load.
    package var marks: [Mark]
    package var allocatedByMoving: Figure
    package var moves: Figure

    /// - Parameter runs: of one policy and one replay, a seed each.
    package init(_ placement: ReplayedPlacement, _ runs: [PlacementRun]) {
        self.placement = placement
        marks = (runs.first?.marks ?? []).indices.map { index in
            Mark(
                load: runs[0].marks[index].load, allocated: Figure(runs.map { $0.marks[index].allocated }),
                fragmented: Figure(runs.map { $0.marks[index].fragmented }))
        }
        allocatedByMoving = Figure(runs.map(\.allocatedByMoving))
        moves = Figure(runs.map { Double($0.moves) })
    }
}
