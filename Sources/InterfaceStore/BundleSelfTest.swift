/// What a version has to stand on a host before it is used there.
package struct BundleSelfTest: Sendable {
    /// Whether a test that the bundle stood in a life before still counts. Asked once of each, at the start.
    package var isPassed: @Sendable (ActiveBundle) -> Bool
    /// Throws where the bundle must not be used on this host.
    package var run: @Sendable (ActiveBundle) async throws -> Void

    package init(
        isPassed: @escaping @Sendable (ActiveBundle) -> Bool,
        run: @escaping @Sendable (ActiveBundle) async throws -> Void
    ) {
        self.isPassed = isPassed
        self.run = run
    }

    /// Nothing: for hosts that have no device to test on.
    package static let none = BundleSelfTest(isPassed: { _ in true }, run: { _ in })
}
