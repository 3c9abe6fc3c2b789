package import FleetModel

/// What the steps up the readiness ladder save a program's first command, and what the levels hold.
///
/// The running system measures these (``LadderMeasurements``); until it has, they are the figures of this project's own
/// loopback system with PoCL (`docs/benchmarks.md`).
package struct LadderCosts: Hashable, Sendable {
    /// From the request to the first command's end where everything was prepared, milliseconds.
    package var attachMs: Double
    /// More where memory had still to be set aside beside a warm session.
    package var reserveMs: Double
    /// More where worker, context and handshake were missing.
    package var openMs: Double
    /// More where the bundle had still to be fetched and verified.
    package var stageMs: Double
    /// What a warm session holds of device and host memory, as a share of one device; 0 to 1.
    package var warmShare: Double

    package init(
        attachMs: Double = 1.9, reserveMs: Double = 4, openMs: Double = 37, stageMs: Double = 450,
        warmShare: Double = 0.0015
    ) {
        self.attachMs = attachMs
        self.reserveMs = reserveMs
        self.openMs = openMs
        self.stageMs = stageMs
        self.warmShare = warmShare
    }

    /// Milliseconds from the request to the end of the first command where the GPU was found at `level`.
    package func waitMs(found level: Readiness) -> Double {
        var wait = attachMs
        if level < .reserved { wait += reserveMs }
        if level < .warm { wait += openMs }
        if level < .staged { wait += stageMs }
        return wait
    }

    /// Milliseconds from a decision to `level` on, from `held`, the bundle being there.
    package func leadMs(from held: Readiness, to level: Readiness) -> Double {
        (held < .warm && level >= .warm ? openMs : 0) + (held < .reserved && level >= .reserved ? reserveMs : 0)
    }
}
