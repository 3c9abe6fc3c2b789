package import FleetModel

/// What is to be done, in this order, and the pool as it is then.
package struct AllocationPlan: Equatable, Sendable {
    package var actions: [AllocationAction]
    /// The pool with everything that the plan reserves and opens counted. What the plan gives back is still counted:
    /// it is free when the GPU server has confirmed, and the caller says so then (see ``AllocationAction``).
    package var pool: Pool

    /// Whether a raise is wanted and not possible.
    package var isShort: Bool {
        actions.contains(where: \.isContention)
    }

    package init(actions: [AllocationAction], pool: Pool) {
        self.actions = actions
        self.pool = pool
    }
}

/// One decision about one instance.
///
/// | action | already in the plan's pool | for the caller, once the GPU server has confirmed |
/// |---|---|---|
/// | `openWarm` | one warm session more | – |
/// | `reserve`, existing nil | the slice | – |
/// | `reserve`, existing warm | the slice; one warm session fewer | – |
/// | `reserve`, existing reserved | the new slice in place of the old, which was smaller | – |
/// | `lower` | one warm session more | `free` the slice |
/// | `release` of a warm grant | – | `closeWarm` |
/// | `release` of a reserved grant | – | `free` the slice |
///
/// Where a raise fails, the caller undoes what the plan's pool has counted.
package enum AllocationAction: Hashable, Sendable {
    /// Open a session with a worker and a context, and no memory.
    case openWarm(InstanceID, DeviceID)
    /// Set a slice aside. `existing` is the warm or smaller reserved grant that gets it in place, on its own device;
    /// nil asks for a new grant. A warm grant whose device is full is moved: its ``release(_:_:_:)`` comes just before
    /// a `reserve` with nil for the same instance.
    case reserve(InstanceID, DeviceID, Slice, existing: GrantID?)
    /// Give the memory of an unused reservation back and keep its session warm: it was not used in its grace period and
    /// the session is still worth it, or the memory is taken for another instance.
    case lower(InstanceID, GrantID, ReclaimReason)
    case release(InstanceID, GrantID, ReclaimReason)
    /// A raise is wanted and not possible now.
    case contend(InstanceID, Contention)

    /// Whether nothing is done: it says what is wanted and not possible.
    package var isContention: Bool { if case .contend = self { true } else { false } }

    /// Where a session is opened; nil for what changes one that is there.
    package var newDevice: DeviceID? {
        switch self {
        case .openWarm(_, let device), .reserve(_, let device, _, nil): device
        case .reserve, .lower, .release, .contend: nil
        }
    }

    package var instance: InstanceID {
        switch self {
        case .openWarm(let instance, _), .reserve(let instance, _, _, _), .lower(let instance, _, _),
            .release(let instance, _, _), .contend(let instance, _):
            instance
        }
    }
}

/// Why an instance has not what it should have.
package struct Contention: Hashable, Sendable, CustomStringConvertible {
    package enum Reason: Hashable, Sendable {
        /// The pool has no device that is available.
        case noDevice
        /// Even the device with the most free memory lacks this much.
        case memory(shortBy: Bytes)
        /// Of the devices with enough memory, even the one with the most free compute lacks this much.
        case compute(shortBy: MilliShare)
        /// Every device carries as many warm sessions as it may.
        case warmLimit
        /// The tenant's quota lacks this much.
        case quota(shortBy: Bytes)
        /// The class's idle budget lacks this much.
        case idleBudget(shortBy: Bytes)
        /// This unused reservation is being taken back: of a lower class, or of its own where it is less probable.
        case waitingForPreemption(GrantID)
        /// The two ends have no shared interface version yet.
        case notStaged
    }

    /// A warm session is wanted, and no device has room for one.
    package static let warmSession = Self(reason: .warmLimit, wanted: .warm, slice: .zero)

    package var reason: Reason
    /// ``Readiness/warm`` or ``Readiness/reserved``.
    package var wanted: Readiness
    /// What was wanted: zero for a warm session.
    package var slice: Slice

    package init(reason: Reason, wanted: Readiness, slice: Slice) {
        self.reason = reason
        self.wanted = wanted
        self.slice = slice
    }

    /// For example `reserved 512 MiB and 300/1000 compute: memory short by 128 MiB`.
    package var description: String {
        let amount =
            wanted == .reserved
            ? " \(slice.memory.inWholeUnits) and \(slice.compute.rawValue)/1000 compute" : ""
        return "\(wanted)\(amount): \(reasonText)"
    }

    private var reasonText: String {
        switch reason {
        case .noDevice: "no device is available"
        case .memory(let missing): "memory short by \(missing.inWholeUnits)"
        case .compute(let missing): "compute short by \(missing.rawValue)/1000"
        case .warmLimit: "every device has as many warm sessions as it may"
        case .quota(let missing): "the tenant's quota is short by \(missing.inWholeUnits)"
        case .idleBudget(let missing): "the class's idle budget is short by \(missing.inWholeUnits)"
        case .waitingForPreemption(let grant): "waiting for \(grant) to be taken back"
        case .notStaged: "no interface version is shared yet"
        }
    }
}
