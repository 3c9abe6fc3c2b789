/// What a gap of a device is worth when requests for shares come in known proportions: how much of a device they would
/// fill with it, packed as well as they can be.
///
/// A gap of 530 is worth half a device where shares of 470 are common, though 530 are free; one of 190 is worth nothing
/// where the smallest common share is 320. The values are the dual prices of the cutting-stock linear programme
/// (Gilmore and Gomory, "A linear programming approach to the cutting-stock problem", Operations Research 1961): the
/// fewest devices on which the expected shares could be packed, and what one share more of each size would add. Placing
/// a share then costs what the gap loses in value, as in bid-price control.
package struct GapPrices: Hashable, Sendable {
    /// Sizes that are told apart; the most frequent ones are.
    private static let maximumSizes = 48
    private static let maximumPivots = 400

    /// Millionths of a device, by gap in parts of it: 0 at 0, 1,000,000 at a whole device, never falling.
    package let values: [Int]

    /// - Parameters:
    ///   - counts: how often each share is asked for, by its size; sizes outside `1..<whole` are whole devices or
    ///     nothing, and left out.
    ///   - whole: into how many parts a device is counted, at least 1; thousandths, unless fewer suffice.
    package init(counts: [Int: Int], whole: Int = 1_000) {
        let common = counts.filter { $0.key >= 1 && $0.key < whole && $0.value > 0 }
            .sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(Self.maximumSizes)
        let demands = common.sorted { $0.key < $1.key }
        let sizes = demands.map(\.key)
        var programme = CuttingStock(sizes: sizes, demands: demands.map { Double($0.value) }, whole: whole)
        var best = Knapsack(sizes: sizes, prices: programme.prices, whole: whole)
        for _ in 0..<Self.maximumPivots {
            guard programme.improve(with: best.pattern()) else { break }
            best = Knapsack(sizes: sizes, prices: programme.prices, whole: whole)
        }
        var values = best.values.map { Int((min($0, 1) * 1e6).rounded()) }
        values[whole] = 1_000_000
        self.values = values
    }

    /// What of a gap is wasted, in millionths of a device, by gap; 0 or more.
    package var waste: [Int] {
        values.enumerated().map { max(0, $0.offset * 1_000_000 / (values.count - 1) - $0.element) }
    }
}

/// The best filling of every gap, at given prices: an unbounded knapsack by dynamic programming. O(parts × sizes)
private struct Knapsack {
    let sizes: [Int]
    private(set) var values: [Double]
    /// The share that is put last into the gap; -1 for a part left empty.
    private var last: [Int]

    init(sizes: [Int], prices: [Double], whole: Int) {
        self.sizes = sizes
        values = [Double](repeating: 0, count: whole + 1)
        last = [Int](repeating: -1, count: whole + 1)
        for gap in 1...whole {
            values[gap] = values[gap - 1]
            for (index, size) in sizes.enumerated() where size <= gap {
                let value = values[gap - size] + prices[index]
                if value > values[gap] + 1e-12 { (values[gap], last[gap]) = (value, index) }
            }
        }
    }

    /// How many shares of each size fill a whole device best.
    func pattern() -> [Double] {
        var pattern = [Double](repeating: 0, count: sizes.count)
        var gap = values.count - 1
        while gap > 0 {
            let index = last[gap]
            if index < 0 {
                gap -= 1
            } else {
                pattern[index] += 1
                gap -= sizes[index]
            }
        }
        return pattern
    }
}

/// The covering programme by the revised simplex method, a column (a way of filling one device) at a time.
private struct CuttingStock {
    private(set) var prices: [Double]
    private var inverse: [[Double]]
    private var amounts: [Double]
    /// 1 for a device, 0 for a share that is covered more often than asked for.
    private var costs: [Double]

    init(sizes: [Int], demands: [Double], whole: Int) {
        let copies = sizes.map { Double(whole / $0) }
        inverse = copies.indices.map { row in copies.indices.map { $0 == row ? 1 / copies[row] : 0 } }
        amounts = zip(demands, copies).map { $0 / $1 }
        costs = [Double](repeating: 1, count: sizes.count)
        prices = copies.map { 1 / $0 }
    }

    /// Takes in the filling, or a surplus of a share whose price is below 0.
    /// - Returns: false where neither improves: the prices are optimal.
    mutating func improve(with pattern: [Double]) -> Bool {
        if let surplus = prices.indices.first(where: { prices[$0] < -1e-9 }) {
            return pivot(prices.indices.map { $0 == surplus ? -1 : 0 }, cost: 0)
        }
        let worth = zip(prices, pattern).reduce(0) { $0 + $1.0 * $1.1 }
        return worth > 1 + 1e-9 && pivot(pattern, cost: 1)
    }

    private mutating func pivot(_ column: [Double], cost: Double) -> Bool {
        let rows = amounts.indices
        let direction = rows.map { row in zip(inverse[row], column).reduce(0) { $0 + $1.0 * $1.1 } }
        let leaving = rows.filter { direction[$0] > 1e-9 }
            .min { amounts[$0] / direction[$0] < amounts[$1] / direction[$1] }
        guard let leaving else { return false }
        for index in rows { inverse[leaving][index] /= direction[leaving] }
        amounts[leaving] /= direction[leaving]
        for row in rows where row != leaving && direction[row] != 0 {
            for index in rows { inverse[row][index] -= direction[row] * inverse[leaving][index] }
            amounts[row] -= direction[row] * amounts[leaving]
        }
        costs[leaving] = cost
        prices = rows.map { index in rows.reduce(0) { $0 + costs[$1] * inverse[$1][index] } }
        return true
    }
}
