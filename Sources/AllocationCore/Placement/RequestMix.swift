/// What requests ask for, and how often: what is expected of the future.
package struct RequestMix: Hashable, Sendable {
    package struct Entry: Hashable, Sendable {
        package var shape: RequestShape
        /// How many of the requests; 1 or more.
        package var count: Int
    }

    /// The most frequent first; of equally frequent ones the one that asks for more.
    package let entries: [Entry]

    /// Counts shapes that are equal but for host memory, which the measure of fragmentation does not look at.
    package init(_ shapes: some Sequence<RequestShape>) {
        var counts: [RequestShape: Int] = [:]
        for var shape in shapes {
            shape.memory = 0
            counts[shape, default: 0] += 1
        }
        self.init(counts: counts)
    }

    private init(counts: [RequestShape: Int]) {
        entries = counts.map { Entry(shape: $0.key, count: $0.value) }.sorted { left, right in
            left.count == right.count ? left.shape.isLarger(than: right.shape) : left.count > right.count
        }
    }

    private init(entries: [Entry]) { self.entries = entries }

    package var total: Int { entries.reduce(0) { $0 + $1.count } }

    /// The most frequent entries that cover `percent` of all requests: the *typical* requests (Weng et al., section 4).
    package func typical(covering percent: Int = 95) -> RequestMix {
        var covered = 0
        let wanted = total * percent
        return RequestMix(
            entries: Array(
                entries.prefix { entry in
                    defer { covered += entry.count }
                    return covered * 100 < wanted
                }))
    }
}

extension RequestShape {
    /// A total order, so that equal mixes are equal lists.
    fileprivate func isLarger(than other: RequestShape) -> Bool {
        func figures(_ shape: RequestShape) -> [Int] {
            let memory = if case .share(_, let memory) = shape.devices { memory } else { 0 }
            return [shape.cpuMilli, shape.totalShare, memory]
        }
        let (mine, others) = (figures(self), figures(other))
        if mine != others { return others.lexicographicallyPrecedes(mine) }
        if models != other.models { return other.models.sorted().lexicographicallyPrecedes(models.sorted()) }
        return "\(other.devices)" < "\(devices)"
    }
}
