/// The bounds of the session framing. Both ends enforce them on what they receive, before they reserve memory.
package enum SessionLimits {
    /// The revisions of handshake, framing and hand-over that this build speaks.
    package static let revisions = SessionRevision.first...SessionRevision.severalGPUs
    /// The highest of them.
    package static var revision: UInt16 { revisions.upperBound }
    /// The payload of one frame.
    package static let framePayload = 1 << 20
    /// The least receive window: room for a greatest frame while a quarter of the window is not yet given back.
    package static let leastWindow: UInt32 = 2 << 20
    package static let greatestWindow: UInt32 = 64 << 20
    /// What this build offers.
    package static let defaultWindow: UInt32 = 4 << 20
    /// A client's hello after its prefix.
    package static let clientHello = 4096
    /// A worker's hello after its prefix.
    package static let serverHello = 512 << 10
    /// The device-information blob.
    package static let deviceInformation = 256 << 10
    /// Texts that explain (a refusal, a farewell).
    package static let message = 1024
    package static let interfaceKind = 32
    package static let semanticVersion = 64
    /// Digests of other bundles that an end was tested with.
    package static let acceptedDigests = 64
    /// Pings without their pong.
    package static let outstandingPings = 16
    /// Bytes of control frames that wait for a peer that does not read.
    package static let unsentControl = 64 << 10
}
