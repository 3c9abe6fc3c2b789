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

    /// Takes note of the term of a manager that has taken over, before any command of it.
    /// - Returns: the bound to make durable; nil where one of that term, or a later one, is.
    package mutating func termBegan(_ term: UInt64) -> Epoch? {
        guard durableBound.term < term else { return nil }
        seen = max(seen, Epoch(term: term, counter: 0))
        return Epoch(term: term, counter: Self.stride - 1)
    }

    /// What a manager may rely on: no epoch before this one is obeyed, whatever happens to this server.
    package var assured: Epoch { min(seen, durableBound) }

    /// Takes note that `bound` is durable.
    package mutating func bound(made bound: Epoch) { durableBound = max(durableBound, bound) }
}
