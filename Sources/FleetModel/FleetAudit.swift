/// What GPU servers hold, against what is granted: of each kind of disagreement how much there is now that has lasted
/// longer than any message takes. All zero in a sound system.
package struct FleetAudit: Hashable, Sendable {
    /// Slices and sessions that a GPU server holds and no grant accounts for, and their memory.
    package var unaccounted: Int
    package var unaccountedMemory: Bytes
    /// Grants of which a GPU server had said that it holds them, and that it lists no more; and their memory.
    package var unheld: Int
    package var unheldMemory: Bytes
    /// Memory that the pool counts as promised and no grant has, or the other way round; summed over the devices.
    package var miscounted: Bytes

    package init(
        unaccounted: Int = 0, unaccountedMemory: Bytes = .zero, unheld: Int = 0, unheldMemory: Bytes = .zero,
        miscounted: Bytes = .zero
    ) {
        self.unaccounted = unaccounted
        self.unaccountedMemory = unaccountedMemory
        self.unheld = unheld
        self.unheldMemory = unheldMemory
        self.miscounted = miscounted
    }

    package var isClean: Bool { self == FleetAudit() }
}
