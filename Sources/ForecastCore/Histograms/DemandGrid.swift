import FleetModel

/// The bins into which demand is counted: 128 bins, each 30 % wider than the one before.
///
/// Bin `b` holds demand from ``lowerEdge(of:_:)`` of `b` up to that of `b + 1`: for memory from 1 byte to 300 TB, for
/// compute from 1/1,000 of a thousandth to far above a whole device. What lies outside counts in the outermost bin.
struct DemandGrid: Sendable {
    static let binCount = 128
    private static let binsPerDoubling = 1 / BinaryPowers.logarithm(1.3)
    private static let binsPerNatural = Float(binsPerDoubling * 1.442_695_040_888_963)
    static let shared = DemandGrid()

    /// 129 edges in units of ``unit(_:)``.
    private let edges: [Double]
    private let memoryEdges: [Float]
    private let computeEdges: [Float]

    private init() {
        let edges = (0...Self.binCount).map { BinaryPowers.power(Double($0) / Self.binsPerDoubling) }
        self.edges = edges
        memoryEdges = edges.map { Float($0) }
        computeEdges = edges.map { Float($0 * 0.001) }
    }

    /// What the first edge is worth: a byte, or a millionth of a device.
    private func unit(_ resource: Resource) -> Double {
        switch resource {
        case .memory: 1
        case .compute: 0.001
        }
    }

    /// The bin of a demand above 0.
    func bin(of demand: Double, _ resource: Resource) -> Int {
        let value = demand / unit(resource)
        guard value > 1 else { return 0 }
        return min(Int(BinaryPowers.logarithm(value) * Self.binsPerDoubling), Self.binCount - 1)
    }

    /// Where a demand above 0 lies on the grid, in bins, with its fraction.
    func position(of demand: Float, _ resource: Resource) -> Float {
        max(0, FloatMath.log(demand / Float(unit(resource))) * Self.binsPerNatural)
    }

    /// What `bins` are worth: 1.3 to the power of them.
    static func factor(bins: Int) -> Double { BinaryPowers.power(Double(bins) / binsPerDoubling) }

    func lowerEdge(of bin: Int, _ resource: Resource) -> Double {
        edges[max(0, min(bin, Self.binCount))] * unit(resource)
    }

    /// Lends out the edges of all bins in a resource's unit, for loops over many of them.
    func withEdges<Result>(_ resource: Resource, _ body: (UnsafePointer<Float>) -> Result) -> Result? {
        (resource == .memory ? memoryEdges : computeEdges).withUnsafeBufferPointer { edges in
            edges.baseAddress.map(body)
        }
    }

    /// The demand that lies at `share` (0...1) of the way through `bin`.
    func value(in bin: Int, share: Double, _ resource: Resource) -> Double {
        let lower = lowerEdge(of: bin, resource)
        return lower + share * (lowerEdge(of: bin + 1, resource) - lower)
    }
}
