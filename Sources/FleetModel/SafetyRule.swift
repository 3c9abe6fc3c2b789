/// What may never happen (design, section 6), of that which a running manager can see happen: it compares what peers
/// report with what it has granted. Each is counted, and reads zero in a sound system.
package enum SafetyRule: String, Hashable, Sendable, Codable, CaseIterable {
    /// A grant is held where it was not granted: on another GPU server, or by another agent.
    case twoHolders = "two-holders"
    /// A GPU server came back with an older epoch than it had obeyed: it would obey a manager of the past.
    case epoch
    /// A GPU server has set aside more memory than a device has.
    case memory
    /// A GPU server goes on holding, unused, what no manager has granted.
    case lease
    /// A program holds a session of which nothing is known: an acknowledged grant was lost.
    case durability
}
