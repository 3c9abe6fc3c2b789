/// What one policy came to with one seed; all figures in per cent of the devices.
package struct PlacementRun: Hashable, Sendable {
    /// The mean of what was seen while the load, rounded to whole per cent, was at the mark.
    package struct Mark: Hashable, Sendable {
        /// What is asked for.
        package let load: Int
        private var count = 0
        private var sumOfAllocated = 0.0
        private var sumOfFragmented = 0.0

        init(load: Int) { self.load = load }

        package var allocated: Double { count > 0 ? sumOfAllocated / Double(count) : 0 }
        /// Free and of no use to the typical requests, by the paper's measure.
        package var fragmented: Double { count > 0 ? sumOfFragmented / Double(count) : 0 }

        fileprivate mutating func add(allocated: Double, fragmented: Double) {
            count += 1
            sumOfAllocated += allocated
            sumOfFragmented += fragmented
        }
    }

    /// Ascending by load.
    package private(set) var marks: [Mark]
    /// Allocated when 100 % has been requested, had others been moved to make room for what was refused.
    package internal(set) var allocatedByMoving = 0.0
    /// How many requests would have been moved for that.
    package internal(set) var moves = 0

    init(marks: [Int]) { self.marks = marks.map(Mark.init(load:)) }

    mutating func record(requested: Double, allocated: Double, fragmented: Double) {
        let load = Int(requested.rounded())
        for index in marks.indices where marks[index].load == load {
            marks[index].add(allocated: allocated, fragmented: fragmented)
        }
    }
}
