/// What the steps of the readiness ladder save a program, as the running system measures them, over the whole fleet.
package struct LadderOverview: Hashable, Sendable {
    /// To have a new interface version on both ends, milliseconds.
    package var stageMs: Double
    /// To have a session open to a worker with a context, milliseconds.
    package var openMs: Double
    /// To have memory set aside beside an open session, milliseconds.
    package var reserveMs: Double
    /// What a warm session holds, as a share of one device; 0 to 1.
    package var warmShare: Double
    /// What a warm session's worker holds of its host's memory; 0 before it is measured.
    package var warmHostMemory: Bytes
    /// Steps that were measured.
    package var measured: UInt64

    package init(
        stageMs: Double = 0, openMs: Double = 0, reserveMs: Double = 0, warmShare: Double = 0,
        warmHostMemory: Bytes = .zero, measured: UInt64 = 0
    ) {
        self.stageMs = stageMs
        self.openMs = openMs
        self.reserveMs = reserveMs
        self.warmShare = warmShare
        self.warmHostMemory = warmHostMemory
        self.measured = measured
    }
}
