/// What a client takes from a repository at most, whoever answers for it.
package struct TrustLimits: Hashable, Sendable {
    /// Bytes of one root.
    package var root = 512_000
    package var timestamp = 16_384
    package var snapshot = 2_000_000
    /// Bytes of one targets role's metadata.
    package var targets = 5_000_000
    /// Versions of the root that one refresh goes through.
    package var rootVersions = 1_024
    /// Targets roles that one search asks.
    package var roles = 32
    package var json = JSONParser.Limits()

    package init() {}
}
