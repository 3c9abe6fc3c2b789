/// Deliberate faults, for the tests of the simulator's checkers only: each breaks one rule that must never be broken,
/// and a test shows that a checker finds it. No configuration of a daemon reaches them.
package enum SeededBug: String, Hashable, Sendable, CaseIterable {
    /// A GPU server obeys a command of any epoch.
    case noEpochCheck = "no-epoch-check"
    /// A GPU server obeys before the epoch is durable, so that a restart forgets it.
    case epochNotDurable = "epoch-not-durable"
    /// A GPU server does not check what is free before it sets memory aside.
    case noMemoryCheck = "no-memory-check"
    /// A GPU server that restarts forgets the workers that still run.
    case forgetWorkersOnRestart = "forget-workers-on-restart"
    /// A GPU server renews a grant whose lease is over.
    case renewAfterExpiry = "renew-after-expiry"
    /// A GPU server never ends what is not renewed.
    case leaseNeverExpires = "lease-never-expires"
    /// A GPU server calls a grant released before its worker is gone.
    case releaseBeforeExit = "release-before-exit"
    /// A GPU server says that a grant is released, and goes on holding it.
    case keepReleased = "keep-released"
    /// The manager tells of a grant before it is durable.
    case acknowledgeBeforeCommit = "acknowledge-before-commit"
    /// The manager counts memory as free when it asks for a release, not when it is confirmed.
    case freeBeforeConfirmation = "free-before-confirmation"
    /// The manager forgets its grants when it restarts.
    case forgetGrantsOnRestart = "forget-grants-on-restart"
    /// The manager gives the ticket of one grant to another.
    case reuseTicket = "reuse-ticket"
    /// The agent hands a session over that is warm only, as if it were reserved.
    case handOverWarm = "hand-over-warm"
    /// The agent hands one session to two programs.
    case handOverTwice = "hand-over-twice"
    /// The agent hands over what there is of several virtual GPUs, and not the rest.
    case handOverPart = "hand-over-part"
    /// The manager places the virtual GPUs of one instance without regard to each other.
    case ignoreSiblings = "ignore-siblings"
    /// The manager starts sessions without asking whether both ends have the version.
    case ignoreSharedVersion = "ignore-shared-version"
    /// The manager takes back what a program holds when its grace is over, and the GPU server obeys.
    case releaseAttached = "release-attached"
    /// The manager takes a session from its program without waiting for the end of the notice.
    case takeWithoutNotice = "take-without-notice"
    /// The manager lets everybody have a version whose rollout has come to a few.
    case ignoreRollout = "ignore-rollout"
    /// The manager lets a stage of a rollout change as much of a tenant and a class as there is.
    case ignoreRolloutLimits = "ignore-rollout-limits"
}
