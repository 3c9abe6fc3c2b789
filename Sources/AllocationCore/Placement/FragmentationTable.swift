/// How much of a server's free device capacity the typical requests cannot use: the fragmentation measure of Weng et
/// al., "Beware of Fragmentation" (USENIX ATC 2023, section 4.1), for the servers of one kind.
///
/// A server is judged by each typical request, and the judgements are weighted by how often the request comes:
/// - where the request fits, the gaps of devices that are too small for it are lost;
/// - where the processors or the gaps do not suffice, all gaps are;
/// - and all are to a request that takes no device, or none of this kind.
package struct FragmentationTable: Sendable {
    /// Typical requests that take as much of as many devices.
    private struct Group {
        var devices: Int
        /// Thousandths of each device.
        var gap: Int16
        var weight: Int
    }

    /// Ascending in their gaps.
    private var groups: [Group] = []
    /// What typical requests ask of the processors, in thousandths of a core: ascending and different.
    private let cpuLevels: [Int]
    /// For each number of levels that are met, and in that for each group: the weight of the members that are served.
    private var served: [Int] = []
    /// The weight of the requests to which all gaps are lost.
    private var weightOfOutsiders = 0
    /// The sum of all weights; above 0.
    package let weight: Int

    /// - Parameter typical: not empty for a figure other than 0.
    package init(typical: RequestMix, kind: ServerKind) {
        weight = max(1, typical.total)
        var members: [GroupKey: [RequestMix.Entry]] = [:]
        for entry in typical.entries {
            if let key = GroupKey(entry.shape, on: kind) {
                members[key, default: []].append(entry)
            } else {
                weightOfOutsiders += entry.count
            }
        }
        cpuLevels = Set(typical.entries.map(\.shape.cpuMilli)).sorted()
        let keys = members.keys.sorted { ($0.gap, $0.devices) < ($1.gap, $1.devices) }
        groups = keys.map { key in
            Group(
                devices: key.devices, gap: Int16(key.gap),
                weight: members[key, default: []].reduce(0) { $0 + $1.count })
        }
        for level in [-1] + cpuLevels {
            for key in keys {
                let met = members[key, default: []].filter { $0.shape.cpuMilli <= level }
                served.append(met.reduce(0) { $0 + $1.count })
            }
        }
    }

    /// Fragmented thousandths of a device times ``weight``: 0 to `totalGap × weight`.
    ///
    /// - Parameters:
    ///   - gaps: of each device, in thousandths, 0 where there is none; `totalGap` is their sum.
    ///   - freeCPU: in thousandths of a core.
    /// - Complexity: O(devices² + groups + log levels), some 50 ns.
    package func amount(gaps: SIMD16<Int16>, totalGap: Int, freeCPU: Int) -> Int {
        guard totalGap > 0 else { return 0 }
        var ordered = SIMD16<Int16>(repeating: 0)
        let count = Self.order(gaps, into: &ordered)
        var sum = weightOfOutsiders * totalGap
        let row = levelsMet(by: freeCPU) * groups.count
        var (tooSmall, lost) = (0, 0)
        for index in groups.indices {
            let group = groups[index]
            while tooSmall < count && ordered[tooSmall] < group.gap {
                lost += Int(ordered[tooSmall])
                tooSmall += 1
            }
            guard count - tooSmall >= group.devices else {
                sum += group.weight * totalGap
                continue
            }
            let served = served[row + index]
            sum += served * lost + (group.weight - served) * totalGap
        }
        return sum
    }

    /// The gaps above 0, ascending.
    /// - Returns: how many there are.
    private static func order(_ gaps: SIMD16<Int16>, into ordered: inout SIMD16<Int16>) -> Int {
        var count = 0
        for lane in 0..<DeviceLanes.maximum {
            let gap = gaps[lane]
            guard gap > 0 else { continue }
            var place = count
            while place > 0 && ordered[place - 1] > gap {
                ordered[place] = ordered[place - 1]
                place -= 1
            }
            ordered[place] = gap
            count += 1
        }
        return count
    }

    private func levelsMet(by freeCPU: Int) -> Int {
        var (low, high) = (0, cpuLevels.count)
        while low < high {
            let middle = (low + high) / 2
            if cpuLevels[middle] <= freeCPU { low = middle + 1 } else { high = middle }
        }
        return low
    }

    package func amount(of server: ServerState) -> Int {
        amount(gaps: server.gaps, totalGap: server.totalGap, freeCPU: server.freeCPU)
    }
}

/// What groups typical requests: how much they take of how many devices.
private struct GroupKey: Hashable {
    var devices: Int
    /// Thousandths of each device.
    var gap: Int

    /// Nil where the kind has nothing for the request.
    init?(_ shape: RequestShape, on kind: ServerKind) {
        guard shape.models.isEmpty || shape.models.contains(kind.model) else { return nil }
        switch shape.devices {
        case .none, .partition: return nil
        case .share:
            guard let gap = shape.dominantShare(deviceMemory: kind.deviceMemory), gap <= 1_000 else { return nil }
            (devices, self.gap) = (1, gap)
        case .whole(let count): (devices, gap) = (count, 1_000)
        }
    }
}
