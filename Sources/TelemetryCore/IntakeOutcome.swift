/// What became of the samples of one report.
package struct IntakeOutcome: Hashable, Sendable {
    /// Samples that are part of a second yet to be taken.
    package var accepted = 0
    /// Samples of seconds that had been given up and filled.
    package var late = 0
    /// Samples that had come before.
    package var duplicate = 0
    /// Samples whose time makes no sense, that belong to an earlier life of the instance, or that exceed the bound of a
    /// report.
    package var rejected = 0
    /// Values (not samples) that were left out: negative, not a number, or beyond what any machine has.
    package var implausibleValues = 0

    package init() {}

    package static func += (left: inout Self, right: Self) {
        left.accepted += right.accepted
        left.late += right.late
        left.duplicate += right.duplicate
        left.rejected += right.rejected
        left.implausibleValues += right.implausibleValues
    }
}
