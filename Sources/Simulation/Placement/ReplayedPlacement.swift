import AllocationCore

/// The ways of placing that a replay compares, by the names that people give them.
package enum ReplayedPlacement: String, CaseIterable, Sendable {
    case random
    case dotProduct = "dot-product"
    case clustering
    case packing
    case bestFit = "best-fit"
    case gradientDescent = "fgd"
    case presync

    /// The policy for requests that come as in `mix`.
    func policy(_ mix: RequestMix) -> any PlacementPolicy {
        switch self {
        case .random: RandomPolicy()
        case .dotProduct: DotProductPolicy()
        case .clustering: ClusteringPolicy()
        case .packing: PackingPolicy()
        case .bestFit: BestFitPolicy()
        case .gradientDescent: GradientDescentPolicy(mix: mix)
        case .presync: FragmentationPlacer(mix: mix)
        }
    }
}
