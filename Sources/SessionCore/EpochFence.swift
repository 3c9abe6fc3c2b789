package import FleetModel

/// A GPU server's memory, for one device, of the newest epoch that it has seen.
///
/// Obeying waits until a bound at or above the epoch is durable, so that a restarted server refuses what it refused
/// before. The bound is written ahead in strides of ``stride`` epochs, so that one durable write serves many commands;
/// after a restart the fence stands at that bound, and a manager of the same term learns of it and continues above.
package struct EpochFence: Hashable, Sendable {
    /// What to do with a command.
    package enum OnCommand: Hashable, Sendable {
        case obey
        /// Obey once ``EpochFence/bound(made:)`` was told that this bound is durable.
        case obeyOnceDurable(bound: Epoch)
        case refuse(seen: Epoch)
    }

    package static let stride: UInt64 = 1_024

    package private(set) var seen: Epoch
    package private(set) var durableBound: Epoch

    /// - Parameter durableBound: what was durable when the server started, or ``Epoch/zero``.
    package init(durableBound: Epoch) {
        seen = durableBound
        self.durableBound = durableBound
    }

    /// Takes note of a command's epoch. An epoch equal to the newest is a repeat and is obeyed again.
    package mutating func commandReceived(_ epoch: Epoch) -> OnCommand {
        guard epoch >= seen else { return .refuse(seen: seen) }
        seen = epoch
        guard epoch > durableBound else { return .obey }
        return .obeyOnceDurable(bound: Epoch(term: epoch.term, counter: epoch.counter | (Self.stride - 1)))
    }

    /// Takes note that `bound` is durable.
    package mutating func bound(made bound: Epoch) { durableBound = max(durableBound, bound) }
}
